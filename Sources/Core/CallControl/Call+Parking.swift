import Media
import Primitives
import SIPDialog
import SIPMessage

/// A call that waits in an orbit.
struct Parked: Sendable {
    let orbit: CallParty
    /// To whom it comes back.
    let parker: CallParty
    /// The side that is empty.
    let side: MediaSide
    /// When it comes back.
    var until: Instant
    /// How often it has come back in vain.
    var returns = 0
}

/// Somebody is called back into a call that stands: to a parked call, or after a transfer that failed.
struct Recall: Sendable {
    /// By which the owner's answer is known.
    let question: Int
    let side: MediaSide
}

/// Orbits, and calls that come back.
extension Call {
    /// How often a parked call comes back before it is given up.
    static let parkReturns = 3

    // MARK: Into the orbit

    mutating func parkByTransfer(at orbit: CallParty, _ context: inout CallContext) {
        guard let transfer else { return }
        self.transfer = nil
        notify(200, of: subscriptions.count - 1, &context)
        park(transfer.transferor, at: orbit, for: sounds.parking, &context)
    }

    /// The leg leaves, the other end waits.
    mutating func park(_ index: Int, at orbit: CallParty, for patience: Duration, _ context: inout CallContext) {
        parked = Parked(
            orbit: orbit, parker: legs[index].party, side: participants[index].side, until: context.now + patience)
        context.count("calls.parked")
        endRecording(&context)
        leave(index, &context)
        configureMedia(&context)
    }

    // MARK: Out of it

    /// Somebody takes the call up.
    mutating func takeUp(by invitation: Invitation, dialog: Dialog, _ context: inout CallContext) {
        guard let parked, let new = admit(invitation, dialog: dialog, on: parked.side, &context) else { return }
        stopFork(because: [.completedElsewhere], &context)
        recall = nil
        self.parked = nil
        bridge[parked.side] = new
        rejoin(parked.side, &context)
    }

    /// It has waited long enough: it comes back to who parked it.
    mutating func parkDeadline(_ context: inout CallContext) {
        guard let parked, context.now >= parked.until, phase == .talking else { return }
        self.parked?.until = context.now + timers.ringing + timers.ringing  // until the one who is called answers
        self.parked?.returns += 1
        context.count("calls.park-returns")
        callBack(parked.parker, on: parked.side, &context)
    }

    // MARK: Coming back

    /// Calls somebody to the side that is empty.
    mutating func callBack(_ party: CallParty, on side: MediaSide, _ context: inout CallContext) {
        guard let other = bridge[side.other], fork == nil, recall == nil else {
            if parked == nil { end(&context) }
            return
        }
        recall = Recall(question: questionCount, side: side)
        configured[side] = nil
        configureMedia(&context)
        ask(.recall, for: SIPURI(user: party.number, host: domain), by: party, for: known(other), &context)
    }

    mutating func beginRecall(to route: Route?, _ context: inout CallContext) {
        if hasDialled, case .service(let party, let service)? = route?.destination {
            switch service {
            case .conference, .echo, .application: return serve(service, named: party, &context)
            case .tone, .orbit, .dialTone: break
            }
        }
        guard let recall, let route, !route.ringable.isEmpty, let other = bridge[recall.side.other] else {
            recallFailed(&context)
            return
        }
        if parked == nil, hasDialled || origination != nil { destination = route.destination }
        let identity = CallerIdentity(party: legs[other].party, isAnonymous: participants[other].isAnonymous)
        ring(
            Fork(
                side: recall.side, identity: identity, ranks: route.ringable,
                dialled: route.destination.party.number, until: context.now + timers.ringing, plan: route.plan),
            &context)
    }

    mutating func completeRecall(with index: Int, _ context: inout CallContext) {
        guard let recall else { return }
        self.recall = nil
        parked = nil
        fork = nil
        early = nil
        bridge[recall.side] = index
        if answeredBy == nil { answeredBy = legs[index].party }
        rejoin(recall.side, &context)
    }

    /// Nobody is there: a parked call waits on, a few times; another one ends.
    mutating func recallFailed(_ context: inout CallContext) {
        let status = fork?.outcome.finalStatus
        stopFork(&context)
        recall = nil
        if hasDialled, parked == nil, isActive {  // who dialled with keys is told with a tone
            service = .tone(status == 486 || status == 600 ? .busy : .congestion)
            configureMedia(&context)
            return
        }
        guard let parked, parked.returns < Self.parkReturns else {
            end(&context)
            return
        }
        self.parked?.until = context.now + sounds.parking
        configureMedia(&context)
    }

    // MARK: Busy lamp

    /// Tells who watches the orbit that a call waits there, or does not any more.
    mutating func reportOrbit(_ context: inout CallContext) {
        if let parked, phase == .talking, reportedOrbit == nil, let other = bridge[parked.side.other] {
            var state = DialogState(
                party: parked.orbit, id: "\(id)-orbit-\(questionCount)-\(legs.count)",
                callID: legs[other].invite.headers[.callID] ?? "", remoteTag: legs[other].localTag,
                direction: .recipient, state: .confirmed, remote: legs[other].party,
                isRemoteAnonymous: participants[other].isAnonymous, isHeld: true, began: context.wall)
            state.confirmed = context.wall
            reportedOrbit = state
            context.effects.append(.dialogState(DialogStateChange(dialog: state)))
        } else if parked == nil, var state = reportedOrbit {
            state.state = .terminated
            state.event = .remoteBye
            reportedOrbit = nil
            context.effects.append(.dialogState(DialogStateChange(dialog: state)))
        }
    }
}
