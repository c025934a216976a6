package import Primitives
package import SIPMessage

extension TransactionLayer {
    /// Answers a request. A response after the final one is ignored, as is one for a transaction that has ended, and a
    /// 408 to anything but INVITE: the client has given up by itself (RFC 4320 section 4.2).
    package mutating func respond(
        _ id: ServerTransactionID, with response: SIPResponse, at now: Instant
    ) -> [TransactionEffect] {
        guard let position = nonInvites.position(of: id) else {
            return drive(id, invite: .respond(status: response.status), with: response, at: now)
        }
        guard response.status != 408 else { return [] }
        return drive(nonInvite: position, .respond(status: response.status), with: response, at: now)
    }

    /// Stops the repetition of the 2xx of that INVITE, because its ACK has come. Without effect on anything else.
    package mutating func acknowledge(_ id: ServerTransactionID) {
        // Stops a timer, so the time does not matter.
        _ = drive(id, invite: .acknowledged, at: .origin)
    }

    /// True for a CANCEL of an INVITE that has its transaction here.
    package func knows(cancel: SIPRequest, from flow: SIPFlow) -> Bool {
        guard let (stamped, via) = cancel.stamped(from: flow.remote),
            let incoming = try? IncomingRequest(stamped: stamped, via: via)
        else { return false }
        return inviteIDs[incoming.key(method: .invite)] != nil
    }

    mutating func receive(_ request: SIPRequest, from flow: SIPFlow, at now: Instant) -> [TransactionEffect] {
        guard let (stamped, via) = request.stamped(from: flow.remote) else { return [.dropped(.malformed)] }
        let reply = flow.reply(to: via)
        let incoming: IncomingRequest
        do {
            incoming = try IncomingRequest(stamped: stamped, via: via)
        } catch {
            guard request.method != .ack, error.isAnswerable else { return [.dropped(.malformed)] }
            return refuse(stamped, error.responseStatus, .malformed, over: reply)
        }
        switch request.method {
        case .ack: return receiveAck(incoming, from: flow, at: now)
        case .cancel: return receiveCancel(incoming, over: reply)
        default: break
        }
        let key = incoming.key(method: request.method)
        if request.method == .invite {
            if let id = inviteIDs[key] { return drive(id, invite: .retransmission, at: now) }
        } else if let position = nonInvites.position(of: key) {
            return drive(nonInvite: position, .retransmission, at: now)
        }
        if let refusal = refusal(of: incoming, from: flow) {
            return refuse(stamped, refusal.status, refusal.drop, over: reply)
        }
        guard makeRoom(isInDialog: incoming.toTag != nil) else { return refuse(stamped, 503, .overloaded, over: reply) }
        return request.method == .invite
            ? acceptInvite(incoming, key: key, from: flow, over: reply, at: now)
            : accept(incoming, key: key, from: flow, over: reply, at: now)
    }

    /// Why a new request gets no transaction; nil when it gets one.
    private func refusal(of incoming: IncomingRequest, from flow: SIPFlow) -> (status: Int, drop: TransactionDrop)? {
        if isLooped(incoming, from: flow) { return (482, .looped) }
        if let mergeKey = incoming.mergeKey, merges[mergeKey] != nil { return (482, .merged) }
        // OPTIONS may ask the last hop (16.3).
        if incoming.maxForwards == 0, incoming.request.method != .options { return (483, .tooManyHops) }
        if incoming.request.method == .invite, incoming.toTag == nil,
            pendingInvites[flow.remote.address] ?? 0 >= limits.pendingInvitesPerSource
        {
            return (503, .overloaded)
        }
        return nil
    }

    /// Lets the oldest completed transactions give way; false when the table is full of others.
    private mutating func makeRoom(isInDialog: Bool) -> Bool {
        var count = min(limits.serverTransactions, NonInviteServerTable.capacity)
        var bytes = limits.serverTransactionBytes
        if !isInDialog {
            count -= count / 8
            bytes -= bytes / 8
        }
        while serverCount >= count || serverBytes >= bytes {
            guard let oldest = nonInvites.oldestCompleted else { return false }
            forget(nonInvite: oldest, wasCompleted: true)
        }
        return true
    }

    private mutating func accept(
        _ incoming: IncomingRequest, key: ServerTransactionKey, from flow: SIPFlow, over reply: SIPFlow, at now: Instant
    ) -> [TransactionEffect] {
        let mergeKey = incoming.mergeKey
        let machine = NonInviteServerTransaction(timers: timers, isReliable: flow.transport.isReliable, at: now)
        let id = nonInvites.insert(key: key, mergeKey: mergeKey, machine: machine, flow: reply, sequence: nextID())
        if let mergeKey { merges[mergeKey] = id }
        return [.request(id, incoming.request, flow)]
    }

    private mutating func drive(
        nonInvite position: Int, _ input: NonInviteServerTransaction.Input, with response: SIPResponse? = nil,
        at now: Instant
    ) -> [TransactionEffect] {
        let wasCompleted = nonInvites[position].machine.isCompleted
        let flow = nonInvites[position].flow
        var effects: [TransactionEffect] = []
        for step in nonInvites[position].machine.handle(input, at: now) {
            switch step {
            case .send:
                guard let response else { continue }
                let bytes = response.serialised()
                nonInvites.remember(bytes, at: position)
                effects.append(.transmit(bytes, flow))
            case .sendAgain:
                effects.append(.transmit(nonInvites[position].response, flow))
            case .finish:
                forget(nonInvite: position, wasCompleted: wasCompleted)
            }
        }
        return effects
    }

    mutating func forget(nonInvite position: Int, wasCompleted: Bool) {
        let id = ServerTransactionID(nonInvites[position].id)
        if let mergeKey = nonInvites.remove(at: position, wasCompleted: wasCompleted), merges[mergeKey] == id {
            merges[mergeKey] = nil
        }
    }

    func refuse(
        _ request: SIPRequest, _ status: Int, _ drop: TransactionDrop, over reply: SIPFlow
    ) -> [TransactionEffect] {
        var response = SIPResponse(to: request, status: status, toTag: request.statelessTag)
        if status == 503 { response.headers.append(.retryAfter, String(overloadRetrySeconds)) }
        return [.transmit(response.serialised(), reply), .dropped(drop)]
    }
}

/// What Retry-After says in a 503 for overload: long enough to let timer J (32 s) free the table.
private let overloadRetrySeconds = 30
