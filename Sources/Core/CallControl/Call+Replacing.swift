import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction

/// Legs that take the place of others: INVITE with Replaces (RFC 3891), and attended transfer (RFC 5589 section 7).
extension Call {
    /// How a dialog of this call may be replaced.
    enum Replaceability { case confirmed, early, foreignEarly, over }

    /// RFC 3891 section 3: a confirmed dialog, or an early one that began with an INVITE of ours.
    func replaceability(of index: Int) -> Replaceability {
        let side = participants[index].side
        if legs[index].isEstablished, phase == .talking, bridge[side] == index { return .confirmed }
        guard legs[index].isRinging else { return .over }
        return fork?.legs.contains(index) == true ? .early : .foreignEarly
    }

    /// True when the tags are those of the leg's dialog, whichever is called to and from: who has them from a dialog
    /// event package writes them as the watched telephone sees them, who has them from its own call the other way.
    func matches(_ callID: String, _ tag: String, _ other: String, leg index: Int) -> Bool {
        let leg = legs[index]
        let remote = leg.dialog?.id.remoteTag ?? participants[index].earlyTag
        guard let remote, (leg.dialog?.id.callID ?? leg.invite.headers[.callID]) == callID else { return false }
        return (leg.localTag == tag && remote == other) || (leg.localTag == other && remote == tag)
    }

    /// Puts the leg of an INVITE in the place of another: answered at once, the other one is hung up. The INVITE is
    /// refused 488 when nothing can be agreed, 491 while the place is being given away by REFER, 503 at the limit.
    mutating func replace(_ index: Int, by invitation: Invitation, dialog: Dialog, _ context: inout CallContext) {
        let side = participants[index].side
        let isEarly = legs[index].isRinging
        guard isEarly || transfer == nil else {
            context.reply(invitation.server, to: invitation.request, 491)
            return
        }
        guard transferCount < limits.transfersPerCall else {
            context.reply(invitation.server, to: invitation.request, 503)
            return
        }
        transferCount += 1
        guard let new = admit(invitation, dialog: dialog, on: side, &context) else { return }
        context.count("calls.replaced")
        participants[index].event = .replaced
        guard !isEarly else {
            fork?.legs.append(new)
            answered(by: new, &context)
            return
        }
        bridge[side] = new
        legs[index].hangUp(&context)
        rejoin(side, &context)
    }

    /// A leg for an INVITE that comes into the running call on that side, answered at once; nil, and 488, when nothing
    /// can be agreed.
    mutating func admit(
        _ invitation: Invitation, dialog: Dialog, on side: MediaSide, _ context: inout CallContext
    ) -> Int? {
        let new = legs.count
        let codecs = codecs(opposite: side)
        legs.append(
            CallLeg(
                callerOf: invitation, dialog: dialog, reference: LegReference(call: id, leg: new),
                media: media(on: side, rules: invitation.media, preferring: codecs, &context), timers: timers,
                context: &context))
        participants.append(
            CallParticipant(
                side: side, target: nil, line: invitation.line, history: [], dialogID: "\(id)-\(new)",
                began: context.wall, isAnonymous: CallerIdentity.isHidden(in: invitation.request)))
        if let other = bridge[side.other], invitation.line == nil, !participants[other].isAnonymous {
            legs[new].connected = CallerIdentity.address(of: legs[other].party, in: domain)
        }
        guard legs[new].accept(preferring: codecs, &context) else {
            legs[new].refuse(488, fields: [SessionBody.warning], &context)
            return nil
        }
        return new
    }

    // MARK: Joining two calls

    /// Gives away a leg of a running call, which ends with that. Nil when it is not to be had.
    mutating func release(
        _ index: Int, _ context: inout CallContext
    ) -> (leg: CallLeg, participant: CallParticipant)? {
        let side = participants[index].side
        guard phase == .talking, transfer == nil, bridge[side] == index, legs[index].isEstablished else { return nil }
        let leg = legs[index]
        let participant = participants[index]
        legs[index].state = .over
        participants[index].hasMoved = true
        bridge[side] = nil
        subscriptions.removeAll { $0.leg == index }
        if let other = bridge[side.other] { participants[other].event = .replaced }
        end(&context)
        return (leg, participant)
    }

    /// Takes in a leg that another call has released, in the place of the transferor.
    mutating func adopt(_ leg: CallLeg, _ participant: CallParticipant, _ context: inout CallContext) {
        guard let transfer else { return }
        let side = participants[transfer.transferor].side
        let index = legs.count
        let reference = LegReference(call: id, leg: index)
        context.move(leg.reference, to: reference)
        var leg = leg
        leg.reference = reference
        if let port = ports[side] { leg.media.bind(port: port) }
        leg.media.prefer(codecs(opposite: side))
        leg.media.announce(opus(opposite: side))
        legs.append(leg)
        var participant = participant
        participant.side = side
        participant.audio = LegAudio()
        participants.append(participant)
        completeTransfer(with: index, leadsOther: false, &context)
        legs[index].renegotiate(&context)  // its media come to another port from now on
    }
}
