import Primitives
import Testing

@Suite struct ValueHistogramTests {
    @Test func `values count in the bucket whose limit they do not exceed, and in all above`() {
        var histogram = ValueHistogram(upTo: [0, 1, 2])
        for value in [-1, 0, 0.5, 1, 2, 2.5, 100] { histogram.record(value) }
        #expect(histogram.cumulative.map(\.limit) == [0, 1, 2])
        #expect(histogram.cumulative.map(\.count) == [2, 4, 5])
        #expect(histogram.count == 7 && histogram.sum == 105)
    }

    @Test func `what is no number is not counted`() {
        var histogram = ValueHistogram(upTo: [1])
        histogram.record(.nan)
        histogram.record(.infinity)
        #expect(histogram.count == 0 && histogram.sum == 0)
    }
}
