/// Wrong PINs in a row, and the time for which nobody gets in after too many, not even with the right one.
package struct PINLock: Sendable, Hashable {
    /// So many in a row lock, for so long.
    package static let failuresUntilLock = 5
    package static let lockTime = Duration.seconds(900)

    private var failures = 0
    private var lockedUntil: Instant?

    package init() {}

    package func isLocked(at now: Instant) -> Bool { lockedUntil.map { now < $0 } ?? false }

    /// Notes a wrong PIN; true when that has locked.
    package mutating func refused(at now: Instant) -> Bool {
        if let lockedUntil, now >= lockedUntil { self = PINLock() }
        failures += 1
        guard failures >= Self.failuresUntilLock else { return false }
        lockedUntil = now + Self.lockTime
        return true
    }

    /// The right one: what was before does not matter any more.
    package mutating func accepted() { self = PINLock() }
}
