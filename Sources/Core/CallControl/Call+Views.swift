import Applications
import CloudMessages
import Media
import Primitives
import SIPDialog
import SIPMessage

/// What others see of a call: the record, the list of calls, the busy lamps.
extension Call {
    var record: CallRecord {
        var record = CallRecord(callDataID: 0, startDate: startDate, lengthSeconds: Int(length.components.seconds))
        record.set(
            caller: legs[0].party, isFromLine: participants[0].line != nil, destination: destination,
            answeredBy: answeredBy)
        // Of a call that the appliance answered for a while, whether somebody else did.
        record.success = talkingSince != nil && (answeredBy != nil || !(hasDialled || origination != nil))
        if isPrivate { record.hideOtherEnd() }
        record.quality = recordedQuality
        return record
    }

    /// The party that a side belongs to now.
    private func party(_ side: MediaSide) -> CallParty {
        bridge[side].map { legs[$0].party } ?? (side == .a ? legs[0].party : destination.party)
    }

    func snapshot(at now: Instant) -> CallSnapshot {
        let state =
            switch phase {
            case .opening: "setup"
            case .ringing: legs[0].hasRung ? "ringing" : "setup"
            case .talking: "talking"
            case .ending, .ended: "ending"
            }
        return CallSnapshot(
            caller: party(.a).number, callee: party(.b).number,
            state: state,
            codecs: MediaSide.allCases.compactMap { configured[$0]?.codec.rawValue }.joined(separator: "-"),
            seconds: Int((talkingSince.map { now - $0 } ?? .zero).components.seconds),
            quality: liveQuality, trouble: audioTrouble)
    }

    /// Legs that occupy the line.
    func legCount(using line: LineID) -> Int {
        legs.indices.count { participants[$0].line == line && !participants[$0].hasMoved && !legs[$0].isOver }
    }

    /// True while the call has a place and that user has begun it, wherever it has been transferred to since, or has
    /// led it outside.
    func isCharged(to user: String) -> Bool {
        isActive && (isLeg(0, of: user) || sponsors.contains(user))
    }

    /// True of a leg to or from a telephone of that user. One over a line shows a number too, which may be the same:
    /// whoever is out there has chosen it.
    func isLeg(_ index: Int, of user: String) -> Bool {
        participants[index].line == nil && legs[index].party.number == user
    }

    // MARK: Rooms

    /// The room in the media in which a party of the call is.
    var room: RoomID? {
        if let application, case .room(let id, _)? = applicationProgram(for: application.side) { return id }
        if case .conference(let id)? = service { return id }
        return nil
    }

    /// Who is in that room by this call; nil: nobody.
    func occupant(of room: RoomID, at now: Instant) -> RoomOccupant? {
        guard phase == .talking, self.room == room,
            let index = MediaSide.allCases.compactMap({ bridge[$0] }).first
        else { return nil }
        return RoomOccupant(
            caller: CallerID(id), number: legs[index].party.number, name: legs[index].party.name, isHost: false,
            isMuted: isListener, seconds: Int((talkingSince.map { now - $0 } ?? .zero).components.seconds))
    }

    // MARK: Busy lamps

    /// The dialogs of a user that have not ended.
    func dialogs(of number: String) -> [DialogState] {
        participants.indices.compactMap {
            guard legs[$0].party.number == number, let state = participants[$0].reported, state.state != .terminated
            else { return nil }
            return state
        } + [reportedOrbit].compactMap { $0?.party.number == number ? $0 : nil }
    }

    /// Tells of every dialog that stands differently than before.
    mutating func reportDialogs(_ context: inout CallContext) {
        reportOrbit(&context)
        for index in legs.indices {
            guard participants[index].line == nil, !participants[index].hasMoved,
                participants[index].reported?.state != .terminated
            else { continue }
            let state = dialogState(of: index, context)
            guard state != participants[index].reported else { continue }
            participants[index].reported = state
            context.effects.append(.dialogState(DialogStateChange(dialog: state)))
        }
    }

    private func dialogState(of index: Int, _ context: CallContext) -> DialogState {
        let leg = legs[index]
        let participant = participants[index]
        var state =
            participant.reported
            ?? DialogState(
                party: leg.party, id: participant.dialogID, callID: leg.invite.headers[.callID] ?? "",
                remoteTag: leg.localTag, direction: participant.target == nil ? .initiator : .recipient, state: .trying,
                remote: destination.party, isRemoteAnonymous: false, isHeld: false, began: participant.began)
        if leg.isRinging {
            state.state = participant.hasRung ? .early : .trying
        } else if leg.isAnswered {
            state.state = .confirmed
            state.confirmed = state.confirmed ?? context.wall
        } else {
            state.event = participant.event ?? (state.state == .confirmed ? .remoteBye : .cancelled)
            state.code = state.event == .rejected ? participant.code : nil
            state.state = .terminated
            return state
        }
        state.isHeld = state.state == .confirmed && leg.media.stream?.sends == false
        state.localTag = leg.dialog?.id.remoteTag ?? participant.earlyTag
        state.localTarget = leg.dialog?.remoteTarget
        if let other = bridge[participant.side.other], other != index {
            state.remote = legs[other].party
            state.isRemoteAnonymous = participants[other].isAnonymous
        }
        return state
    }
}
