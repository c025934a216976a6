import Primitives
import RTP
import Testing

@Suite struct ReceptionStatisticsTests {
    private func packet(_ sequence: Int, timestamp: Int = 0, ssrc: UInt32 = 1) -> RTPHeader {
        RTPHeader(
            payloadType: 0, sequence: UInt16(truncatingIfNeeded: sequence),
            timestamp: UInt32(truncatingIfNeeded: timestamp), ssrc: ssrc)
    }

    private func at(_ milliseconds: Double) -> Instant { Instant(nanoseconds: Int64(milliseconds * 1e6)) }

    @Test func `a steady stream has no jitter and no loss`() {
        var statistics = ReceptionStatistics(clockRate: 8_000)
        for index in 0..<500 {
            _ = statistics.receive(packet(index, timestamp: index * 160), at: at(Double(index) * 20 + 3))
        }
        #expect(statistics.jitterTicks == 0)
        #expect(statistics.cumulativeLost == 0)
        #expect(statistics.cumulativeReceived == 500)
    }

    /// J += (|D| - J) / 16 in the integer form of appendix A.8, worked by hand for D = 80, 80, 0, 40 ticks.
    @Test func `jitter follows RFC 3550 appendix A 8`() {
        var statistics = ReceptionStatistics(clockRate: 8_000)
        let arrivals: [Double] = [0, 30, 40, 60, 85]  // 10 ms late, back in time, in time, 5 ms late
        var expected: [UInt32] = []
        for (index, arrival) in arrivals.enumerated() {
            _ = statistics.receive(packet(index, timestamp: index * 160), at: at(arrival))
            expected.append(UInt32((statistics.jitterMilliseconds * 128).rounded()))
        }
        // Sixteen-fold: 0, 80, 80 + 80 - 5 = 155, 155 + 0 - 10 = 145, 145 + 40 - 9 = 176.
        #expect(expected == [0, 80, 155, 145, 176])
        #expect(statistics.jitterTicks == 11)
    }

    @Test func `constant jitter converges to its value`() {
        var statistics = ReceptionStatistics(clockRate: 48_000)
        for index in 0..<2_000 {
            _ = statistics.receive(packet(index, timestamp: index * 960), at: at(Double(index * 20 + index % 2 * 4)))
        }
        #expect(abs(statistics.jitterMilliseconds - 4) < 0.05)
    }

    @Test func `sequence numbers wrap into the next cycle`() {
        var statistics = ReceptionStatistics(clockRate: 8_000)
        #expect(statistics.receive(packet(65_534), at: .origin) == .first)
        #expect(statistics.receive(packet(65_535), at: .origin) == .next(missing: 0))
        #expect(statistics.receive(packet(65_536), at: .origin) == .next(missing: 0))
        #expect(statistics.receive(packet(65_539), at: .origin) == .next(missing: 2))
        #expect(statistics.extendedHighest == 65_539)
        #expect(statistics.cumulativeLost == 2)
    }

    /// 1.4 million packets: half a minute of a flood.
    @Test func `a peer that leaps from number to number turns the count of 32 bits over`() throws {
        var statistics = ReceptionStatistics(clockRate: 8_000)
        let leap = ReceptionStatistics.maximumDropout - 1
        var reports: [RTCPReportBlock?] = []
        for index in 0...(1 << 32) / leap + 10 {
            _ = statistics.receive(packet(index * leap), at: .origin, measuresJitter: false)
            if index.isMultiple(of: 100_000) { reports.append(statistics.makeReport()) }
        }
        reports.append(statistics.makeReport())
        #expect(reports.dropFirst().allSatisfy { $0?.fractionLost == 255 && $0?.cumulativeLost == 0x7F_FFFF })
        #expect(statistics.extendedHighest < 20 * UInt32(leap))
        #expect(statistics.cumulativeExpected > 1 << 32)
    }

