import Primitives
import RTP
import Testing

/// Compounds beyond the everyday one: many blocks, many chunks, several who leave.
@Suite struct RTCPCompoundTests {
    private static func block(_ ssrc: UInt32) -> RTCPReportBlock {
        RTCPReportBlock(ssrc: ssrc, fractionLost: 1, cumulativeLost: 2, extendedHighest: 3, jitterTicks: 4)
    }

    @Test(arguments: [(0, 1), (1, 1), (31, 1), (32, 2), (62, 2), (63, 3)])
    func `blocks that one packet cannot hold follow in the next`(blocks: Int, packets: Int) throws {
        var bytes = [UInt8](repeating: 0, count: 2_000)
        let size = try bytes.withUnsafeMutableBytes { buffer in
            var writer = RTCPWriter(buffer)
            try writer.report(
                ssrc: 7, sender: RTCPSenderInfo(ntp: 1, timestamp: 2, packets: 3, octets: 4),
                blocks: (0..<blocks).map { Self.block(UInt32($0)) })
            return writer.count
        }
        try withBytes(Array(bytes[..<size])) { datagram in
            var reader = try RTCPReader(datagram)
            var sources: [UInt32] = []
            var kinds: [String] = []
            while let packet = reader.next() {
                switch packet {
                case .senderReport(7, _, let blocks):
                    kinds.append("SR")
                    sources += (0..<blocks.count).map { blocks[$0].ssrc }
                case .receiverReport(7, let blocks):
                    kinds.append("RR")
                    sources += (0..<blocks.count).map { blocks[$0].ssrc }
                default: kinds.append("?")
                }
            }
            #expect(sources == (0..<UInt32(blocks)).map { $0 })
            #expect(kinds == ["SR"] + Array(repeating: "RR", count: packets - 1))
        }
    }

    @Test func `every chunk's name is found`() throws {
        let empty: [UInt8] = [0x80, 201, 0, 1, 0, 0, 0, 1]
        let chunks: [UInt8] = [
            0x82, 202, 0, 6,
            0, 0, 0, 1, 2, 3, 65, 66, 67, 1, 1, 88, 0, 0, 0, 0,  // NAME "ABC", CNAME "X"
            0, 0, 0, 2, 1, 1, 89, 0,  // CNAME "Y"
        ]
        var sdes = chunks
        sdes[3] = UInt8((chunks.count - 4) / 4)
        try withBytes(empty + sdes) { datagram in
            var reader = try RTCPReader(datagram)
            _ = reader.next()
            guard case .sourceDescription(let description) = reader.next() else {
                Issue.record("no SDES")
                return
            }
            #expect(description.chunkCount == 2)
            #expect(description.cname(of: 1).map(Array.init) == [88])
            #expect(description.cname(of: 2).map(Array.init) == [89])
            #expect(description.cname().map(Array.init) == [88])
        }
    }

    /// The BYE that comes second in the compound.
    private func withGoodbye(_ bytes: [UInt8], _ body: (RTCPGoodbye) -> Void) throws {
        try withBytes(bytes) { datagram in
            var reader = try RTCPReader(datagram)
            _ = reader.next()
            guard case .goodbye(let goodbye) = reader.next() else {
                Issue.record("no BYE")
                return
            }
            body(goodbye)
        }
    }

    @Test func `several leave with a reason`() throws {
        let bytes: [UInt8] = [
            0x80, 201, 0, 1, 0, 0, 0, 1,
            0x82, 203, 0, 3, 0, 0, 0, 1, 0, 0, 0, 9, 2, 104, 105, 0,
        ]
        try withGoodbye(bytes) { sources in
            #expect(sources.contains(9) && sources.contains(1) && !sources.contains(2))
            #expect(sources.reason.map { String(decoding: $0, as: UTF8.self) } == "hi")
        }
    }

