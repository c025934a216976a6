/// How often something took how long: a fixed table of buckets, each a quarter of a power of two wide, from 1 µs on.
///
/// Recording costs a few instructions and never allocates. What a quantile says is at most 25 % above the truth.
package struct DurationHistogram: Sendable, Equatable {
    /// 1 µs to 2^27 µs (134 s); what is longer counts as that.
    private static let octaves = 27
    private static let steps = 4

    private var buckets: [UInt64]
    package private(set) var count: UInt64 = 0
    /// The longest that was recorded, exactly; zero before the first.
    package private(set) var longest = Duration.zero
    /// The sum of all, for an average.
    package private(set) var total = Duration.zero

    package init() {
        buckets = Array(repeating: 0, count: Self.octaves * Self.steps)
    }

    /// Takes note of one duration; a negative one (a clock that stepped) counts as zero.
    package mutating func record(_ duration: Duration) {
        let duration = max(duration, .zero)
        buckets[Self.bucket(of: duration)] += 1
        count += 1
        total += duration
        longest = max(longest, duration)
    }

    /// The duration that a share `fraction` (0...1) of all did not exceed, rounded up to its bucket's end, at most
    /// `longest`. Zero before the first.
    package func quantile(_ fraction: Double) -> Duration {
        guard count > 0 else { return .zero }
        let rank = UInt64((min(max(fraction, 0), 1) * Double(count)).rounded(.up))
        var seen: UInt64 = 0
        for (index, number) in buckets.enumerated() {
            seen += number
            if seen >= rank, number > 0 { return min(Self.end(of: index), longest) }
        }
        return longest
    }

    /// How many took at most 2^n µs, for each n from 0: the buckets of an OpenMetrics histogram.
    package var cumulative: [(limit: Duration, count: UInt64)] {
        var sum: UInt64 = 0
        return (0..<Self.octaves).map { octave in
            sum += buckets[octave * Self.steps..<(octave + 1) * Self.steps].reduce(0, +)
            return (.microseconds(Int64(1) << Int64(octave)), sum)
        }
    }

    /// Bucket `4 * o + s` ends at 2^o µs times (5 + s) / 8, the last of an octave at 2^o µs itself.
    private static func bucket(of duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        guard seconds < 134 else { return octaves * steps - 1 }
        // In eighths of a microsecond, rounded up, so that a bucket's end belongs to it.
        let eighths = UInt64(seconds) * 8_000_000 + (UInt64(attoseconds) + 124_999_999_999) / 125_000_000_000
        guard eighths > 8 else { return eighths <= 5 ? 0 : Int(eighths) - 5 }
        let octave = UInt64.bitWidth - (eighths - 1).leadingZeroBitCount - 3
        let step = Int((eighths - 1) >> UInt64(octave)) - 4
        return min(octave * steps + step, octaves * steps - 1)
    }

    private static func end(of bucket: Int) -> Duration {
        let (octave, step) = bucket.quotientAndRemainder(dividingBy: steps)
        return .nanoseconds((Int64(5 + step) << Int64(octave)) * 125)
    }
}
