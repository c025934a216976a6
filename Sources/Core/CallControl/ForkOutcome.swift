/// The response a caller gets when every callee has refused (RFC 3261 section 16.7 step 6, read for a B2BUA).
package struct ForkOutcome: Sendable, Equatable {
    private var status: Int?

    package init() {}

    /// Takes in one callee's final refusal. `isFromLine`: it came over a line to the outside.
    package mutating func note(_ refusal: Int, isFromLine: Bool = false) {
        let candidate = Self.passedOn(refusal, isFromLine: isFromLine)
        guard let status else {
            self.status = candidate
            return
        }
        if Self.rank(candidate) < Self.rank(status) { self.status = candidate }
    }

    /// What the caller is told: the best refusal, or 480 when nobody was there to refuse.
    package var finalStatus: Int { status ?? 480 }

    /// A refusal that speaks about the callee's dealings with us says nothing to the caller: challenges, redirections,
    /// overload and transport trouble of one telephone make it unavailable, no more. When a line fails, the way out is
    /// missing, which is ours to answer for: 503.
    private static func passedOn(_ status: Int, isFromLine: Bool) -> Int {
        if meaningful.contains(status) { return status }
        return isFromLine && (status == 408 || (500...599).contains(status)) ? 503 : 480
    }

    /// A person's decision tells more than a telephone's state, and that more than a guess.
    private static func rank(_ status: Int) -> Int {
        switch status {
        case 600...699: 0
        case 486: 1
        case 488, 415: 2
        case 404, 410, 484: 3
        case 503: 5
        default: 4
        }
    }

    private static let meaningful: Set<Int> = [404, 410, 415, 480, 484, 486, 488, 600, 603, 604, 606]
}
