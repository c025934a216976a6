import Media

/// Calls that the appliance answers itself.
extension Call {
    /// Answers the caller and does what the service does.
    mutating func serve(_ service: CallService, _ context: inout CallContext) {
        guard legs[0].accept(preferring: [], &context) else {
            refuseCaller(488, fields: [SessionBody.warning], &context)
            end(&context)
            return
        }
        self.service = service
        if service == .echo { context.effects.append(.media(.setEcho(MediaSessionID(id)))) }
        talk(&context)
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
