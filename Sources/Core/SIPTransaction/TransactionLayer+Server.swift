package import Primitives
package import SIPMessage

/// A server transaction as the layer keeps it.
struct ServerEntry: Sendable {
    enum Machine: Sendable {
        case invite(InviteServerTransaction)
        case nonInvite(NonInviteServerTransaction)
    }
    var machine: Machine
    let key: ServerTransactionKey
    let mergeKey: MergeKey?
    /// Where responses go.
    let flow: SIPFlow
    /// What to send again; empty before the first response.
    var lastResponse: [UInt8] = []
    /// The To tag of our responses, once there is one.
    var toTag: String?
    /// Without its body, for 100 Trying; nil for other methods than INVITE and once it is answered.
    var invite: SIPRequest?
    var isCancelled = false
}

extension TransactionLayer {
    /// Answers a request. A response after the final one is ignored, as is one for a transaction that has ended.
    package mutating func respond(
        _ id: ServerTransactionID, with response: SIPResponse, at now: Instant
    ) -> [TransactionEffect] {
        guard let entry = servers[id] else { return [] }
        switch entry.machine {
        case .invite: return drive(id, invite: .respond(status: response.status), with: response, at: now)
        case .nonInvite: return drive(id, nonInvite: .respond(status: response.status), with: response, at: now)
        }
    }

    /// Stops the repetition of the 2xx of that INVITE, because its ACK has come. Without effect on anything else.
    package mutating func acknowledge(_ id: ServerTransactionID) {
        guard let entry = servers[id], case .invite(var machine) = entry.machine else { return }
        _ = machine.handle(.acknowledged, at: .origin)  // stops a timer, so the time does not matter
        servers[id]?.machine = .invite(machine)
        deadlines.set(id.value, to: machine.nextDeadline)
    }

    /// True for a CANCEL of an INVITE that has its transaction here.
    package func knows(cancel: SIPRequest, from flow: SIPFlow) -> Bool {
        guard let (stamped, via) = cancel.stamped(from: flow.remote),
            let incoming = try? IncomingRequest(stamped: stamped, via: via)
        else { return false }
        return serverIDs[incoming.key(method: .invite)] != nil
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
        if let id = serverIDs[key], let entry = servers[id] {
            switch entry.machine {
            case .invite: return drive(id, invite: .retransmission, at: now)
            case .nonInvite: return drive(id, nonInvite: .retransmission, at: now)
            }
        }
        if let mergeKey = incoming.mergeKey, mergeIDs[mergeKey] != nil {
            return refuse(stamped, 482, .merged, over: reply)
        }
        if incoming.maxForwards == 0, request.method != .options {  // OPTIONS may ask the last hop (16.3)
            return refuse(stamped, 483, .tooManyHops, over: reply)
        }
        let room = limits.serverTransactions - (incoming.toTag == nil ? limits.serverTransactions / 8 : 0)
        guard servers.count < room else {
            return refuse(stamped, 503, .overloaded, over: reply)
        }
        return accept(incoming, key: key, from: flow, over: reply, at: now)
    }

    private mutating func accept(
        _ incoming: IncomingRequest, key: ServerTransactionKey, from flow: SIPFlow, over reply: SIPFlow, at now: Instant
    ) -> [TransactionEffect] {
        let id = ServerTransactionID(nextID())
        let isReliable = flow.transport.isReliable
        var entry: ServerEntry
        if incoming.request.method == .invite {
            let machine = InviteServerTransaction(timers: timers, isReliable: isReliable, at: now)
            entry = ServerEntry(machine: .invite(machine), key: key, mergeKey: incoming.mergeKey, flow: reply)
            entry.invite = incoming.request
            entry.invite?.body = []
            deadlines.set(id.value, to: machine.nextDeadline)
        } else {
            let machine = NonInviteServerTransaction(timers: timers, isReliable: isReliable, at: now)
            entry = ServerEntry(machine: .nonInvite(machine), key: key, mergeKey: incoming.mergeKey, flow: reply)
            deadlines.set(id.value, to: machine.nextDeadline)
        }
        servers[id] = entry
        serverIDs[key] = id
        if let mergeKey = incoming.mergeKey { mergeIDs[mergeKey] = id }
        return [.request(id, incoming.request, flow)]
    }

    private mutating func receiveAck(
        _ incoming: IncomingRequest, from flow: SIPFlow, at now: Instant
    ) -> [TransactionEffect] {
        guard let id = serverIDs[incoming.key(method: .invite)] else {
            // An ACK without a To tag matches no dialog.
            return incoming.toTag == nil ? [.dropped(.strayAck)] : [.ack(incoming.request, flow)]
        }
        return drive(id, invite: .ack, ack: (incoming.request, flow), at: now)
    }

