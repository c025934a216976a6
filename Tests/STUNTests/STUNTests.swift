import Primitives
import STUN
import Testing

/// Vectors of RFC 5769 sections 2.1 to 2.3 (IETF Trust, code components under the simplified BSD licence).
struct STUNTests {
    private static let transactionID: [UInt8] = [
        0xB7, 0xE7, 0xA7, 0x01, 0xBC, 0x34, 0xD6, 0x86, 0xFA, 0x87, 0xDF, 0xAE,
    ]

    /// Section 2.1: request with SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME, MESSAGE-INTEGRITY and FINGERPRINT.
    private static let request = bytes(
        """
        00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74 00240004 6e0001ff
        80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020 00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249
        c1b571a2 80280004 e57a3bcf
        """)
    /// Section 2.2.
    private static let responseV4 = bytes(
        """
        0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200008 0001a147 e112a643
        00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96
        """)
    /// Section 2.3.
    private static let responseV6 = bytes(
        """
        01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200014 0002a147 0113a9fa
        a5d3f179 bc25f4b5 bed2b9d9 00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c
        """)

    private static func bytes(_ text: String) -> [UInt8] { Hex.decode(text.filter { !$0.isWhitespace }) ?? [] }

    @Test(arguments: [(request, STUNMessage.Kind.request), (responseV4, .success), (responseV6, .success)])
    func `the RFC's messages are read and written back byte for byte`(bytes: [UInt8], kind: STUNMessage.Kind) throws {
        #expect(STUNMessage.recognises(bytes))
        let message = try STUNMessage(parsing: bytes)
        #expect(message.kind == kind && message.method == STUNMessage.binding && message.hasFingerprint)
        #expect(message.transactionID == Self.transactionID)
        // Only the padding, which the RFC fills with blanks here, is ours.
        #expect(try STUNMessage(parsing: message.serialised()) == message)
        #expect(message.serialised().count == bytes.count)
    }

    @Test(arguments: [(responseV4, "192.0.2.1:32853"), (responseV6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")])
    func `the mapped address is read`(bytes: [UInt8], endpoint: String) throws {
        #expect(try STUNMessage(parsing: bytes).mappedAddress == Endpoint(endpoint))
    }

    @Test(arguments: ["192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"])
    func `a binding request is told where it came from`(text: String) throws {
        let remote = try #require(Endpoint(text))
        let request = STUNMessage(.request, transactionID: Self.transactionID)
        let answer = try STUNMessage(parsing: try #require(STUNMessage.answer(to: request.serialised(), from: remote)))
        #expect(answer.kind == .success && answer.transactionID == Self.transactionID && answer.hasFingerprint)
        #expect(answer.mappedAddress == remote)
        let vector = try STUNMessage(parsing: remote.address.isV4 ? Self.responseV4 : Self.responseV6)
        #expect(answer.attributes.first == vector.attributes.first { $0.type == STUNMessage.xorMappedAddress })
    }

    @Test func `a request without FINGERPRINT is answered without`() throws {
        let request = STUNMessage(.request, transactionID: Self.transactionID, hasFingerprint: false)
        let remote = Endpoint(address: .loopbackV4, port: 5060)
        let bytes = try #require(STUNMessage.answer(to: request.serialised(), from: remote))
        #expect(try !STUNMessage(parsing: bytes).hasFingerprint && bytes.count == 32)
    }

    @Test func `an attribute that must be understood and is not gives 420`() throws {
        let remote = Endpoint(address: .loopbackV4, port: 5060)
        let answer = try STUNMessage(parsing: try #require(STUNMessage.answer(to: Self.request, from: remote)))
        #expect(answer.kind == .failure)
        #expect(answer.attributes.first?.value.prefix(4) == [0, 0, 4, 20])
        // PRIORITY; ICE-CONTROLLED need not be understood.
        #expect(answer.attributes.last == STUNMessage.Attribute(STUNMessage.unknownAttributes, [0, 0x24]))
    }

    @Test(arguments: [STUNMessage.Kind.success, .failure, .indication])
    func `only requests are answered`(kind: STUNMessage.Kind) {
        let message = STUNMessage(kind, transactionID: Self.transactionID)
        let remote = Endpoint(address: .loopbackV4, port: 5060)
        #expect(STUNMessage.answer(to: message.serialised(), from: remote) == nil)
        let allocate = STUNMessage(.request, method: 3, transactionID: Self.transactionID)
        #expect(STUNMessage.answer(to: allocate.serialised(), from: remote) == nil)
    }

    @Test func `a wrong fingerprint, and one that is not last, are refused`() {
        var bytes = Self.request
        bytes[40] ^= 1
        #expect(throws: STUNError.wrongFingerprint) { try STUNMessage(parsing: bytes) }
        var early = STUNMessage(.request, transactionID: Self.transactionID).serialised()
        early += [0x80, 0x22, 0, 0]
        early[3] = 12
        #expect(throws: STUNError.self) { try STUNMessage(parsing: early) }
    }

    @Test func `every method and class keeps its bits`() throws {
        for method in UInt16(0)..<0x1000 {
            let message = STUNMessage(
                .failure, method: method, transactionID: Self.transactionID, hasFingerprint: false)
            #expect(try STUNMessage(parsing: message.serialised()) == message)
        }
    }

    @Test func `no cut and no changed byte does harm`() {
        let remote = Endpoint(address: .loopbackV4, port: 5060)
        for count in 0..<Self.request.count { #expect(!STUNMessage.recognises(Self.request.prefix(count))) }
        for index in Self.request.indices {
            for value in [UInt8(0), 1, 0x7F, 0x80, 0xFF] {
                var bytes = Self.request
                bytes[index] = value
                _ = STUNMessage.answer(to: bytes, from: remote)
            }
        }
        #expect(!STUNMessage.recognises(Array("OPTIONS sip:a SIP/2.0\r\n".utf8)))
        #expect(!STUNMessage.recognises(Array("\r\n\r\n".utf8)))
    }
}
