package import Primitives
package import SIPMessage

/// The session timer of one dialog, in both roles (RFC 4028).
///
/// ```text
///                      2xx with Session-Expires
///  off ───────────────────────────────────────────► running ◄──────────── 2xx of a refresh ────┐
///   ▲                                               │ half the interval, and we refresh: .refresh
///   └── 2xx without Session-Expires ────────────────┤                          └───────────────┘
///                                                   └ interval less slack: .expire ──► off
/// ```
///
/// The slack is the smaller of 32 s and a third of the interval (section 10). As UAC: `prepare` each INVITE and UPDATE,
/// hand the 2xx or 422 to `receive`. As UAS: `answer` each INVITE and UPDATE, and put the fields of the answer into the
/// 2xx or 422. A refresh is an UPDATE or re-INVITE by the caller; what it does not achieve, `.expire` ends.
package struct SessionTimer: Sendable, Equatable {
    package struct Policy: Sendable, Equatable {
        /// What we ask for, seconds (section 4 recommends 1800).
        package var interval = 1_800
        /// The briefest interval that we accept, seconds; never below 90 (section 5).
        package var minimum = 90
        /// As UAS, refresh ourselves when the caller leaves the choice to us.
        package var refreshesByChoice = false
        /// Refresh a session also when the peer knows nothing of session timers, so that its loss is noticed.
        package var refreshesAlone = false

        package init() {}
    }
    /// What a UAS answers to INVITE or UPDATE.
    package enum Answer: Sendable, Equatable {
        /// Put `fields` into the 2xx.
        case accepted(SessionExpires?)
        /// Refuse with 422 (Session Interval Too Small) and `fields`.
        case tooBrief(minSE: Int)

        /// The header fields which say so.
        package var fields: [SIPHeaders.Field] {
            switch self {
            case .accepted(nil): []
            case .accepted(let expires?):
                [.init(.sessionExpires, expires.description)]
                    + (expires.refresher == .uac ? [.init(.require, "timer")] : [])
            case .tooBrief(let minSE): [.init(.minSE, String(minSE))]
            }
        }
    }
    package enum Outcome: Sendable, Equatable {
        /// The timer runs, or there is none; go on.
        case settled
        /// 422: `prepare` the request again and send it with the next CSeq (section 7.4).
        case retry
        /// 422 that asks for nothing new.
        case refused
    }
    package enum Due: Sendable, Equatable {
        /// Send UPDATE or a re-INVITE, prepared.
        case refresh
        /// Send BYE; the timer is off.
        case expire
    }

    /// RFC 4028 section 5.
    package static let smallestInterval = 90

    /// A floor that a peer may set; beyond it there would be no timer in all but name.
    package static let longestMinimum = 7_200

    private struct Running: Sendable, Equatable {
        let seconds: Int
        let refreshesHere: Bool
        /// The peer knows nothing of it: only we end the session for want of a refresh.
        let isAlone: Bool
        /// Nil when the peer refreshes, and once the refresh is due.
        var refresh: Instant?
        let expiry: Instant
    }
    package let policy: Policy
    private var running: Running?
    /// The largest Min-SE of all 422 to us (section 7.4).
    private var peerMinimum = smallestInterval

    package init(policy: Policy = Policy()) {
        self.policy = policy
    }

    /// The negotiated interval in seconds; nil when the timer is off.
    package var interval: Int? { running?.seconds }

    /// True when the refresh is ours to send.
    package var refreshesHere: Bool { running?.refreshesHere ?? false }

    /// When `handleDeadline(at:)` has work to do; nil when the timer is off.
    package var nextDeadline: Instant? { running.map { $0.expiry.orEarlier($0.refresh) } }

    /// Writes Session-Expires, Min-SE and `Supported: timer` into an INVITE or UPDATE of ours (section 7.1); who
    /// refreshes now is to go on.
    package func prepare(_ request: inout SIPRequest) {
        let minimum = max(peerMinimum, policy.minimum)
        let seconds = asked
        let refresher = running.map { $0.refreshesHere ? SessionExpires.Refresher.uac : .uas }
        request.headers.set(.sessionExpires, SessionExpires(seconds: seconds, refresher: refresher).description)
        if minimum > Self.smallestInterval { request.headers.set(.minSE, String(minimum)) }
        var options = request.supported()
        options.insert("timer")
        request.headers.set(.supported, options.description)
    }

    /// The interval that our requests ask for, in seconds.
    private var asked: Int { max(running?.seconds ?? policy.interval, peerMinimum, policy.minimum) }

    /// As UAC: takes a final response to a prepared request (sections 7.2, 7.4). Other failures change nothing.
    ///
    /// A 2xx may shorten the interval, not lengthen it: of who names a longer one the loss is to be noticed no later than
    /// we asked for, so we refresh within that ourselves.
    package mutating func receive(_ response: SIPResponse, at now: Instant) -> Outcome {
        if response.status == 422 {
            guard let wanted = try? response.minSE(), wanted > max(peerMinimum, running?.seconds ?? policy.interval)
            else { return .refused }
            peerMinimum = wanted
            return .retry
        }
        guard response.isSuccess else { return .settled }
        if let expires = try? response.sessionExpires() {
            let isLonger = expires.seconds > asked
            start(
                min(expires.seconds, asked), refreshesHere: isLonger || expires.refresher != .uas, isAlone: false,
                at: now)
        } else if policy.refreshesAlone {
            start(max(policy.interval, policy.minimum), refreshesHere: true, isAlone: true, at: now)
        } else {
            running = nil
        }
        return .settled
    }

    /// As UAS: takes an INVITE or UPDATE which is about to be answered with 2xx at `now` (section 9).
    ///
    /// Throws `.malformedHeader`: answer 400.
    package mutating func answer(_ request: SIPRequest, at now: Instant) throws(SIPParseError) -> Answer {
        let floor = max(try request.minSE() ?? 0, Self.smallestInterval)
        let isSupported = request.supported().contains("timer") && floor <= Self.longestMinimum
        let minimum = floor <= Self.longestMinimum ? floor : Self.smallestInterval
        let asked = try request.sessionExpires()
        if let asked, asked.seconds < max(policy.minimum, Self.smallestInterval), isSupported {
            return .tooBrief(minSE: max(policy.minimum, Self.smallestInterval))
        }
        // An interval below the floor that a proxy wrote for a caller without `timer` can be neither refused nor raised.
        guard isSupported || policy.refreshesAlone || (asked?.seconds ?? 0) >= Self.smallestInterval else {
            running = nil
            return .accepted(nil)
        }
        let ours = max(policy.interval, policy.minimum, minimum)
        let seconds = max(min(asked?.seconds ?? ours, ours), Self.smallestInterval)
        let choice: SessionExpires.Refresher = policy.refreshesByChoice ? .uas : .uac
        let refresher = isSupported ? asked?.refresher ?? choice : .uas
        start(seconds, refreshesHere: refresher == .uas, isAlone: !isSupported, at: now)
        return .accepted(SessionExpires(seconds: seconds, refresher: refresher))
    }

    /// Tries the refresh again later, as after a 491 or 500 with Retry-After. Without effect when the timer is off or
    /// the peer refreshes.
    package mutating func postponeRefresh(to instant: Instant) {
        if running?.refreshesHere == true { running?.refresh = instant }
    }

    /// The peer has refused a refresh, which it would not do for a dialog that it does not have (408 and 481 are not for
    /// here). True when that is good for another interval: the peer knows no session timers, so it owes us no 2xx.
    package mutating func refused(at now: Instant) -> Bool {
        guard let running, running.isAlone else { return false }
        start(running.seconds, refreshesHere: true, isAlone: true, at: now)
        return true
    }

    /// What is due at `now`; nil when nothing is.
    package mutating func handleDeadline(at now: Instant) -> Due? {
        guard let running else { return nil }
        if now >= running.expiry {
            self.running = nil
            return .expire
        }
        guard let refresh = running.refresh, now >= refresh else { return nil }
        self.running?.refresh = nil
        return .refresh
    }

    private mutating func start(_ seconds: Int, refreshesHere: Bool, isAlone: Bool, at now: Instant) {
        let interval = Duration.seconds(max(seconds, Self.smallestInterval))
        let slack = min(.seconds(32), interval / 3)
        running = Running(
            seconds: max(seconds, Self.smallestInterval), refreshesHere: refreshesHere, isAlone: isAlone,
            refresh: refreshesHere ? now + interval / 2 : nil, expiry: now + interval - slack)
    }
}