    @Test func `late packets heal a loss, duplicates do not`() {
        var statistics = ReceptionStatistics(clockRate: 8_000)
        for sequence in [10, 11, 14] { _ = statistics.receive(packet(sequence), at: .origin) }
        #expect(statistics.cumulativeLost == 2)
        #expect(statistics.receive(packet(12), at: .origin) == .late)
        #expect(statistics.cumulativeLost == 1)
        #expect(statistics.receive(packet(12), at: .origin) == .duplicate)
        #expect(statistics.receive(packet(14), at: .origin) == .duplicate)
        #expect(statistics.receive(packet(9), at: .origin) == .late)
    }

    @Test func `an outlier is not believed, its successor restarts the count`() {
        var statistics = ReceptionStatistics(clockRate: 8_000)
        for sequence in 100..<110 { _ = statistics.receive(packet(sequence), at: .origin) }
        let far = 109 + ReceptionStatistics.maximumDropout
        #expect(statistics.receive(packet(far), at: .origin) == .outlier)
        #expect(statistics.receive(packet(110), at: .origin) == .next(missing: 0))
        #expect(statistics.receive(packet(30_000), at: .origin) == .outlier)
        #expect(statistics.receive(packet(30_001), at: .origin) == .first)
        #expect(statistics.receive(packet(30_001 - ReceptionStatistics.maximumMisorder), at: .origin) == .late)
        #expect(statistics.cumulativeReceived == 13)
    }

    @Test func `another source starts anew and keeps the loss of the old one`() {
        var statistics = ReceptionStatistics(clockRate: 8_000)
        for sequence in [1, 2, 5] { _ = statistics.receive(packet(sequence), at: .origin) }
        #expect(statistics.receive(packet(900, ssrc: 2), at: .origin) == .first)
        #expect(statistics.cumulativeLost == 2)
        #expect(statistics.makeReport()?.ssrc == 2)
        #expect(statistics.makeReport()?.cumulativeLost == 0)
    }

    @Test func `a report says the fraction lost of its own interval`() {
        var statistics = ReceptionStatistics(clockRate: 8_000)
        for sequence in 0..<100 where sequence % 4 != 1 { _ = statistics.receive(packet(sequence), at: .origin) }
        let first = statistics.makeReport()
        #expect(first?.fractionLost == 64)
        #expect(first?.cumulativeLost == 25)
        #expect(first?.extendedHighest == 99)
        for sequence in 100..<200 { _ = statistics.receive(packet(sequence), at: .origin) }
        #expect(statistics.makeReport()?.fractionLost == 0)
        #expect(ReceptionStatistics(clockRate: 8_000).cumulativeLost == 0)
    }

    @Test func `the clock counts for days without overflow`() {
        let days = Instant(nanoseconds: 400 * 86_400 * 1_000_000_000)
        #expect((days + .milliseconds(20)).ticks(rate: 48_000) &- days.ticks(rate: 48_000) == 960)
        #expect(Duration.milliseconds(20).ticks(rate: 8_000) == 160)
        #expect(Instant(nanoseconds: 1_500_000_000).ntp == 0x1_8000_0000)
        #expect(Instant(nanoseconds: 1_500_000_000).middleNTP == 0x1_8000)
    }

    @Test func `who leaves out numbers until they have turned 32 bits over is still reported`() throws {
        var statistics = ReceptionStatistics(clockRate: 8_000)
        let step = UInt64(ReceptionStatistics.maximumDropout - 1)
        var sequence: UInt64 = 0
        while sequence <= 1 << 32 {
            if sequence / step == 1_000_000 { _ = statistics.makeReport() }
            let header = RTPHeader(
                payloadType: 0, sequence: UInt16(truncatingIfNeeded: sequence), timestamp: 0, ssrc: 1)
            _ = statistics.receive(header, at: .origin, measuresJitter: false)
            sequence += step
        }
        let last = statistics.makeReport()
        let report = try #require(last)
        #expect(report.fractionLost == 255 && report.cumulativeLost == 0x7F_FFFF)
        #expect(report.extendedHighest == UInt32(truncatingIfNeeded: sequence - step))
        #expect(statistics.cumulativeExpected == sequence - step + 1)
    }
}
