import Primitives
import RTP
import Testing

@Suite struct RTCPExtendedReportTests {
    private static var metrics: VoIPMetrics {
        var metrics = VoIPMetrics(ssrc: 0xDEAD_BEEF)
        metrics.lossRate = 1
        metrics.discardRate = 2
        metrics.burstDensity = 3
        metrics.gapDensity = 4
        metrics.burstDuration = 500
        metrics.gapDuration = 60_000
        metrics.roundTripDelay = 70
        metrics.endSystemDelay = 80
        metrics.signalLevel = 0xEE
        metrics.rFactor = 93
        metrics.mosListening = 44
        metrics.mosConversational = 43
        metrics.receiverConfiguration = 0xF0
        metrics.bufferNominal = 40
        metrics.bufferMaximum = 60
        metrics.bufferAbsoluteMaximum = 400
        return metrics
    }

    private static func compound() throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: 512)
        let size = try bytes.withUnsafeMutableBytes { buffer in
            var writer = RTCPWriter(buffer)
            try writer.report(ssrc: 5, sender: nil, block: nil)
            try writer.extendedReport(
                ssrc: 5, referenceTime: 0x0102_0304_0506_0708,
                delay: RTCPReceiverDelay(ssrc: 9, lastReceiverReport: 10, delaySinceLastReceiverReport: 11),
                metrics: metrics)
            return writer.count
        }
        return Array(bytes[..<size])
    }

    @Test func `blocks written are blocks read`() throws {
        try withBytes(Self.compound()) { datagram in
            var reader = try RTCPReader(datagram)
            _ = reader.next()
            guard case .extendedReport(5, var blocks) = reader.next() else {
                Issue.record("no XR")
                return
            }
            guard case .receiverReferenceTime(0x0102_0304_0506_0708) = blocks.next() else {
                Issue.record("no reference time")
                return
            }
            guard case .receiverDelays(let delays) = blocks.next() else {
                Issue.record("no DLRR")
                return
            }
            #expect(delays.count == 1)
            #expect(delays[0].ssrc == 9 && delays[0].lastReceiverReport == 10)
            guard case .voipMetrics(let metrics) = blocks.next() else {
                Issue.record("no metrics")
                return
            }
            #expect(metrics == Self.metrics)
            #expect(metrics.externalRFactor == VoIPMetrics.unavailable && metrics.gmin == 16)
            #expect(blocks.next() == nil)
            #expect(reader.next() == nil)
        }
    }

    /// RFC 3611 section 4.7: where each field stands.
    @Test func `the metrics block has the layout of the RFC`() throws {
        let bytes = try Self.compound()
        let block = Array(bytes.suffix(36))
        #expect(block[..<8] == [7, 0, 0, 8, 0xDE, 0xAD, 0xBE, 0xEF])
        #expect(block[8..<16] == [1, 2, 3, 4, 1, 0xF4, 0xEA, 0x60])
        #expect(block[16..<24] == [0, 70, 0, 80, 0xEE, 127, 127, 16])
        #expect(block[24..<32] == [93, 127, 44, 43, 0xF0, 0, 0, 40])
        #expect(block[32...] == [0, 60, 1, 0x90])
    }

    @Test(
        arguments: [
            ([4, 0, 0, 3] + [UInt8](repeating: 0, count: 12), 4),  // reference time, too long
            ([5, 0, 0, 2] + [UInt8](repeating: 0, count: 8), 5),  // half a sub-block
            ([7, 0, 0, 1, 0, 0, 0, 0], 7), ([200, 0, 0, 0], 200),
        ] as [([UInt8], UInt8)])
    func `a block of another type or length is passed over`(block: [UInt8], type: UInt8) throws {
        let words = UInt8(1 + block.count / 4)
        try withBytes([0x80, 201, 0, 1, 0, 0, 0, 1, 0x80, 207, 0, words, 0, 0, 0, 1] + block) { datagram in
            var reader = try RTCPReader(datagram)
            _ = reader.next()
            guard case .extendedReport(1, var blocks) = reader.next(), case .other(type) = blocks.next() else {
                Issue.record("not passed over")
                return
            }
            #expect(blocks.next() == nil)
        }
    }

    @Test(arguments: [[4, 0, 0, 9, 0, 0, 0, 0], [7, 0, 0xFF, 0xFF]] as [[UInt8]])
    func `blocks that do not add up refuse the compound`(block: [UInt8]) throws {
        let words = UInt8(1 + block.count / 4)
        let bytes = [0x80, 201, 0, 1, 0, 0, 0, 1, 0x80, 207, 0, words, 0, 0, 0, 1] + block
        #expect(throws: RTPError.badRTCPLength(bytes: bytes.count)) {
            try withBytes(bytes) { _ = try RTCPReader($0) }
        }
    }

    @Test func `no mutation of an extended report traps the reader`() throws {
        #expect(RTCPMutations.accepted(of: try Self.compound(), seed: 13) > 1_000)
    }

    /// Who sends no RTP has no sender reports: its reference time comes back 50 ms later, kept for 2 s.
    @Test func `who only listens learns the round trip by its reference time`() throws {
        var entropy = Entropy(SeededGenerator(seed: 3))
        var near = RTCPSession(entropy: &entropy)
        var far = RTCPSession(entropy: &entropy)
        var none = ReceptionStatistics(clockRate: 8_000)
        let start = Instant.origin + .seconds(100)
        var bytes = [UInt8](repeating: 0, count: 200)
        let asked = try bytes.withUnsafeMutableBytes {
            try near.write(into: $0, ssrc: 77, sender: nil, reception: &none, at: start)
        }
        try withBytes(Array(bytes[..<asked])) { try far.receive($0, localSSRC: 88, at: start + .milliseconds(25)) }
        let answered = try bytes.withUnsafeMutableBytes {
            try far.write(
                into: $0, ssrc: 88, sender: RTCPSenderInfo(ntp: 1, timestamp: 1, packets: 1, octets: 1),
                reception: &none, at: start + .milliseconds(2_025))
        }
        try withBytes(Array(bytes[..<answered])) {
            try near.receive($0, localSSRC: 77, at: start + .milliseconds(2_050))
        }
        let roundTrip = try #require(near.roundTrip)
        #expect(abs(roundTrip.inSeconds - 0.050) < 0.0001)
    }

    @Test func `metrics about our stream are kept, others are not`() throws {
        var entropy = Entropy(SeededGenerator(seed: 3))
        var session = RTCPSession(entropy: &entropy)
        try withBytes(Self.compound()) { try session.receive($0, localSSRC: 1, at: .origin) }
        #expect(session.peerMetrics == nil)
        try withBytes(Self.compound()) { try session.receive($0, localSSRC: 0xDEAD_BEEF, at: .origin) }
        #expect(session.peerMetrics == Self.metrics)
        session.forgetReports()
        #expect(session.peerMetrics == nil)
    }

    @Test func `a compound from our own source is noticed and not believed`() throws {
        var entropy = Entropy(SeededGenerator(seed: 3))
        var session = RTCPSession(entropy: &entropy)
        try withBytes(Self.compound()) { try session.receive($0, localSSRC: 5, at: .origin) }
        #expect(session.isOwnSource)
        try withBytes(Self.compound()) { try session.receive($0, localSSRC: 6, at: .origin) }
        #expect(!session.isOwnSource)
    }
}
