import Primitives

/// When a message is sent again, and how long that interval was: timers A, E and G.
struct Repetition: Sendable, Equatable {
    let due: Instant
    let interval: Duration

    init(after interval: Duration, from now: Instant) {
        due = now + interval
        self.interval = interval
    }

    /// The next one, the interval doubled but never longer than `limit`; counted from `now`, so that a late wake-up
    /// causes no burst.
    func doubled(from now: Instant, limit: Duration? = nil) -> Repetition {
        let longer = interval * 2
        return Repetition(after: limit.map { min($0, longer) } ?? longer, from: now)
    }
}
