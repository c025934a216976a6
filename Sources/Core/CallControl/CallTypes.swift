package import CloudMessages
package import Media
import Primitives
package import SIPDialog
package import SIPMessage
package import SIPTransaction

/// One telephone that is to ring: a binding of the registrar, seen from call control.
package struct CallTarget: Sendable, Equatable {
    /// The user whose telephone this is.
    package var party: CallParty
    /// The Contact: where the INVITE is addressed to.
    package var uri: SIPURI
    package var flow: SIPFlow

    package init(party: CallParty, uri: SIPURI, flow: SIPFlow) {
        self.party = party
        self.uri = uri
        self.flow = flow
    }
}

/// An INVITE outside a dialog, its sender authenticated, its destination found.
package struct Invitation: Sendable {
    package var server: ServerTransactionID
    package var request: SIPRequest
    package var flow: SIPFlow
    package var caller: CallParty
    package var destination: DialPlan.Destination
    /// Everyone's telephones, in the order in which they are to be called.
    package var targets: [CallTarget]

    package init(
        server: ServerTransactionID, request: SIPRequest, flow: SIPFlow, caller: CallParty,
        destination: DialPlan.Destination, targets: [CallTarget]
    ) {
        self.server = server
        self.request = request
        self.flow = flow
        self.caller = caller
        self.destination = destination
        self.targets = targets
    }
}

extension Invitation {
    var hasTargets: Bool {
        if case .echo = destination { true } else { !targets.isEmpty }
    }

    /// The record of a call that found no telephone to ring.
    func unansweredRecord(at time: UnixTime) -> CallRecord {
        var record = CallRecord(callDataID: 0, startDate: time, lengthSeconds: 0)
        record.set(caller: caller, destination: destination, answeredBy: nil)
        return record
    }
}

extension CallRecord {
    /// Numbers and names: who called, whom, and who took the call.
    mutating func set(caller: CallParty, destination: DialPlan.Destination, answeredBy callee: CallParty?) {
        userNumber = caller.number
        userName = caller.name
        connectedUserNumber = (callee ?? destination.party).number
        connectedUserName = (callee ?? destination.party).name
        if case .group(let group, _) = destination {
            groupNumber = group.number
            groupName = group.name
        }
    }
}

/// What call control asks for besides SIP messages.
package enum CallEffect: Sendable, Equatable {
    case media(MediaCommand)
    /// A call is over; its `callDataID` is still 0, the owner of the numbering sets it.
    case ended(CallRecord)
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
}

/// How long call control waits for others.
package struct CallTimers: Sendable, Equatable {
    /// For an answer by a person, then 480.
    package var ringing = Duration.seconds(60)
    /// For the media workers to open or close a session.
    package var media = Duration.seconds(5)
    /// Session-Expires and Min-SE of both roles (RFC 4028).
    package var session = SessionTimer.Policy()
    /// Until a refresh that was refused, or had to stand back, is tried again.
    package var refreshRetry = Duration.seconds(10)

    package init() {}
}

/// One dialog of one call: leg 0 is the caller's, the others are callees'.
struct LegReference: Hashable, Sendable {
    let call: UInt64
    let leg: Int
}
