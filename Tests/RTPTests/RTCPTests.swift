import Primitives
import RTP
import Testing

@Suite struct RTCPTests {
    private static let info = RTCPSenderInfo(ntp: 0x1234_5678_9ABC_DEF0, timestamp: 160, packets: 7, octets: 1_120)
    private static let block = RTCPReportBlock(
        ssrc: 9, fractionLost: 12, cumulativeLost: -5, extendedHighest: 0x1_0002, jitterTicks: 3,
        lastSenderReport: 0x5678_9ABC, delaySinceLastSenderReport: 65_536)

    private static func compound(sender: Bool, block: Bool, cname: String = "name", goodbye: Bool = true) throws
        -> [UInt8]
    {
        var bytes = [UInt8](repeating: 0xEE, count: 512)
        let count = try bytes.withUnsafeMutableBytes { buffer in
            var writer = RTCPWriter(buffer)
            try writer.report(ssrc: 5, sender: sender ? info : nil, block: block ? Self.block : nil)
            try writer.sourceDescription(ssrc: 5, cname: Array(cname.utf8))
            if goodbye { try writer.goodbye(ssrc: 5) }
            return writer.count
        }
        return Array(bytes[..<count])
    }

    @Test(arguments: [true, false], [true, false])
    func `a compound written is the compound read`(isSender: Bool, hasBlock: Bool) throws {
        try withBytes(Self.compound(sender: isSender, block: hasBlock)) { datagram in
            var reader = try RTCPReader(datagram)
            let report = reader.next()
            switch report {
            case .senderReport(let ssrc, let info, let blocks):
                #expect(isSender && ssrc == 5 && info == Self.info && blocks.count == (hasBlock ? 1 : 0))
                if hasBlock { #expect(blocks[0] == Self.block) }
            case .receiverReport(let ssrc, let blocks):
                #expect(!isSender && ssrc == 5 && blocks.count == (hasBlock ? 1 : 0))
                if hasBlock { #expect(blocks[0] == Self.block) }
            default: Issue.record("not a report")
            }
            guard case .sourceDescription(let description) = reader.next() else {
                Issue.record("no SDES")
                return
            }
            #expect(description.cname(of: 5).map { String(decoding: $0, as: UTF8.self) } == "name")
            #expect(description.cname(of: 6) == nil)
            guard case .goodbye(let sources) = reader.next() else {
                Issue.record("no BYE")
                return
            }
            #expect(sources.count == 1 && sources[0] == 5 && sources.reason == nil)
            #expect(reader.next() == nil)
        }
    }

    @Test(arguments: 0...9)
    func `a source description ends on a word boundary after a zero`(length: Int) throws {
        let bytes = try Self.compound(
            sender: false, block: false, cname: String(repeating: "c", count: length), goodbye: false)
        #expect(bytes.count.isMultiple(of: 4))
        #expect(bytes.last == 0)
        try withBytes(bytes) { datagram in
            var reader = try RTCPReader(datagram)
            _ = reader.next()
            guard case .sourceDescription(let description) = reader.next() else {
                Issue.record("no SDES")
                return
            }
            #expect(description.cname()?.count == length)
        }
    }

    @Test(
        arguments: [
            ([0x80, 201, 0, 1, 0, 0, 0], RTPError.tooShort(bytes: 7, needed: 8)),
            ([0x80, 202, 0, 1, 0, 0, 0, 1], .notRTCP(packetType: 202)),
            ([0x80, 0, 0, 1, 0, 0, 0, 1], .notRTCP(packetType: 0)),
            ([0x40, 201, 0, 1, 0, 0, 0, 1], .wrongVersion(1)),
            ([0x80, 201, 0, 2, 0, 0, 0, 1], .badRTCPLength(bytes: 8)),
            ([0x81, 201, 0, 1, 0, 0, 0, 1], .badRTCPLength(bytes: 8)),
            ([0x80, 200, 0, 1, 0, 0, 0, 1], .badRTCPLength(bytes: 8)),
            ([0x80, 201, 0, 1, 0, 0, 0, 1, 0x80, 203], .badRTCPLength(bytes: 10)),
            ([0xA0, 201, 0, 1, 0, 0, 0, 4, 0x80, 203, 0, 0], .badPadding(bytes: 4)),
            ([0xA0, 201, 0, 1, 0, 0, 0, 0], .badPadding(bytes: 0)),
        ] as [([UInt8], RTPError)])
    func `what is not RTCP is refused with its reason`(bytes: [UInt8], error: RTPError) {
        #expect(throws: error) { try withBytes(bytes) { _ = try RTCPReader($0) } }
        #expect(!error.description.isEmpty)
    }

    @Test func `no mutation of a compound traps the reader`() throws {
        let valid = try Self.compound(sender: true, block: true)
        #expect(RTCPMutations.accepted(of: valid, seed: 11) > 1_000)
    }

    @Test func `a buffer that is too small is refused, not overrun`() throws {
        for size in 0..<64 {
            var bytes = [UInt8](repeating: 0, count: size)
            bytes.withUnsafeMutableBytes { buffer in
                var writer = RTCPWriter(buffer)
                #expect(throws: RTPError.self) {
                    try writer.report(ssrc: 1, sender: Self.info, block: Self.block)
                    try writer.sourceDescription(ssrc: 1, cname: Array(repeating: 1, count: 24))
                }
            }
        }
    }

    /// Two peers with 30 ms between them: RFC 3550 section 6.4.1, figure 2.
    @Test func `the round trip is what the network adds`() throws {
        var entropy = Entropy(SeededGenerator(seed: 3))
        var near = RTCPSession(entropy: &entropy)
        var far = RTCPSession(entropy: &entropy)
        var nearReception = ReceptionStatistics(clockRate: 8_000)
        var farReception = ReceptionStatistics(clockRate: 8_000)
        let start = Instant.origin + .seconds(100)
        _ = farReception.receive(RTPHeader(payloadType: 0, sequence: 1, timestamp: 0, ssrc: 77), at: start)
        var bytes = [UInt8](repeating: 0, count: 200)

        let sent = try bytes.withUnsafeMutableBytes {
            try near.write(
                into: $0, ssrc: 77, sender: RTCPSenderInfo(ntp: start.ntp, timestamp: 0, packets: 1, octets: 1),
                reception: &nearReception, at: start)
        }
        try withBytes(Array(bytes[..<sent])) { try far.receive($0, localSSRC: 88, at: start + .milliseconds(15)) }
        #expect(far.roundTrip == nil)

        let answered = try bytes.withUnsafeMutableBytes {
            try far.write(
                into: $0, ssrc: 88, sender: nil, reception: &farReception, isLast: true,
                at: start + .milliseconds(2_015))
        }
        try withBytes(Array(bytes[..<answered])) {
            try near.receive($0, localSSRC: 77, at: start + .milliseconds(2_030))
        }
        let roundTrip = try #require(near.roundTrip)
        #expect(abs(roundTrip.inSeconds - 0.030) < 0.0001)
        #expect(near.isPeerGone)
    }
}
