/// How often a measured value lay where, in the buckets of an OpenMetrics histogram.
package struct ValueHistogram: Sendable, Equatable {
    /// Ascending; a bucket holds what is at most its limit and above the one before it. Beyond the last there is one more.
    package let limits: [Double]
    private var counts: [UInt64]
    package private(set) var count: UInt64 = 0
    package private(set) var sum = 0.0

    package init(upTo limits: [Double]) {
        self.limits = limits
        counts = Array(repeating: 0, count: limits.count + 1)
    }

    /// Takes note of one value; what is no number is not one.
    package mutating func record(_ value: Double) {
        guard value.isFinite else { return }
        counts[limits.firstIndex { value <= $0 } ?? limits.count] += 1
        count += 1
        sum += value
    }

    /// How many were at most each limit.
    package var cumulative: [(limit: Double, count: UInt64)] {
        var total: UInt64 = 0
        return zip(limits, counts).map { limit, count in
            total += count
            return (limit, total)
        }
    }
}
