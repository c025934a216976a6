import Media
import MediaNegotiation
import Primitives
import SIPDialog
package import SIPMessage
package import SIPTransaction
import SIPUserAgent

/// INVITE outside a dialog: a new call, or one that takes the place of a dialog.
extension CallControl {
    /// Begins a call, or refuses it with the reason: 503 (limit, of the edition too), 403 (the caller's own limit: 503 would tell the
    /// telephone that the appliance fails, and 486 that the callee is busy), 406, 413, 415 (body), 422 (session timer),
    /// 400 (body, session timer, no Contact), 488 (no common codec), 486 (a conference room is full), 501 (a conference that the media
    /// backend cannot make), 480 (nobody to ring).
    package mutating func invite(_ invitation: Invitation, _ context: inout CallContext) {
        let request = invitation.request
        guard activeCount < callsLimit + (invitation.isEmergency ? limits.emergencyCalls : 0) else {
            context.count("calls.refused")
            context.reply(invitation.server, to: request, 503, fields: [.init(.retryAfter, "5")])
            return
        }
        if let most = editionCalls, activeCount >= most, !invitation.isEmergency {
            context.count("calls.refused-edition")
            context.reply(
                invitation.server, to: request, 503, reason: "Edition Allows No More Calls",
                fields: [.init(.retryAfter, "5")])
            return
        }
        guard
            invitation.line != nil || invitation.isEmergency
                || callCount(chargedTo: invitation.caller.number) < limits.callsPerUser
        else {
            context.count("calls.refused-user")
            context.reply(invitation.server, to: request, 403, reason: "Too Many Calls")
            return
        }
        guard !isBeyondMedia(invitation.destination) else {
            context.count("media.refused")
            context.reply(invitation.server, to: request, 501, reason: "No Conferences Here")
            return
        }
        guard invitation.plan.sponsor.map({ callCount(chargedTo: $0) < limits.callsPerUser }) ?? true else {
            context.count("calls.refused-user")
            context.reply(invitation.server, to: request, 480)
            return
        }
        guard !isFull(invitation.destination) else {
            context.count("calls.refused-room")
            context.reply(invitation.server, to: request, 486)
            return
        }
        var invitation = invitation
        if !mixes { invitation.fallback = nil }  // a message could not be recorded
        guard let (dialog, local) = openDialog(for: invitation, &context) else { return }
        guard invitation.hasTargets else {
            context.reply(invitation.server, to: request, invitation.plan.refusal)
            unreachedCount += 1
            context.effects.append(.ended(invitation.unansweredRecord(at: context.wall)))
            return
        }
        begin(invitation, dialog: dialog, localMedia: local, &context)
    }

    /// The dialog of an INVITE that can be answered, and our side of its media; nil when it was refused.
    mutating func openDialog(
        for invitation: Invitation, _ context: inout CallContext
    ) -> (dialog: Dialog, media: LocalMedia)? {
        let request = invitation.request
        let body: [UInt8]
        switch SessionBody.read(request) {
        case .description(let description): body = description
        case .refused(let status, let fields):
            context.reply(invitation.server, to: request, status, fields: fields)
            return nil
        }
        let policy = timers.session(over: invitation.line)
        if let refusal = CallLeg.refusal(of: request, by: policy, at: context.now) {
            context.reply(invitation.server, to: request, refusal.status, fields: refusal.fields)
            return nil
        }
        let isSecure = invitation.flow.transport == .tls
        let dialog: Dialog
        do {
            dialog = try Dialog(received: request, localTag: context.makeTag(), secure: isSecure)
        } catch {
            context.reply(invitation.server, to: request, error.status)
            return nil
        }
        let local = LegMedia.local(
            address: mediaAddress.isUnspecified ? invitation.flow.local.address : mediaAddress,
            session: context.agent.entropy.next(), over: invitation.flow,
            rules: invitation.media ?? telephoneMedia, entropy: &context.agent.entropy)
        guard body.isEmpty || !LegMedia.codecs(offeredIn: body, local: local).isEmpty else {
            context.reply(invitation.server, to: request, 488, fields: [SessionBody.warning])
            return nil
        }
        return (dialog, local)
    }

    // MARK: Replaces

    /// Takes an INVITE with Replaces from one of the users (RFC 3891); false, and nothing done, when it has none.
    ///
    /// An early dialog of a ringing telephone may be taken over by every user who knows it, as one does who watches that
    /// telephone: call pickup. A confirmed one is handed to another telephone of the same user. Refused with 400, 481
    /// (unknown, or early and not ours to give), 486 (early-only, but answered), 603 (over), 403.
    package mutating func replace(
        _ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow, by caller: CallParty,
        _ context: inout CallContext
    ) -> Bool {
        guard request.headers.contains(.replaces) else { return false }
        guard request.headers.all(.replaces).count == 1, let replaces = (try? request.replaces()) ?? nil else {
            context.reply(server, to: request, 400)
            return true
        }
        guard let found = leg(callID: replaces.callID, replaces.toTag, replaces.fromTag, context),
            let call = call(found.call)
        else {
            context.reply(server, to: request, 481)
            return true
        }
        let refusal: Int? =
            switch call.replaceability(of: found.leg) {
            case .over: 603
            case .foreignEarly: 481
            case .early: nil
            case .confirmed where replaces.earlyOnly: 486
            case .confirmed: call.isLeg(found.leg, of: caller.number) ? nil : 403
            }
        if let refusal {
            context.reply(server, to: request, refusal)
            return true
        }
        let invitation = Invitation(
            server: server, request: request, flow: flow, caller: caller,
            destination: .user(call.legs[found.leg].party), ranks: [])
        guard let (dialog, _) = openDialog(for: invitation, &context) else { return true }
        withCall(found.call, &context) { $0.replace(found.leg, by: invitation, dialog: dialog, &$1) }
        return true
    }

    /// The leg whose dialog has that name, in whichever order the tags stand.
    func leg(callID: String, _ tag: String, _ other: String, _ context: CallContext) -> LegReference? {
        for ours in [tag, other] {
            guard let found = context.directory.leg(tag: ours), let call = call(found.call),
                call.matches(callID, tag, other, leg: found.leg)
            else { continue }
            return found
        }
        return nil
    }
}
