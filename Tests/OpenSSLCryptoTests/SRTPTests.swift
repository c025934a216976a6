import OpenSSLCrypto
import Primitives
import RTP
import Testing

extension PacketProtector {
    /// The protected form of a packet.
    func protect(_ plain: [UInt8], isRTCP: Bool = false) throws -> [UInt8] {
        var bytes = plain + [UInt8](repeating: 0xEE, count: 24)
        let size = try bytes.withUnsafeMutableBytes { buffer in
            isRTCP ? try protectRTCP(buffer, size: plain.count) : try protectRTP(buffer, size: plain.count)
        }
        return Array(bytes[..<size])
    }
}

extension PacketUnprotector {
    /// The packet inside a protected one.
    func unprotect(_ protected: [UInt8], isRTCP: Bool = false) throws -> [UInt8] {
        var bytes = protected
        let size = try bytes.withUnsafeMutableBytes { buffer in
            isRTCP ? try unprotectRTCP(buffer) : try unprotectRTP(buffer)
        }
        return Array(bytes[..<size])
    }
}

@Suite struct SRTPTests {
    private func pair(
        _ suite: SRTPSuite = .aesCM128HMACSHA1Tag80, lifetime: UInt64 = SRTPMasterKey.rtpLifetime
    ) throws -> (any PacketProtector, any PacketUnprotector) {
        let secret = Secret((0..<suite.masterBytes).map { UInt8($0) })
        let key = try #require(SRTPMasterKey(suite: suite, keyAndSalt: secret, lifetime: lifetime))
        let protection = OpenSSLPacketProtection()
        return (try protection.makeProtector(key), try protection.makeUnprotector(key))
    }

    private func packet(_ sequence: Int, ssrc: UInt32 = 7, first: UInt8 = 0x80, body: [UInt8] = [1, 2, 3]) -> [UInt8] {
        [first, 0, UInt8(sequence >> 8), UInt8(sequence & 0xFF), 0, 0, 0, 9, 0, 0, 0, UInt8(ssrc)] + body
    }

    private let report: [UInt8] = [0x80, 201, 0, 1, 0, 0, 0, 7]

    @Test(arguments: SRTPSuite.allCases)
    func `what was protected comes back, and looks like nothing on the way`(suite: SRTPSuite) throws {
        let (protector, unprotector) = try pair(suite)
        let voice = [UInt8](repeating: 0x55, count: 160)
        for sequence in 0..<300 {
            let plain = packet(sequence, body: voice)
            let protected = try protector.protect(plain)
            #expect(protected.count == plain.count + suite.rtpTagBytes)
            #expect(Array(protected[..<12]) == Array(plain[..<12]))
            #expect(Array(protected[12..<172]) != voice)
            #expect(try unprotector.unprotect(protected) == plain)
            let sealed = try protector.protect(report + [9, 9, 9, 9], isRTCP: true)
            #expect(sealed.count == 12 + 4 + suite.rtcpTagBytes)
            #expect(try unprotector.unprotect(sealed, isRTCP: true) == report + [9, 9, 9, 9])
        }
    }

    @Test(arguments: SRTPSuite.allCases)
    func `one flipped bit anywhere is noticed, and the true packet still taken`(suite: SRTPSuite) throws {
        let (protector, unprotector) = try pair(suite)
        _ = try unprotector.unprotect(protector.protect(packet(1)))
        for isRTCP in [false, true] {
            let plain = isRTCP ? report + [1, 2, 3, 4] : packet(2)
            let protected = try protector.protect(plain, isRTCP: isRTCP)
            for bit in 0..<protected.count * 8 {
                var altered = protected
                altered[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(throws: SRTPError.self, "bit \(bit)") { try unprotector.unprotect(altered, isRTCP: isRTCP) }
            }
            #expect(try unprotector.unprotect(protected, isRTCP: isRTCP) == plain)
        }
    }

    @Test(arguments: SRTPSuite.allCases)
    func `a replayed packet is refused, a late one within the window is not`(suite: SRTPSuite) throws {
        let (protector, unprotector) = try pair(suite)
        let packets = try (0..<200).map { try protector.protect(packet($0)) }
        for index in [0, 1, 199] { _ = try unprotector.unprotect(packets[index]) }
        #expect(throws: SRTPError.replayed) { try unprotector.unprotect(packets[199]) }
        #expect(throws: SRTPError.replayed) { try unprotector.unprotect(packets[1]) }
        #expect(throws: SRTPError.replayed) { try unprotector.unprotect(packets[71]) }
        #expect(try unprotector.unprotect(packets[72]) == packet(72))
        #expect(throws: SRTPError.replayed) { try unprotector.unprotect(packets[72]) }
        let sealed = try protector.protect(report, isRTCP: true)
        _ = try unprotector.unprotect(sealed, isRTCP: true)
        #expect(throws: SRTPError.replayed) { try unprotector.unprotect(sealed, isRTCP: true) }
    }

    @Test func `a forged packet ahead does not move the window`() throws {
        let (protector, unprotector) = try pair()
        _ = try unprotector.unprotect(protector.protect(packet(100)))
        for sequence in [5_000, 20_000, 32_000] {
            #expect(throws: SRTPError.forged) {
                try unprotector.unprotect(packet(sequence, body: [UInt8](repeating: 0, count: 20)))
            }
        }
        #expect(try unprotector.unprotect(protector.protect(packet(101))) == packet(101))
    }

