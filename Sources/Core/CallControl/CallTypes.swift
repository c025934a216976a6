package import Applications
package import CloudMessages
package import Media
import Primitives
package import SIPDialog
package import Settings

extension CallRecord {
    /// Numbers and names: who called, whom, and who took the call. Of a call over a line the user is the one here, the
    /// other one is external.
    mutating func set(
        caller: CallParty, isFromLine: Bool, destination: DialPlan.Destination, answeredBy callee: CallParty?
    ) {
        let called = callee ?? destination.party
        if isFromLine {
            direction = .incoming
            (externalPhoneNumber, externalName) = (caller.number, caller.name)
            (userNumber, userName) = (called.number, called.name)
        } else if case .outside(let party) = destination {
            direction = .outgoing
            (userNumber, userName) = (caller.number, caller.name)
            (externalPhoneNumber, externalName) = (party.number, party.name)
        } else {
            (userNumber, userName) = (caller.number, caller.name)
            (connectedUserNumber, connectedUserName) = (called.number, called.name)
        }
        if case .group(let group, _) = destination {
            groupNumber = group.number
            groupName = group.name
        }
    }
}

extension CallRecord {
    /// A private call: that it was made is all that is kept.
    mutating func hideOtherEnd() {
        (externalPhoneNumber, externalName) = ("", "")
        if direction == .internal { (connectedUserNumber, connectedUserName) = ("", "") }
    }
}

/// What call control asks for besides SIP messages.
package enum CallEffect: Sendable, Equatable {
    case media(MediaCommand)
    /// A call is over; its `callDataID` is still 0, the owner of the numbering sets it.
    case ended(CallRecord)
    /// To be answered with `CallControl.routed` as soon as the effects have been taken.
    case routing(RoutingRequest)
    /// For whoever watches the party; every state of a dialog once, in order.
    case dialogState(DialogStateChange)
    /// For who keeps the files of voice messages.
    case messages(MessageCommand)
    /// For the lamps of a user's telephones.
    case messagesWaiting(user: String, new: Int, old: Int)
    case log(String)
    /// The night was switched by a number of the plan.
    case night(Bool)
    /// A user has pressed a code in that call.
    case keys(String, of: CallParty, in: UInt64)
    /// A user has come to the queues, or left them.
    case agent(String, AgentState)
}

/// A running call as an administrator sees it.
package struct CallSnapshot: Sendable, Equatable {
    package var caller: String
    package var callee: String
    /// `setup`, `ringing`, `talking` or `ending`.
    package var state: String
    /// `opus-PCMU`, or what is known of it.
    package var codecs: String
    /// Connected time.
    package var seconds: Int
    /// Of the legs that are joined, as told last; empty before media flow.
    package var quality: [CallLegQuality] = []
    /// What keeps a party from being heard, in words: "12 is not heard: it sends nothing that arrives; …"; empty when
    /// nothing does.
    package var trouble: [String] = []
}

/// How long call control waits for others.
package struct CallTimers: Sendable, Equatable {
    /// For an answer by a person, then 480.
    package var ringing = Duration.seconds(60)
    /// For an answer by the telephones of one rank when another rank is left to try.
    package var rank = Duration.seconds(20)
    /// For any sign of life from a line when another one is left to try.
    package var line = Duration.seconds(6)
    /// For the media workers to open or close a session.
    package var media = Duration.seconds(5)
    /// Session-Expires and Min-SE of both roles towards telephones (RFC 4028). Shorter than what its section 4
    /// recommends, and refreshed by us wherever that is ours to choose: a telephone that lost its power holds a place
    /// of the appliance, and a person on the line, no longer than that.
    package var session = Self.policy(interval: 600)
    /// Likewise over lines, whose peers often refuse less (422) and do not lose their power.
    package var lineSession = Self.policy(interval: 1_800)
    /// Until a refresh that was refused, or had to stand back, is tried again.
    package var refreshRetry = Duration.seconds(10)

    package init() {}

    private static func policy(interval: Int) -> SessionTimer.Policy {
        var policy = SessionTimer.Policy()
        policy.interval = interval
        policy.refreshesByChoice = true
        policy.refreshesAlone = true
        return policy
    }

    /// For a leg over that line, or to a telephone.
    func session(over line: LineID?) -> SessionTimer.Policy { line == nil ? session : lineSession }
}

/// One dialog of one call: leg 0 is the caller's, the others are callees'.
struct LegReference: Hashable, Sendable {
    let call: UInt64
    let leg: Int
}
