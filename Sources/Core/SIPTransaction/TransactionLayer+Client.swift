package import Primitives
package import SIPMessage

/// A client transaction as the layer keeps it.
struct ClientEntry: Sendable {
    enum Machine: Sendable {
        case invite(InviteClientTransaction)
        case nonInvite(NonInviteClientTransaction)
    }
    var machine: Machine
    let key: ClientTransactionKey
    let via: Via
    let flow: SIPFlow
    /// What to send again; empty over reliable transports.
    let bytes: [UInt8]
    /// Without its body, for ACK and CANCEL; nil for other methods than INVITE.
    let invite: SIPRequest?
    /// A CANCEL is the layer's own: the transaction user hears nothing of it.
    let isOwn: Bool
}

extension TransactionLayer {
    /// Sends a request other than ACK and CANCEL in a new transaction, with our Via (transport, `flow.local`, `branch`,
    /// `rport` over UDP) on top and Max-Forwards if it had none.
    ///
    /// `branch` begins with `z9hG4bK` and is unique (8.1.1.7). Over `Limits.clientTransactions` nothing is sent, and
    /// the effects say `.failed(id, .transportFailed)`.
    package mutating func send(
        _ request: SIPRequest, over flow: SIPFlow, branch: String, at now: Instant
    ) -> (id: ClientTransactionID, effects: [TransactionEffect]) {
        guard clients.count < limits.clientTransactions else {
            let id = ClientTransactionID(nextID())
            return (id, [.dropped(.overloaded), .failed(id, .transportFailed)])
        }
        let via = flow.via(branch: branch)
        return start(request.adding(via), via: via, over: flow, isOwn: false, at: now)
    }

    /// Sends the ACK of a 2xx, which has no transaction (13.2.2.4, 17.1.1.3). Call it for each 2xx that comes.
    package mutating func sendAck(_ request: SIPRequest, over flow: SIPFlow, branch: String) -> [TransactionEffect] {
        [.transmit(request.adding(flow.via(branch: branch)).serialised(), flow)]
    }

    /// Sends CANCEL for a pending INVITE, now or as soon as a provisional response has come (9.1). The INVITE still
    /// ends with a final response, perhaps a 2xx, or with `.failed`. Without effect on anything else.
    package mutating func cancel(_ id: ClientTransactionID, at now: Instant) -> [TransactionEffect] {
        guard let entry = clients[id], case .invite = entry.machine else { return [] }
        return drive(id, invite: .cancel, over: entry.flow, at: now)
    }

    private mutating func start(
        _ request: SIPRequest, via: Via, over flow: SIPFlow, isOwn: Bool, at now: Instant
    ) -> (id: ClientTransactionID, effects: [TransactionEffect]) {
        let id = ClientTransactionID(nextID())
        let bytes = request.serialised()
        let isReliable = flow.transport.isReliable
        let machine: ClientEntry.Machine
        var invite: SIPRequest?
        let due: Instant?
        if request.method == .invite {
            let transaction = InviteClientTransaction(timers: timers, isReliable: isReliable, at: now)
            due = transaction.nextDeadline
            machine = .invite(transaction)
            invite = request
            invite?.body = []
        } else {
            let transaction = NonInviteClientTransaction(timers: timers, isReliable: isReliable, at: now)
            due = transaction.nextDeadline
            machine = .nonInvite(transaction)
        }
        let key = ClientTransactionKey(branch: via.branch ?? "", method: request.method)
        clients[id] = ClientEntry(
            machine: machine, key: key, via: via, flow: flow, bytes: isReliable ? [] : bytes, invite: invite,
            isOwn: isOwn)
        clientIDs[key] = id
        deadlines.set(id.value, to: due)
        return (id, [.transmit(bytes, flow)])
    }

    mutating func receive(_ response: SIPResponse, from flow: SIPFlow, at now: Instant) -> [TransactionEffect] {
        // More than one Via means that the response was meant for somebody before us (8.1.3.3).
        guard let vias = try? response.vias(), vias.count == 1, let via = vias.first, let cseq = try? response.cseq(),
            (100...699).contains(response.status)
        else { return [.dropped(.malformed)] }
        let key = ClientTransactionKey(branch: via.branch ?? "", method: cseq.method)
        guard let id = clientIDs[key], let entry = clients[id] else { return [.dropped(.strayResponse)] }
        guard via.host.lowercased() == entry.via.host.lowercased(), via.port == entry.via.port else {
            return [.dropped(.wrongHost)]
        }
        switch entry.machine {
        case .invite: return drive(id, invite: .response(response), over: flow, at: now)
        case .nonInvite: return drive(id, nonInvite: .response(response), over: flow, at: now)
        }
    }

    /// `flow` is the way by which a response came.
    mutating func drive(
        _ id: ClientTransactionID, invite input: InviteClientTransaction.Input, over flow: SIPFlow, at now: Instant
    ) -> [TransactionEffect] {
        guard let entry = clients[id], case .invite(var machine) = entry.machine else { return [] }
        let steps = machine.handle(input, at: now)
        clients[id]?.machine = .invite(machine)
        deadlines.set(id.value, to: machine.nextDeadline)
        var effects: [TransactionEffect] = []
        for step in steps {
            switch step {
            case .transmit:
                effects.append(.transmit(entry.bytes, entry.flow))
            case .deliver(let response):
                effects.append(.response(id, response, flow))
            case .acknowledge(let response):
                guard let ack = entry.invite?.acknowledgement(of: response) else { continue }
                effects.append(.transmit(ack.serialised(), entry.flow))
            case .sendCancel:
                // Not held to the limit: it takes load away, and there is at most one per INVITE.
                guard let cancel = entry.invite?.cancellation() else { continue }
                effects += start(cancel, via: entry.via, over: entry.flow, isOwn: true, at: now).effects
            case .finish(let outcome):
                forget(id)
                switch outcome {
                case .answered: break
                case .timedOut: effects.append(.failed(id, .timedOut))
                case .transportFailed: effects.append(.failed(id, .transportFailed))
                }
            }
        }
        return effects
    }

    /// `flow` is the way by which a response came.
    mutating func drive(
        _ id: ClientTransactionID, nonInvite input: NonInviteClientTransaction.Input, over flow: SIPFlow,
        at now: Instant
    ) -> [TransactionEffect] {
        guard let entry = clients[id], case .nonInvite(var machine) = entry.machine else { return [] }
        let steps = machine.handle(input, at: now)
        clients[id]?.machine = .nonInvite(machine)
        deadlines.set(id.value, to: machine.nextDeadline)
        var effects: [TransactionEffect] = []
        for step in steps {
            switch step {
            case .transmit:
                effects.append(.transmit(entry.bytes, entry.flow))
            case .deliver(let response):
                if !entry.isOwn { effects.append(.response(id, response, flow)) }
            case .finish(let outcome):
                forget(id)
                guard !entry.isOwn else { continue }
                switch outcome {
                case .answered: break
                case .timedOut: effects.append(.failed(id, .timedOut))
                case .transportFailed: effects.append(.failed(id, .transportFailed))
                }
            }
        }
        return effects
    }

    private mutating func forget(_ id: ClientTransactionID) {
        guard let entry = clients.removeValue(forKey: id) else { return }
        if clientIDs[entry.key] == id { clientIDs[entry.key] = nil }
        deadlines.remove(id.value)
    }
}
