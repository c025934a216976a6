package import Primitives

/// Whether a media worker keeps up, by what it notices itself: how late it comes to what is due and how long its turns
/// take, which is how late packets are, and sockets that had no room for what came. While it does not keep up, no new
/// session is let in.
///
/// ```text
///   open ── 5 late turns, or 2 sockets without room, within 1 s ──▶ closed ── 3 s without either ──▶ open
/// ```
/// One socket alone is none of the machine's trouble: it is what a flood of packets to one port looks like.
package struct MediaPressure: Sendable {
    /// Two packets of the usual 20 ms: what jitter buffers do not take for jitter any more.
    package static let late = Duration.milliseconds(40)
    package static let lateTurns = 5
    package static let fullSockets = 2
    package static let within = Duration.seconds(1)
    package static let recovery = Duration.seconds(3)

    package private(set) var isClosed = false
    private var turns = Recent()
    private var sockets = Recent()
    private var lastTrouble = Instant.origin

    /// How often something happened within a second from its first time.
    private struct Recent {
        private var since = Instant.origin
        private var count = 0

        mutating func note(_ times: Int, at now: Instant) -> Int {
            if count == 0 || now - since > MediaPressure.within {
                since = now
                count = 0
            }
            count += times
            return count
        }
    }

    package init() {}

    /// A turn was late by so much, or took so long; what is less than `late` changes nothing.
    package mutating func turn(late duration: Duration, at now: Instant) {
        guard duration >= Self.late else { return }
        trouble(turns.note(1, at: now) >= Self.lateTurns, at: now)
    }

    /// So many sockets had no room for what came.
    package mutating func dropped(sockets count: Int, at now: Instant) {
        guard count > 0 else { return }
        trouble(sockets.note(count, at: now) >= Self.fullSockets, at: now)
    }

    private mutating func trouble(_ isEnough: Bool, at now: Instant) {
        if isEnough { isClosed = true }
        lastTrouble = now
    }

    /// Opens again when there was no trouble for long enough.
    package mutating func recover(at now: Instant) {
        guard isClosed, now - lastTrouble >= Self.recovery else { return }
        isClosed = false
        turns = Recent()
        sockets = Recent()
    }
}
