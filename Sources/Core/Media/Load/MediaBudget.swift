/// How much processor time media may take, and how much of it is spoken for: the call that would make others suffer is
/// refused.
///
/// A session is charged a relay's cost when it is opened, since nothing more is known of it, and its own as soon as it is
/// described. It is refused at most once, with the description that first says what it costs; what changes later in a call
/// is charged, and never refused. Calls for help are charged and not refused at all.
package struct MediaBudget: Sendable {
    /// Processor time a second; more than a second on several cores.
    package let capacity: Duration
    /// Charged to the sessions that are open; more than `capacity` when calls for help are.
    package private(set) var charged = Duration.zero
    /// Sessions refused since the start.
    package private(set) var refusedSessions: UInt64 = 0

    /// A share of the cores, in per cent.
    package init(cores: Int, percent: Int) {
        capacity = .milliseconds(10 * max(0, percent) * max(1, cores))
    }

    package var left: Duration { max(.zero, capacity - charged) }

    /// Charges a session `new` instead of `old` (a second). When it `mayBeRefused` and there is less left than it needs
    /// more, nothing is charged and it is counted as refused.
    package mutating func charge(
        _ new: Duration, insteadOf old: Duration, mayBeRefused: Bool
    ) throws(MediaFailure) {
        if mayBeRefused, new > old, charged - old + new > capacity {
            refusedSessions += 1
            throw .overBudget(needed: new - old, left: left)
        }
        charged += new - old
    }

    /// The session is closed.
    package mutating func release(_ old: Duration) { charged -= old }
}