    @Test func `a reason that is cut short is none`() throws {
        let bytes: [UInt8] = [
            0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 203, 0, 2, 0, 0, 0, 1, 200, 104, 105, 0,
        ]
        try withGoodbye(bytes) { sources in
            #expect(sources.reason == nil)
        }
    }

    @Test func `padding is no content`() throws {
        // A receiver report that has room for its block only with the padding.
        var bytes: [UInt8] = [0xA1, 201, 0, 7] + [UInt8](repeating: 0, count: 28)
        bytes[31] = 4
        #expect(throws: RTPError.badRTCPLength(bytes: 32)) { try withBytes(bytes) { _ = try RTCPReader($0) } }
        bytes += [0, 0, 0, 4]
        bytes[3] = 8
        try withBytes(bytes) { datagram in
            var reader = try RTCPReader(datagram)
            guard case .receiverReport(_, let blocks) = reader.next() else {
                Issue.record("no RR")
                return
            }
            #expect(blocks.count == 1)
        }
    }

    @Test func `only the peer's own BYE ends it, and a later report revives it`() throws {
        var entropy = Entropy(SeededGenerator(seed: 1))
        var session = RTCPSession(entropy: &entropy)
        let report: [UInt8] = [0x80, 201, 0, 1, 0, 0, 0, 1]
        try withBytes(report + [0x81, 203, 0, 1, 0, 0, 0, 2]) {
            try session.receive($0, localSSRC: 5, at: .origin)
        }
        #expect(!session.isPeerGone)
        try withBytes(report + [0x81, 203, 0, 1, 0, 0, 0, 1]) {
            try session.receive($0, localSSRC: 5, at: .origin)
        }
        #expect(session.isPeerGone)
        try withBytes(report) { try session.receive($0, localSSRC: 5, at: .origin) }
        #expect(!session.isPeerGone)
    }

    @Test(
        arguments: [
            ([0x80, 0, 0, 1, 0, 0, 0, 0], DatagramKind.rtp),
            ([0x80, 0x80 | 96, 0, 1, 0, 0, 0, 0], .rtp),  // marker, dynamic payload type: 224
            ([0x80, 0x80 | 63, 0, 1, 0, 0, 0, 0], .rtp),  // 191
            ([0x80, 200, 0, 1, 0, 0, 0, 0], .rtcp), ([0x81, 201, 0, 1, 0, 0, 0, 0], .rtcp),
            ([0x80, 192, 0, 1, 0, 0, 0, 0], .rtcp), ([0x80, 223, 0, 1, 0, 0, 0, 0], .rtcp),
            ([0x00, 1, 0, 0, 0, 0, 0, 0], .stun), ([22, 254, 255, 0, 0, 0, 0, 0], .dtls), ([], .unknown),
        ] as [([UInt8], DatagramKind)])
    func `a shared port tells RTP from RTCP`(bytes: [UInt8], kind: DatagramKind) {
        withBytes(bytes) { #expect(DatagramKind($0) == kind) }
    }

    @Test func `the second packet with our SSRC from an address is a loop`() throws {
        let source = try #require(IPAddress("192.0.2.1"))
        var conflicts = SSRCConflicts()
        #expect(conflicts.judge(source, at: .origin) == .collision)
        #expect(conflicts.judge(source, at: .origin + .seconds(40)) == .loop)
        #expect(conflicts.judge(source, at: .origin + .seconds(80)) == .loop)
        #expect(conflicts.judge(source, at: .origin + .seconds(131)) == .collision)
    }

    @Test func `conflicting addresses are remembered up to the limit`() throws {
        var conflicts = SSRCConflicts()
        let sources = try (1...SSRCConflicts.capacity + 1).map { try #require(IPAddress("192.0.2.\($0)")) }
        for (index, source) in sources.enumerated() {
            #expect(conflicts.judge(source, at: .origin + .seconds(index)) == .collision)
        }
        #expect(conflicts.judge(sources[1], at: .origin + .seconds(9)) == .loop)
        #expect(conflicts.judge(sources[0], at: .origin + .seconds(9)) == .collision)
    }
}
