import Primitives
import RTP
import Testing

@Suite struct BurstGapTests {
    /// `x` lost, `.` received; `n*` repeats.
    private func meter(_ pattern: String) -> BurstGapMeter.Summary {
        var meter = BurstGapMeter()
        for character in pattern { if character == "x" { meter.lose() } else { meter.receive() } }
        return meter.summary
    }
    private static let gap = String(repeating: ".", count: 16)

    @Test func `nothing lost is one gap`() {
        let summary = meter(String(repeating: ".", count: 100))
        #expect(summary.lossFraction == 0 && summary.burstDensity == 0 && summary.gapDensity == 0)
        #expect(summary.gapLength == 100 && summary.burstLength == 0 && summary.burstRatio == 1)
    }

    @Test func `a loss alone belongs to the gap`() {
        let summary = meter(Self.gap + "x" + Self.gap + "x" + Self.gap)
        #expect(summary.burstDensity == 0 && summary.burstLength == 0)
        #expect(summary.gapLength == 50 && summary.gapDensity == 2.0 / 50)
    }

    @Test func `fifteen packets between two losses do not end a burst, sixteen do`() {
        let short = meter(Self.gap + "x" + String(Self.gap.dropLast()) + "x" + Self.gap)
        #expect(short.burstLength == 17 && short.burstDensity == 2.0 / 17)
        #expect(short.gapLength == 16 && short.gapDensity == 0)
        let long = meter(Self.gap + "x" + Self.gap + "x" + Self.gap)
        #expect(long.burstLength == 0)
    }

    @Test func `bursts and gaps are averaged`() {
        // A burst of 4 with 3 lost, one of 2 with 2 lost; gaps of 20, 33 with 1 lost, 16.
        let summary = meter("...." + Self.gap + "xx.x" + Self.gap + "x" + Self.gap + "xx" + Self.gap)
        #expect(summary.burstLength == 3 && summary.burstDensity == 5.0 / 6)
        #expect(summary.gapLength == 23 && summary.gapDensity == 1.0 / 69)
        #expect(summary.lossRunLength == 6.0 / 4)
    }

    @Test func `losses in a row are counted at once as one by one`() {
        var once = BurstGapMeter()
        once.receive()
        once.lose(5)
        var each = BurstGapMeter()
        each.receive()
        for _ in 0..<5 { each.lose() }
        #expect(once == each)
    }

    @Test func `chance has the burst ratio one, runs have more`() {
        var random = SeededGenerator(seed: 4)
        var chance = BurstGapMeter()
        for _ in 0..<200_000 {
            if Int.random(in: 0..<10, using: &random) == 0 { chance.lose() } else { chance.receive() }
        }
        #expect(abs(chance.summary.burstRatio - 1) < 0.02)
        var runs = BurstGapMeter()
        for _ in 0..<1_000 {
            for _ in 0..<90 { runs.receive() }
            runs.lose(10)
        }
        #expect(abs(runs.summary.burstRatio - 9) < 0.01)
    }

    private func packet(_ sequence: Int, ticks: Int = 160) -> RTPHeader {
        RTPHeader(
            payloadType: 0, sequence: UInt16(truncatingIfNeeded: sequence),
            timestamp: UInt32(truncatingIfNeeded: sequence * ticks), ssrc: 1)
    }

    @Test func `what comes late but within the window is no loss`() {
        var statistics = ReceptionStatistics(clockRate: 8_000)
        for block in 0..<100 {
            for sequence in [0, 2, 1, 4, 3] { _ = statistics.receive(packet(block * 5 + sequence), at: .origin) }
        }
        #expect(statistics.lossPattern.lost == 0)
        #expect(statistics.lossPattern.received == 500)
        #expect(statistics.cumulativeExpected == 500)
    }

    @Test func `lost, discarded and skipped numbers are all in the pattern`() {
        var statistics = ReceptionStatistics(clockRate: 8_000)
        for sequence in 0..<200 where sequence != 50 { _ = statistics.receive(packet(sequence), at: .origin) }
        _ = statistics.receive(packet(190), at: .origin)
        #expect(statistics.cumulativeDuplicates == 1)
        statistics.discard(sequence: 150)
        _ = statistics.receive(packet(400), at: .origin)
        let pattern = statistics.lossPattern
        #expect(pattern.lost == 1 + 1 + 200)
        #expect(pattern.received == 201 - 2)
        #expect(statistics.cumulativeDiscarded == 1)
    }

    @Test func `a restart keeps the pattern of what was before`() {
        var statistics = ReceptionStatistics(clockRate: 8_000)
        for sequence in 0..<20 where sequence != 7 { _ = statistics.receive(packet(sequence), at: .origin) }
        _ = statistics.receive(packet(30_000), at: .origin)
        #expect(statistics.receive(packet(30_001), at: .origin) == .first)
        #expect(statistics.lossPattern.lost == 1)
        #expect(statistics.lossPattern.received == 20)
        #expect(statistics.cumulativeExpected == 21)
    }

    @Test func `the packet time is read off the timestamps, pauses aside`() {
        var statistics = ReceptionStatistics(clockRate: 8_000)
        #expect(statistics.packetDuration == nil)
        for sequence in 0..<3 { _ = statistics.receive(packet(sequence, ticks: 240), at: .origin) }
        #expect(statistics.packetDuration == .milliseconds(30))
        _ = statistics.receive(
            RTPHeader(marker: true, payloadType: 0, sequence: 3, timestamp: 80_000, ssrc: 1), at: .origin)
        #expect(statistics.packetDuration == .milliseconds(30))
    }
}
