import Primitives
import Testing

@Suite struct DurationHistogramTests {
    @Test func `an empty histogram has nothing to say`() {
        let histogram = DurationHistogram()
        #expect(histogram.quantile(0.5) == .zero)
        #expect(histogram.count == 0)
        #expect(histogram.longest == .zero)
    }

    @Test(arguments: [1, 2, 3, 5, 7, 8, 9, 100, 999, 1_000, 4_095, 4_096, 4_097, 65_000, 1_000_000, 59_999_999])
    func `a quantile is at most a quarter above the truth`(microseconds: Int) {
        var histogram = DurationHistogram()
        histogram.record(.microseconds(microseconds))
        histogram.record(.seconds(100))  // so that `longest` does not bound it
        let found = histogram.quantile(0.5)
        #expect(found >= .microseconds(microseconds))
        #expect(found <= .microseconds(microseconds) * 1.25)
    }

    @Test func `quantiles follow the ranks`() {
        var histogram = DurationHistogram()
        for _ in 0..<999 { histogram.record(.microseconds(100)) }
        histogram.record(.milliseconds(50))
        #expect(histogram.quantile(0.5) <= .microseconds(125))
        #expect(histogram.quantile(0.999) <= .microseconds(125))
        #expect(histogram.quantile(1) == .milliseconds(50))
        #expect(histogram.longest == .milliseconds(50))
        #expect(histogram.count == 1_000)
    }

    @Test func `powers of two count what they hold`() {
        var histogram = DurationHistogram()
        for duration in [Duration.zero, .microseconds(1), .microseconds(2), .microseconds(1_024), .seconds(10_000)] {
            histogram.record(duration)
        }
        let cumulative = histogram.cumulative
        #expect(cumulative[0].limit == .microseconds(1))
        #expect(cumulative[0].count == 2)
        #expect(cumulative[1].count == 3)
        #expect(cumulative[9].count == 3)
        #expect(cumulative[10].count == 4)
        #expect(cumulative.last?.count == 5)
    }

    @Test func `a clock that stepped back counts as zero`() {
        var histogram = DurationHistogram()
        histogram.record(.microseconds(-5))
        #expect(histogram.longest == .zero)
        #expect(histogram.count == 1)
    }
}
