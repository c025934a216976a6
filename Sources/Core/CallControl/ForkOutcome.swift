/// The response a caller gets when every callee has refused (RFC 3261 section 16.7 step 6, read for a B2BUA).
package struct ForkOutcome: Sendable, Equatable {
    private var status: Int?

    package init() {}

    /// Takes in one callee's final refusal.
    package mutating func note(_ refusal: Int) {
        let candidate = Self.passedOn(refusal)
        guard let status else {
            self.status = candidate
            return
        }
        if Self.rank(candidate) < Self.rank(status) { self.status = candidate }
    }

    /// What the caller is told: the best refusal, or 480 when nobody was there to refuse.
    package var finalStatus: Int { status ?? 480 }

    /// A refusal that speaks about the callee's dealings with us says nothing to the caller: challenges, redirections,
    /// overload and transport trouble of one telephone make it unavailable, no more.
    private static func passedOn(_ status: Int) -> Int {
        meaningful.contains(status) ? status : 480
    }

    /// A person's decision tells more than a telephone's state, and that more than a guess.
    private static func rank(_ status: Int) -> Int {
        switch status {
        case 600...699: 0
        case 486: 1
        case 488, 415: 2
        case 404, 410: 3
        default: 4
        }
    }

    private static let meaningful: Set<Int> = [404, 410, 415, 480, 486, 488, 600, 603, 604, 606]
}
