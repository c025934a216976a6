import Media
import SIPMessage

/// Calls that the appliance answers itself.
extension Call {
    /// Answers the caller and does what the service does.
    mutating func serve(_ service: CallService, _ context: inout CallContext) {
        guard legs[0].accept(preferring: [], &context) else {
            refuseCaller(488, fields: [SessionBody.warning], &context)
            end(&context)
            return
        }
        occupy(service, &context)
        if service == .dialTone {  // `#` ends the number, or four seconds without another digit
            let rules = DigitRules(most: 32, terminators: [.pound], first: .seconds(15), between: .seconds(4))
            context.effects.append(.media(.collect(MediaSessionID(id), .a, rules)))
        }
    }

    /// The caller, who has been answered, is in the service from now on.
    private mutating func occupy(_ service: CallService, _ context: inout CallContext) {
        self.service = service
        if service == .echo { context.effects.append(.media(.setEcho(MediaSessionID(id)))) }
        if phase == .talking { configureMedia(&context) } else { talk(&context) }
        if case .application(let application) = service { enter(application, &context) }
    }

    /// Who has dialled with keys is in the service now.
    mutating func serve(_ service: CallService, named party: CallParty, _ context: inout CallContext) {
        recall = nil
        answeredBy = party
        occupy(service, &context)
    }

    /// A key at the dial tone.
    mutating func pressed(_ context: inout CallContext) {
        guard service == .dialTone, !hasDialled else { return }
        hasDialled = true
        configureMedia(&context)
    }

    /// A number has been dialled at the dial tone; none ends the call.
    mutating func collected(_ outcome: DigitCollector.Outcome, _ context: inout CallContext) {
        guard service == .dialTone, phase == .talking, recall == nil else { return }
        guard !outcome.digits.isEmpty else {
            end(&context)
            return
        }
        hasDialled = true
        service = nil
        recall = Recall(question: questionCount, side: .b)
        let number = String(outcome.digits.map(\.character))
        configureMedia(&context)
        ask(
            .dial, for: SIPURI(user: number, host: domain), by: legs[0].party,
            for: (legs[0].party, callerIdentity.isAnonymous), &context)
    }

    /// What a side heard is over: with a tone, the call.
    mutating func played(_ side: MediaSide, _ context: inout CallContext) {
        guard case .tone? = service, phase == .talking, bridge[side] != nil else { return }
        end(&context)
    }

    /// One end leaves, the other one comes into the room: a transfer to a conference.
    mutating func conferByTransfer(_ service: CallService, _ context: inout CallContext) {
        guard let transfer else { return }
        self.transfer = nil
        notify(200, of: subscriptions.count - 1, &context)
        enterRoom(service, leaving: transfer.transferor, &context)
    }

    /// That leg leaves, the other end is in the room from now on.
    mutating func enterRoom(_ service: CallService, leaving index: Int, _ context: inout CallContext) {
        self.service = service
        leave(index, &context)
        configureMedia(&context)
    }

    /// Takes a leg out of the bridge and ends it; the other one stays.
    mutating func leave(_ index: Int, _ context: inout CallContext) {
        let side = participants[index].side
        if bridge[side] == index { bridge[side] = nil }
        if legs[index].isEstablished { dismiss(index, &context) }
    }
}
