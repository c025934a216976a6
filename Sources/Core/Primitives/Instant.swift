/// A point on the monotonic clock that the shell (or the simulator) supplies with every input.
///
/// The core never reads a clock: all of its deadlines are `Instant` values compared with the `now` it is given.
package struct Instant: Hashable, Comparable, Sendable {
    /// Nanoseconds since an arbitrary origin (boot, or the start of a simulation).
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    package static let origin = Instant(nanoseconds: 0)

    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Later (or, for a negative duration, earlier) by `duration`; saturates instead of trapping.
    package static func + (instant: Self, duration: Duration) -> Self {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
        return Instant(nanoseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    package static func - (instant: Self, duration: Duration) -> Self { instant + (.zero - duration) }

    /// Time from `right` to `left`; negative when `left` is earlier.
    package static func - (left: Self, right: Self) -> Duration {
        .nanoseconds(left.nanoseconds - right.nanoseconds)
    }
}

extension Instant {
    /// The earlier of two deadlines, of which the other may be none.
    package func orEarlier(_ other: Instant?) -> Instant { other.map { min(self, $0) } ?? self }
}

extension Instant? {
    /// The earlier of two deadlines, of which each may be none.
    package func orEarlier(_ other: Instant?) -> Instant? {
        guard let self else { return other }
        return self.orEarlier(other)
    }
}

extension Duration {
    /// The duration in nanoseconds, saturated to what an `Int64` holds (292 years).
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carried ? (seconds < 0 ? .min : .max) : sum
    }

    /// The duration in whole milliseconds, rounded towards zero.
    package var wholeMilliseconds: Int64 { wholeNanoseconds / 1_000_000 }

    /// The duration in seconds as a floating-point number.
    package var inSeconds: Double { Double(wholeNanoseconds) / 1e9 }
}
