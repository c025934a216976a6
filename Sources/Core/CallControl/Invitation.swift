import CloudMessages
import Primitives
package import SIPMessage
package import SIPTransaction

/// An INVITE outside a dialog, its sender authenticated, its destination found.
package struct Invitation: Sendable {
    package var server: ServerTransactionID
    package var request: SIPRequest
    package var flow: SIPFlow
    package var caller: CallParty
    package var destination: DialPlan.Destination
    /// Whom to ring: all of a rank together, the next rank when those before have failed.
    package var ranks: [[CallTarget]]
    /// The line by which the call came; nil for one of the appliance's users.
    package var line: LineID?
    /// What answers challenges to requests of ours inside the dialog, as a line's peer may send.
    package var credentials: OutboundCredentials?
    /// A call for help: no limit of its caller's holds it up.
    package var isEmergency = false
    /// Nil: those for telephones.
    package var media: MediaRules?
    package var plan = RingPlan()
    /// Whether the caller is kept from who is called; nil: as the request says.
    package var hidesCaller: Bool?
    /// The record keeps no number of the other end.
    package var isPrivate = false
    /// Where the call goes when nobody takes it.
    package var fallback: CallFallback?

    package init(
        server: ServerTransactionID, request: SIPRequest, flow: SIPFlow, caller: CallParty,
        destination: DialPlan.Destination, ranks: [[CallTarget]], line: LineID? = nil,
        credentials: OutboundCredentials? = nil
    ) {
        self.server = server
        self.request = request
        self.flow = flow
        self.caller = caller
        self.destination = destination
        self.ranks = ranks.filter { !$0.isEmpty }
        self.line = line
        self.credentials = credentials
    }

    /// Ranks by the preference of the targets.
    package init(
        server: ServerTransactionID, request: SIPRequest, flow: SIPFlow, caller: CallParty,
        destination: DialPlan.Destination, targets: [CallTarget]
    ) {
        self.init(
            server: server, request: request, flow: flow, caller: caller, destination: destination,
            ranks: CallTarget.ranked(targets))
    }
}

extension Invitation {
    var hasTargets: Bool {
        if case .service = destination { true } else { !ranks.isEmpty || fallback != nil }
    }

    /// The record of a call that found no telephone to ring.
    func unansweredRecord(at time: UnixTime) -> CallRecord {
        var record = CallRecord(callDataID: 0, startDate: time, lengthSeconds: 0)
        record.set(caller: caller, isFromLine: line != nil, destination: destination, answeredBy: nil)
        if isPrivate { record.hideOtherEnd() }
        return record
    }
}
