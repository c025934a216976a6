import Media
import Primitives
import SIPDialog
package import SIPMessage
package import SIPTransaction
import SIPUserAgent

/// What a transfer needs besides its call: the owner's answer, and other calls.
extension CallControl {
    /// The answer to a `RoutingRequest`; nil: the URI leads nowhere. Without effect when nobody waits for it any more.
    ///
    /// A way out is charged to the party on whose behalf it is taken, and refused when that party has all the calls
    /// that one may have: else forwarding and transfer would lead around the limit.
    package mutating func routed(_ question: RoutingRequest, _ route: Route?, _ context: inout CallContext) {
        let (call, user) = (question.id.call, route?.plan.sponsor ?? question.party.number)
        var taken = route
        if case .outside? = route?.destination, question.line == nil, route?.plan.isEmergency == false {
            if callCount(chargedTo: user, besides: call) >= limits.callsPerUser {
                context.count("calls.refused-user")
                taken = nil
            } else {
                charge(call, to: user)
            }
        }
        if let route = taken, isBeyondMedia(route.destination) {  // a caller would be answered, and dropped
            context.count("media.refused")
            taken = nil
        }
        if !mixes { taken?.fallback = nil }
        withCall(call, &context) { $0.routed(question.id.number, taken, &$1) }
    }

    /// A REFER outside a dialog, of an authenticated user: 403, unless Target-Dialog names one of the dialogs of that
    /// user (RFC 4538); then it is as if it had come in that dialog, and its NOTIFY travel in one of its own.
    package mutating func refer(
        _ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow, by user: CallParty,
        _ context: inout CallContext
    ) {
        guard let target = (try? request.targetDialog()) ?? nil,
            let found = leg(callID: target.callID, target.localTag, target.remoteTag, context),
            let call = call(found.call), call.isLeg(found.leg, of: user.number)
        else {
            context.reply(server, to: request, 403)
            return
        }
        var dialog: Dialog
        do {
            dialog = try Dialog(
                received: request, localTag: context.makeTag(), secure: flow.transport == .tls)
        } catch {
            context.reply(server, to: request, error.status)
            return
        }
        dialog.confirm()
        let way = dialog.flow(over: flow, sentBy: try? request.topVia())
        withCall(found.call, &context) {
            $0.referred(request, server, by: found.leg, carriedBy: .own(dialog, way), &$1)
        }
    }

    // MARK: Attended transfer

    mutating func fulfil(_ wish: Call.Wish, of id: UInt64, _ context: inout CallContext) {
        switch wish {
        case .join(let replaces, let uri): join(id, replaces, uri: uri, &context)
        case .application(let event): tellApplication(event, of: id, &context)
        case .enter(let application): enter(application, id, &context)
        case .talking: recordIfAlways(id, &context)
        case .record(let user, let other): record(id, user: user, with: other, &context)
        }
    }

    /// Connects the party that the transferor leaves with the one of the transferor's other call (RFC 5589 section 7).
    /// Both are here, so nobody needs an INVITE with Replaces: the other call gives up its far leg and ends.
    private mutating func join(
        _ id: UInt64, _ replaces: Replaces, uri: SIPURI, _ context: inout CallContext
    ) {
        guard let call = call(id), let transfer = call.transfer else { return }
        guard let found = leg(callID: replaces.callID, replaces.toTag, replaces.fromTag, context), found.call != id,
            let other = self.call(found.call)
        else {
            withCall(id, &context) { $0.transferFailed(481, &$1) }
            return
        }
        guard other.isLeg(found.leg, of: call.legs[transfer.transferor].party.number) else {
            withCall(id, &context) { $0.transferFailed(403, &$1) }
            return
        }
        switch other.replaceability(of: found.leg) {
        case .over: withCall(id, &context) { $0.transferFailed(603, &$1) }
        case .confirmed where replaces.earlyOnly: withCall(id, &context) { $0.transferFailed(486, &$1) }
        case .confirmed: join(id, other, leg: found.leg, &context)
        case .early, .foreignEarly:
            // The consultation still rings: its target is called for the transferee instead (RFC 5589 section 7.6).
            withCall(found.call, &context) { $0.end(&$1) }
            withCall(id, &context) { $0.askForTransfer(to: uri, &$1) }
        }
    }

    private mutating func join(_ id: UInt64, _ other: Call, leg index: Int, _ context: inout CallContext) {
        var released: (leg: CallLeg, participant: CallParticipant)?
        if let far = other.bridge[other.participants[index].side.other] {
            withCall(other.id, &context) { released = $0.release(far, &$1) }
        }
        withCall(id, &context) {
            if let released {
                $0.adopt(released.leg, released.participant, &$1)
            } else {
                $0.transferFailed(488, &$1)  // a service, or a call that is being transferred itself
            }
        }
    }
}
