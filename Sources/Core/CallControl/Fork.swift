import Media
import Primitives
import SIPMessage

/// Whom a call, or its transfer, is ringing: one rank of targets after the other (RFC 3261 sections 16.6 and 16.7).
///
/// ```text
///              all refused, or too late: the next rank
///             ┌──────────────────┐
///             ▼                  │                   none left
///   start ► a rank rings ────────┴──────────────────────────────► failed, with the best refusal
///             │   ▲
///         3xx │   │ the owner says where the Contact leads      one answers
///             └───┴─────────────────────────────────────────────────────► done, the others are cancelled
/// ```
struct Fork: Sendable {
    struct Rank: Sendable {
        var targets: [CallTarget]
        let history: [DivertedTarget]
        /// The leg whose 3xx led here.
        var redirectedBy: Int?
    }

    /// A Contact of a 3xx whose way the owner has been asked for.
    struct Question: Sendable {
        let number: Int
        /// The leg that sent the 3xx.
        let leg: Int
        let history: [DivertedTarget]
    }

    /// The side of the media session that the one who answers gets.
    let side: MediaSide
    let identity: CallerIdentity
    /// When it is given up.
    let until: Instant
    /// When the present rank is given up for the next; nil without a next one.
    private(set) var rankUntil: Instant?
    /// Every leg that was rung, those of former ranks too.
    var legs: [Int] = []
    var outcome = ForkOutcome()
    private var waiting: [Rank]
    private var questions: [Question] = []
    /// Numbers that were rung, or asked for by a redirection: none is tried twice.
    private var visited: [String]
    private var redirections = 0

    init(side: MediaSide, identity: CallerIdentity, ranks: [[CallTarget]], dialled: String, until: Instant) {
        self.side = side
        self.identity = identity
        self.until = until
        waiting = ranks.map { Rank(targets: $0, history: [], redirectedBy: nil) }
        visited = [dialled]
    }

    var nextDeadline: Instant { until.orEarlier(rankUntil) }

    /// True while the way of a redirection, or of that leg's, is not known.
    func isAsking(for leg: Int? = nil) -> Bool { questions.contains { leg == nil || $0.leg == leg } }

    // MARK: Ranks

    /// Takes out the next rank, or the first one to which that leg's 3xx has led.
    mutating func nextRank(redirectedBy leg: Int? = nil, at now: Instant, timers: CallTimers) -> Rank? {
        waiting.removeAll(where: \.targets.isEmpty)
        guard let index = waiting.firstIndex(where: { leg == nil || $0.redirectedBy == leg }) else { return nil }
        let rank = waiting.remove(at: index)
        let patience = rank.targets.allSatisfy { $0.line != nil } ? timers.line : timers.rank
        rankUntil = waiting.isEmpty ? nil : now + patience
        return rank
    }

    /// Puts ranks to which a 3xx has led before those that wait, after those of its Contacts before.
    mutating func insert(_ ranks: [[CallTarget]], history: [DivertedTarget], redirectedBy leg: Int) {
        let place = waiting.firstIndex { $0.redirectedBy != leg } ?? waiting.count
        waiting.insert(
            contentsOf: ranks.map { Rank(targets: $0, history: history, redirectedBy: leg) }, at: place)
    }

    /// The party has decided: none of its other telephones, or of the other ways to it, is tried.
    mutating func drop(_ party: CallParty) {
        for index in waiting.indices { waiting[index].targets.removeAll { $0.party == party } }
    }

    /// A line of the rank has shown life: it is waited for.
    mutating func keepRank() { rankUntil = nil }

    mutating func visit(_ target: CallTarget) {
        if !visited.contains(target.party.number) { visited.append(target.party.number) }
    }

    // MARK: Redirections

    /// Notes that the owner is asked where `uri` leads. False when that was tried already, or was done too often.
    mutating func ask(
        _ number: Int, for uri: SIPURI, by leg: Int, history: [DivertedTarget], limit: Int
    ) -> Bool {
        let key = DialPlan.number(in: uri) ?? uri.description
        guard redirections < limit, !visited.contains(key) else { return false }
        redirections += 1
        visited.append(key)
        questions.append(Question(number: number, leg: leg, history: history))
        return true
    }

    mutating func takeQuestion(_ number: Int) -> Question? {
        questions.firstIndex { $0.number == number }.map { questions.remove(at: $0) }
    }
}

extension CallTarget {
    /// True when the refusal is about the called party, so that no other way to it is tried. A line that fails by itself
    /// makes room for the next one; a user's telephone decides for its user with 6xx alone (RFC 3261 section 16.7).
    func isDecision(_ status: Int) -> Bool {
        if status >= 600 { return true }
        guard line != nil else { return false }
        return ![408, 430].contains(status) && status < 500
    }
}
