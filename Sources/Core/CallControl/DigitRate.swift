import Primitives

/// How many keys a leg takes by INFO: more than any finger or dialler presses, fewer than would keep us busy.
struct DigitRate: Sendable {
    static let perSecond = 20
    private var began: Instant?
    private var count = 0

    /// True while the second that began with the first key has room for another one.
    mutating func admit(at now: Instant) -> Bool {
        if let began, now < began + .seconds(1) {
            count += 1
            return count <= Self.perSecond
        }
        began = now
        count = 1
        return true
    }
}
