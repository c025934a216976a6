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
        /// How long it rings; nil: as the timers say, if another rank waits.
        var patience: Duration?
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
    private(set) var until: Instant
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
    /// Whom the owner is asked about when nobody has answered; see `RingPlan`.
    private var station: CallParty?
    /// How the call came to the station, itself last.
    private var stationHistory: [DivertedTarget]
    /// The question about the station that has been asked.
    private var stationQuestion: Int?
    /// The present rank rings for as long as was said, whatever it shows.
    private var isMeasured = false

    /// `until` is put off when the plan's ranks take longer.
    init(
        side: MediaSide, identity: CallerIdentity, ranks: [[CallTarget]], dialled: String, until: Instant,
        plan: RingPlan = RingPlan()
    ) {
        self.side = side
        self.identity = identity
        self.until = until
        visited = [dialled] + plan.history.compactMap(\.uri.user).filter { $0 != dialled }
        station = plan.station
        stationHistory = plan.history
        waiting = Self.ranks(ranks, plan, history: plan.history)
    }

    private static func ranks(_ ranks: [[CallTarget]], _ plan: RingPlan, history: [DivertedTarget]) -> [Rank] {
        ranks.enumerated().map { index, targets in
            Rank(
                targets: targets, history: history, redirectedBy: nil,
                patience: plan.patience.indices.contains(index) ? plan.patience[index] : nil)
        }
    }

    var nextDeadline: Instant { until.orEarlier(rankUntil) }

    /// True while the way of a redirection, or of that leg's, is not known.
    func isAsking(for leg: Int? = nil) -> Bool {
        (leg == nil && stationQuestion != nil) || questions.contains { leg == nil || $0.leg == leg }
    }

    // MARK: The station

    /// Whom to ask about now that nobody has answered, if anybody; noted as asked under that number.
    mutating func askAboutStation(_ number: Int, limit: Int) -> CallParty? {
        guard let station, redirections < limit else { return nil }
        redirections += 1
        self.station = nil
        stationQuestion = number
        return station
    }

    /// True, once, of the question about the station.
    mutating func takeStationQuestion(_ number: Int) -> Bool {
        guard stationQuestion == number else { return false }
        stationQuestion = nil
        return true
    }

    /// The call goes on from the station; false when it has been there already.
    mutating func goOn(to route: Route, ranks: [[CallTarget]], until: Instant) -> Bool {
        let number = route.destination.party.number
        guard !visited.contains(number) else { return false }
        visited.append(number)
        stationHistory = stationHistory.dropLast() + route.plan.history
        station = route.plan.station
        outcome = ForkOutcome()
        self.until = until
        rankUntil = nil
        waiting = Self.ranks(ranks, route.plan, history: stationHistory)
        return true
    }

    // MARK: Ranks

    /// Takes out the next rank, or the first one to which that leg's 3xx has led.
    mutating func nextRank(redirectedBy leg: Int? = nil, at now: Instant, timers: CallTimers) -> Rank? {
        waiting.removeAll(where: \.targets.isEmpty)
        guard let index = waiting.firstIndex(where: { leg == nil || $0.redirectedBy == leg }) else { return nil }
        let rank = waiting.remove(at: index)
        let usual = rank.targets.allSatisfy { $0.line != nil } ? timers.line : timers.rank
        isMeasured = rank.patience != nil
        rankUntil = waiting.isEmpty && !isMeasured ? nil : now + (rank.patience ?? usual)
        if let patience = rank.patience, until < now + patience { until = now + patience }
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
    mutating func keepRank() {
        if !isMeasured { rankUntil = nil }
    }

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