    @Test(arguments: [SRTPSuite.aesCM128HMACSHA1Tag80, .aeadAES256GCM])
    func `the rollover counter is followed from both sides of the turn`(suite: SRTPSuite) throws {
        let (protector, unprotector) = try pair(suite)
        var held: [UInt8] = []
        for round in 0..<3 {
            for sequence in stride(from: round == 0 ? 60_000 : 0, to: 65_536, by: 1_000) {
                let protected = try protector.protect(packet(sequence))
                #expect(try unprotector.unprotect(protected) == packet(sequence))
            }
            let last = try protector.protect(packet(65_535))
            held = try protector.protect(packet(65_534))
            _ = try unprotector.unprotect(last)
            _ = try unprotector.unprotect(protector.protect(packet(1)))
            #expect(try unprotector.unprotect(held) == packet(65_534), "round \(round), late from before the turn")
        }
    }

    @Test(arguments: SRTPSuite.allCases)
    func `a stream that has turned over elsewhere is taken up, within reason`(suite: SRTPSuite) throws {
        let secret = Secret((0..<suite.masterBytes).map { UInt8($0) })
        let key = try #require(SRTPMasterKey(suite: suite, keyAndSalt: secret))
        for rollover in [UInt32(0), 1, 7] {
            let protector = try SRTPProtector(key, rollover: rollover)
            let unprotector = try SRTPUnprotector(key)
            for sequence in [65_000, 65_001, 2] {
                #expect(try unprotector.unprotect(protector.protect(packet(sequence))) == packet(sequence))
            }
        }
        let late = try SRTPProtector(key, rollover: 8).protect(packet(1))
        #expect(throws: SRTPError.forged) { try SRTPUnprotector(key).unprotect(late) }
    }

    @Test func `a sender never uses an index twice`() throws {
        let (protector, _) = try pair()
        _ = try protector.protect(packet(10))
        _ = try protector.protect(packet(12))
        _ = try protector.protect(packet(11))
        for sequence in [10, 11, 12] {
            #expect(throws: SRTPError.replayed) { try protector.protect(packet(sequence, body: [9, 9])) }
        }
        // Another source under the same key counts for itself.
        #expect(try protector.protect(packet(10, ssrc: 8)).count == 25)
    }

    @Test func `a key that has lived its life protects nothing more`() throws {
        let (protector, unprotector) = try pair(.aeadAES128GCM, lifetime: 3)
        for sequence in 0..<3 { _ = try unprotector.unprotect(protector.protect(packet(sequence))) }
        #expect(throws: SRTPError.keyExpired) { try protector.protect(packet(3)) }
        let key = try #require(
            SRTPMasterKey(suite: .aeadAES128GCM, keyAndSalt: Secret([UInt8](repeating: 1, count: 28))))
        let atEnd = try SRTPProtector(key, rtcpIndex: 0x7FFF_FFFF)
        _ = try atEnd.protect(report, isRTCP: true)
        #expect(throws: SRTPError.keyExpired) { try atEnd.protect(report, isRTCP: true) }
        #expect(SRTPMasterKey(suite: .aeadAES128GCM, keyAndSalt: Secret([1])) == nil)
    }

    @Test func `one direction's key does not open the other's packets`() throws {
        let (protector, _) = try pair(.aeadAES128GCM)
        let other = try #require(
            SRTPMasterKey(suite: .aeadAES128GCM, keyAndSalt: Secret([UInt8](repeating: 9, count: 28))))
        let unprotector = try OpenSSLPacketProtection().makeUnprotector(other)
        #expect(throws: SRTPError.forged) { try unprotector.unprotect(protector.protect(packet(1))) }
        #expect("\(other)" == "AEAD_AES_128_GCM <secret>")
    }

    @Test func `a packet without room for its tag is not touched`() throws {
        let (protector, _) = try pair()
        var bytes = packet(1)
        let before = bytes
        #expect(throws: SRTPError.noRoom(bytes: 15, needed: 25)) {
            try bytes.withUnsafeMutableBytes { buffer in
                try protector.protectRTP(buffer, size: buffer.count)
            }
        }
        #expect(bytes == before)
    }

    @Test(arguments: SRTPSuite.allCases)
    func `no bytes trap the receiving end`(suite: SRTPSuite) throws {
        let (protector, unprotector) = try pair(suite)
        var random = SeededGenerator(seed: 5)
        for round in 0..<3_000 {
            var bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if !bytes.isEmpty, round % 2 == 0 { bytes[0] = 0x80 | bytes[0] & 0x3F }
            #expect(throws: SRTPError.self) { try unprotector.unprotect(bytes) }
            #expect(throws: SRTPError.self) { try unprotector.unprotect(bytes, isRTCP: true) }
            _ = try? protector.protect(bytes)
            _ = try? protector.protect(bytes, isRTCP: true)
        }
    }
}
