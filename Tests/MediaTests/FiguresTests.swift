import Media
import Primitives
import RTP
import Testing

/// What a session tells about the streams it carries.
@Suite struct FiguresTests {
    private let voice = [UInt8](repeating: 0x55, count: 160)

    private func relaying() throws -> SessionHarness {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcmu)
        return harness
    }

    private func talk(_ harness: inout SessionHarness, _ sequences: Range<Int>, losing: (Int) -> Bool = { _ in false })
    {
        for index in sequences {
            harness.advance(20)
            if !losing(index) { _ = harness.receive(voice, sequence: index, timestamp: index * 160) }
        }
    }

    @Test func `a clean stream sounds its best`() throws {
        var harness = try relaying()
        talk(&harness, 0..<200)
        let figures = harness.session.statistics(of: .a)
        #expect(figures.packetsExpected == 200 && figures.packetsReceived == 200)
        #expect(figures.packetsLost == 0 && figures.packetsDiscarded == 0 && figures.burstRatio == 1)
        #expect(figures.gapMilliseconds == 4_000 && figures.burstMilliseconds == 0)
        let received = try #require(figures.received)
        #expect(received.mosConversational > 4.37 && !received.isReported)
        #expect(figures.sent == nil && figures.peerPacketsLost == nil)
        #expect(harness.session.statistics(of: .b).received == nil)
    }

    @Test func `a burst of losses is told from losses by chance`() throws {
        var harness = try relaying()
        talk(&harness, 0..<500) { (200..<225).contains($0) }
        let burst = harness.session.statistics(of: .a)
        #expect(burst.packetsLost == 25 && burst.packetsExpected == 500)
        #expect(burst.burstDensity == 1 && burst.gapDensity == 0 && burst.burstMilliseconds == 500)
        #expect(burst.burstRatio > 20)
        var other = try relaying()
        talk(&other, 0..<500) { $0 % 20 == 10 }
        let chance = other.session.statistics(of: .a)
        #expect(chance.packetsLost == 25 && chance.burstRatio == 1)
        #expect(chance.gapDensity == 0.05 && chance.burstDensity == 0)
        let (worse, better) = (try #require(burst.received), try #require(chance.received))
        #expect(worse.mosConversational < better.mosConversational)
        #expect(better.mosListening < 4)
    }

    @Test func `a relay discards nothing, a transcoder what comes after its place was filled`() throws {
        for sink in [AudioCodec.pcmu, .pcma] {
            var harness = SessionHarness()
            try harness.configure(.a, .pcmu)
            try harness.configure(.b, sink)
            for sequence in [0, 1, 3, 2, 4] {
                _ = harness.receive(voice, sequence: sequence, timestamp: sequence * 160)
            }
            let figures = harness.session.statistics(of: .a)
            #expect(figures.packetsDiscarded == (sink == .pcmu ? 0 : 1))
            #expect(figures.packetsLost == 0)
        }
    }

    @Test func `what cannot be decoded or was not agreed on is counted`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcma)
        _ = harness.receive([], sequence: 1, timestamp: 0)
        _ = harness.receive(voice, type: 55, sequence: 2, timestamp: 160)
        let figures = harness.session.statistics(of: .a)
        #expect(figures.packetsUndecodable == 2 && figures.packetsDropped == 2)
    }

    /// A peer of leg b that received our stream with `lost` of its packets missing, and reports.
    private func report(
        _ harness: inout SessionHarness, of sent: [SessionHarness.Packet], metrics: VoIPMetrics? = nil
    ) throws {
        var entropy = Entropy(SeededGenerator(seed: 4))
        var peer = RTCPSession(entropy: &entropy)
        var reception = ReceptionStatistics(clockRate: 8_000)
        for packet in sent { _ = reception.receive(packet.header, at: harness.now) }
        var metrics = metrics
        metrics?.ssrc = sent[0].header.ssrc
        var bytes = [UInt8](repeating: 0, count: 300)
        let size = try bytes.withUnsafeMutableBytes {
            try peer.write(
                into: $0, ssrc: 2, sender: nil, reception: &reception, metrics: metrics, at: harness.now)
        }
        bytes[..<size].withUnsafeBytes {
            harness.session.receiveRTCP($0, from: Endpoint("192.0.2.2:5001")!, on: .b, at: harness.now)
        }
    }

    @Test func `how we sound is reckoned from what the peer lost`() throws {
        var harness = try relaying()
        var sent: [SessionHarness.Packet] = []
        for index in 0..<100 {
            harness.advance(20)
            sent += harness.receive(voice, sequence: index, timestamp: index * 160)
        }
        try report(&harness, of: sent.enumerated().filter { $0.offset % 10 != 5 }.map(\.element))
        let figures = harness.session.statistics(of: .b)
        #expect(figures.peerPacketsLost == 10 && figures.peerFractionLost == 25.0 / 256)
        #expect(figures.peerJitterMilliseconds != nil)
        let quality = try #require(figures.sent)
        #expect(!quality.isReported && quality.mosListening < 3.5)
    }

    @Test func `what the peer says of us goes before what we reckon`() throws {
        var harness = try relaying()
        let sent = harness.receive(voice, sequence: 0, timestamp: 0)
        var metrics = VoIPMetrics(ssrc: 0)
        metrics.rFactor = 71
        metrics.mosConversational = 36
        metrics.discardRate = 9
        try report(&harness, of: sent, metrics: metrics)
        let figures = harness.session.statistics(of: .b)
        #expect(figures.peerMetrics?.discardRate == 9)
        let quality = try #require(figures.sent)
        #expect(quality.isReported && quality.rFactor == 71 && quality.mosConversational == 3.6)
        #expect(quality.mosListening == 3.6)
    }

    @Test(arguments: [(127, 127), (200, 127), (127, 0), (127, 60)] as [(UInt8, UInt8)])
    func `a peer that rates nothing is not quoted`(rating: UInt8, opinion: UInt8) {
        var metrics = VoIPMetrics(ssrc: 1)
        metrics.rFactor = rating
        metrics.mosConversational = opinion
        #expect(VoiceQuality(metrics) == nil)
        metrics.rFactor = 93
        #expect((4.3...4.5).contains(VoiceQuality(metrics)?.mosConversational ?? 0))
        metrics.rFactor = 127
        metrics.mosConversational = 44
        #expect((90...95).contains(VoiceQuality(metrics)?.rFactor ?? 0))
    }

    @Test func `our reports say how the peer sounds`() throws {
        var harness = try relaying()
        talk(&harness, 0..<200) { $0 % 10 == 5 }
        let sent = try #require(harness.deadline().reports.first { $0.side == .a })
        var found: VoIPMetrics?
        try sent.bytes.withUnsafeBytes { datagram in
            var reader = try RTCPReader(datagram)
            while let packet = reader.next() {
                guard case .extendedReport(_, var blocks) = packet else { continue }
                while let block = blocks.next() { if case .voipMetrics(let metrics) = block { found = metrics } }
            }
        }
        let metrics = try #require(found)
        #expect(metrics.ssrc == 7 && metrics.lossRate == 25 && metrics.discardRate == 0)
        #expect(metrics.burstDensity > 0 && metrics.gmin == 16)
        #expect((20...60).contains(metrics.rFactor) || (60...85).contains(metrics.rFactor))
        #expect((10...40).contains(metrics.mosConversational))
    }

    @Test func `figures are told about every five seconds, for both sides at once`() throws {
        var harness = try relaying()
        var told: [(at: Int, figures: MediaEvent)] = []
        let start = harness.now
        for index in 0..<1_500 {
            harness.advance(20)
            _ = harness.receive(voice, sequence: index, timestamp: index * 160)
            guard let due = harness.session.nextDeadline, due <= harness.now else { continue }
            _ = harness.deadline()
            for event in harness.session.takeEvents(at: harness.now) {
                guard case .figures = event else { continue }
                told.append((Int((harness.now - start).wholeMilliseconds), event))
            }
        }
        #expect((5...7).contains(told.count))
        #expect(zip(told, told.dropFirst()).allSatisfy { $1.at - $0.at >= 4_000 })
        guard case .figures(_, let a, let b) = told.last?.figures else {
            Issue.record("no figures")
            return
        }
        #expect(a.packetsReceived > 1_200 && b.packetsSent == a.packetsReceived)
    }
}