    /// Answered without state: the answer is the same each time, so a repeated CANCEL needs no transaction.
    private mutating func receiveCancel(_ incoming: IncomingRequest, over reply: SIPFlow) -> [TransactionEffect] {
        guard let id = serverIDs[incoming.key(method: .invite)], let entry = servers[id],
            case .invite(let machine) = entry.machine
        else { return refuse(incoming.request, 481, .strayCancel, over: reply) }
        let answer = SIPResponse(
            to: incoming.request, status: 200, toTag: entry.toTag ?? incoming.request.statelessTag)
        let effects: [TransactionEffect] = [.transmit(answer.serialised(), reply)]
        guard machine.awaitsFinalResponse, !entry.isCancelled else { return effects }
        servers[id]?.isCancelled = true
        return effects + [.cancelled(id)]
    }

    private func refuse(
        _ request: SIPRequest, _ status: Int, _ drop: TransactionDrop, over reply: SIPFlow
    ) -> [TransactionEffect] {
        var response = SIPResponse(to: request, status: status, toTag: request.statelessTag)
        if status == 503 { response.headers.append(.retryAfter, String(overloadRetrySeconds)) }
        return [.transmit(response.serialised(), reply), .dropped(drop)]
    }

    mutating func drive(
        _ id: ServerTransactionID, invite input: InviteServerTransaction.Input, with response: SIPResponse? = nil,
        ack: (request: SIPRequest, flow: SIPFlow)? = nil, at now: Instant
    ) -> [TransactionEffect] {
        guard let entry = servers[id], case .invite(var machine) = entry.machine else { return [] }
        let steps = machine.handle(input, at: now)
        servers[id]?.machine = .invite(machine)
        deadlines.set(id.value, to: machine.nextDeadline)
        var effects: [TransactionEffect] = []
        for step in steps {
            switch step {
            case .send:
                guard let response else { continue }
                effects.append(remember(response, for: id, over: entry.flow))
            case .sendTrying:
                guard let invite = entry.invite else { continue }
                effects.append(remember(SIPResponse(to: invite, status: 100), for: id, over: entry.flow))
            case .sendAgain:
                effects.append(.transmit(entry.lastResponse, entry.flow))
            case .deliverAck:
                if let ack { effects.append(.ack(ack.request, ack.flow)) }
            case .strayAck:
                effects.append(.dropped(.strayAck))
            case .abandoned:
                guard !entry.isCancelled else { continue }
                servers[id]?.isCancelled = true
                effects.append(.cancelled(id))
            case .finish(let outcome):
                forget(id)
                if outcome == .successUnacknowledged { effects.append(.ackMissing(id)) }
            }
        }
        return effects
    }

    mutating func drive(
        _ id: ServerTransactionID, nonInvite input: NonInviteServerTransaction.Input, with response: SIPResponse? = nil,
        at now: Instant
    ) -> [TransactionEffect] {
        guard let entry = servers[id], case .nonInvite(var machine) = entry.machine else { return [] }
        let steps = machine.handle(input, at: now)
        servers[id]?.machine = .nonInvite(machine)
        deadlines.set(id.value, to: machine.nextDeadline)
        var effects: [TransactionEffect] = []
        for step in steps {
            switch step {
            case .send:
                guard let response else { continue }
                effects.append(remember(response, for: id, over: entry.flow))
            case .sendAgain:
                effects.append(.transmit(entry.lastResponse, entry.flow))
            case .finish:
                forget(id)
            }
        }
        return effects
    }

    private mutating func remember(
        _ response: SIPResponse, for id: ServerTransactionID, over flow: SIPFlow
    ) -> TransactionEffect {
        let bytes = response.serialised()
        servers[id]?.lastResponse = bytes
        if response.isFinal { servers[id]?.invite = nil }
        if let tag = (try? response.to())?.tag { servers[id]?.toTag = tag }
        return .transmit(bytes, flow)
    }

    mutating func forget(_ id: ServerTransactionID) {
        guard let entry = servers.removeValue(forKey: id) else { return }
        serverIDs[entry.key] = nil
        if let mergeKey = entry.mergeKey, mergeIDs[mergeKey] == id { mergeIDs[mergeKey] = nil }
        deadlines.remove(id.value)
    }
}

/// What Retry-After says in a 503 for overload: long enough to let timer J (32 s) free the table.
private let overloadRetrySeconds = 30
