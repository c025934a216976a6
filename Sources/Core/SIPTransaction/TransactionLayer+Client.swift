package import Primitives
package import SIPMessage

/// A client transaction as the layer keeps it.
struct ClientEntry: Sendable {
    enum Machine: Sendable {
        case invite(InviteClientTransaction)
        case nonInvite(NonInviteClientTransaction)
    }
    /// How to try again over UDP what went over TCP for its size alone.
    struct Fallback: Sendable {
        /// Without our Via.
        let request: SIPRequest
        let flow: SIPFlow
        let branch: String
    }
    var machine: Machine
    let key: ClientTransactionKey
    let via: Via
    let flow: SIPFlow
    /// The Request-URI, by which a loop is told from a spiral.
    let uri: SIPURI
    /// What to send again; empty over reliable transports.
    let bytes: [UInt8]
    /// Without its body, for ACK and CANCEL; nil for other methods than INVITE.
    let invite: SIPRequest?
    /// A CANCEL is the layer's own: the transaction user hears nothing of it.
    let isOwn: Bool
    /// Nil once a response has come, or the transaction user has given up.
    var fallback: Fallback?
    /// What the CANCEL is to say besides what it must: Reason.
    var cancelFields: [SIPHeaders.Field] = []

    /// True when the sent-by of `other` is that of our Via.
    func isSentBy(_ other: Via) -> Bool {
        other.port == via.port && (other.host == via.host || other.host.lowercased() == via.host.lowercased())
    }
}

/// The client transactions that have had their final response and only absorb repetitions: timers D, K and M.
struct LingeringClients: Sendable {
    private var timerD = ConstantDelayQueue<ClientTransactionID>()
    private var timerK = ConstantDelayQueue<ClientTransactionID>()
    private var timerM = ConstantDelayQueue<ClientTransactionID>()

    /// The earliest deadline.
    var first: Instant? { timerK.first.orEarlier(timerD.first).orEarlier(timerM.first) }

    /// Waits for the deadline of a machine that lingers; false for others.
    mutating func append(_ id: ClientTransactionID, _ machine: ClientEntry.Machine) -> Bool {
        switch machine {
        case .invite(let transaction):
            guard let due = transaction.nextDeadline, let lingering = transaction.lingering else { return false }
            switch lingering {
            case .refused: timerD.append(id, due: due)
            case .accepted: timerM.append(id, due: due)
            }
        case .nonInvite(let transaction):
            guard let due = transaction.nextDeadline, transaction.isLingering else { return false }
            timerK.append(id, due: due)
        }
        return true
    }

    mutating func popDue(at now: Instant) -> ClientTransactionID? {
        timerK.popDue(at: now) ?? timerD.popDue(at: now) ?? timerM.popDue(at: now)
    }

    /// Drops what ended early from the heads, so that nobody is woken for it.
    mutating func prune(_ isGone: (ClientTransactionID) -> Bool) {
        timerD.dropFirst(while: isGone)
        timerK.dropFirst(while: isGone)
        timerM.dropFirst(while: isGone)
    }
}

extension TransactionLayer {
    /// Sends a request other than ACK and CANCEL in a new transaction, with our Via (transport, `flow.local`, `branch`,
    /// `rport` over UDP) on top and Max-Forwards if it had none.
    ///
    /// `branch` begins with `z9hG4bK` and is unique (8.1.1.7). Over `Limits.clientTransactions` nothing is sent, and
    /// the effects say `.failed(id, .transportFailed)`. A request of more than `Limits.sipDatagramBytes` for a UDP flow
    /// goes to the same endpoint over TCP (18.1.1), on a flow whose connection is nil, and over UDP all the same when
    /// that flow fails before any response. `mayChangeTransport` false keeps it on UDP: a peer behind an address
    /// translator has no TCP port at its UDP address.
    package mutating func send(
        _ request: SIPRequest, over flow: SIPFlow, branch: String, mayChangeTransport: Bool = true, at now: Instant
    ) -> (id: ClientTransactionID, effects: [TransactionEffect]) {
        let id = ClientTransactionID(nextID())
        guard clients.count < limits.clientTransactions else {
            return (id, [.dropped(.overloaded), .failed(id, .transportFailed)])
        }
        let via = flow.via(branch: branch)
        let outgoing = request.adding(via)
        let bytes = outgoing.serialised()
        guard flow.transport == .udp, mayChangeTransport, bytes.count > limits.sipDatagramBytes else {
            return (id, start(id, outgoing, bytes, via: via, over: flow, isOwn: false, at: now))
        }
        let stream = SIPFlow(transport: .tcp, local: flow.local, remote: flow.remote)
        let streamVia = stream.via(branch: branch)
        let changed = request.adding(streamVia)
        let effects = start(id, changed, changed.serialised(), via: streamVia, over: stream, isOwn: false, at: now)
        // Another transaction for the peer, which may have had the first one, so another branch.
        clients[id]?.fallback = ClientEntry.Fallback(request: request, flow: flow, branch: branch + "u")
        return (id, effects)
    }

    /// Sends the ACK of a 2xx, which has no transaction (13.2.2.4, 17.1.1.3). Call it for each 2xx that comes.
    package mutating func sendAck(_ request: SIPRequest, over flow: SIPFlow, branch: String) -> [TransactionEffect] {
        [.transmit(request.adding(flow.via(branch: branch)).serialised(), flow)]
    }

    /// Sends CANCEL for a pending INVITE, now or as soon as a provisional response has come (9.1). The INVITE still
    /// ends with a final response, perhaps a 2xx, or with `.failed`. Without effect on anything else. `fields` go into
    /// the CANCEL, as Reason may (RFC 3326).
    package mutating func cancel(
        _ id: ClientTransactionID, with fields: [SIPHeaders.Field] = [], at now: Instant
    ) -> [TransactionEffect] {
        guard let entry = clients[id], case .invite = entry.machine else { return [] }
        clients[id]?.fallback = nil
        if !fields.isEmpty { clients[id]?.cancelFields = fields }
        return drive(id, invite: .cancel, over: entry.flow, at: now)
    }

    /// The flow of that transaction has failed.
    mutating func transportFailed(_ id: ClientTransactionID, at now: Instant) -> [TransactionEffect] {
        guard let entry = clients[id] else { return [] }
        if let fallback = entry.fallback {
            clientIDs[entry.key] = nil
            let via = fallback.flow.via(branch: fallback.branch)
            let request = fallback.request.adding(via)
            return start(id, request, request.serialised(), via: via, over: fallback.flow, isOwn: false, at: now)
        }
        switch entry.machine {
        case .invite: return drive(id, invite: .transportFailed, over: entry.flow, at: now)
        case .nonInvite: return drive(id, nonInvite: .transportFailed, over: entry.flow, at: now)
        }
    }

    private mutating func start(
        _ id: ClientTransactionID, _ request: SIPRequest, _ bytes: [UInt8], via: Via, over flow: SIPFlow, isOwn: Bool,
        at now: Instant
    ) -> [TransactionEffect] {
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
            machine: machine, key: key, via: via, flow: flow, uri: request.uri, bytes: isReliable ? [] : bytes,
            invite: invite, isOwn: isOwn)
        clientIDs[key] = id
        deadlines.set(id.value, to: due)
        return [.transmit(bytes, flow)]
    }

    mutating func receive(_ response: SIPResponse, from flow: SIPFlow, at now: Instant) -> [TransactionEffect] {
        // More than one Via means that the response was meant for somebody before us (8.1.3.3).
        guard let vias = try? response.vias(), vias.count == 1, let via = vias.first, let cseq = try? response.cseq(),
            (100...699).contains(response.status)
        else { return [.dropped(.malformed)] }
        let key = ClientTransactionKey(branch: via.branch ?? "", method: cseq.method)
        guard let id = clientIDs[key], let entry = clients[id] else { return [.dropped(.strayResponse)] }
        guard entry.isSentBy(via) else { return [.dropped(.wrongHost)] }
        if entry.fallback != nil { clients[id]?.fallback = nil }
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
        let wasLingering = machine.lingering != nil
        let steps = machine.handle(input, at: now)
        setMachine(.invite(machine), of: id, due: machine.nextDeadline, wasLingering: wasLingering)
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
                guard var cancel = entry.invite?.cancellation() else { continue }
                for field in entry.cancelFields { cancel.headers.append(field.name, field.value) }
                let own = ClientTransactionID(nextID())
                effects += start(
                    own, cancel, cancel.serialised(), via: entry.via, over: entry.flow, isOwn: true, at: now)
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
        let wasLingering = machine.isLingering
        let steps = machine.handle(input, at: now)
        setMachine(.nonInvite(machine), of: id, due: machine.nextDeadline, wasLingering: wasLingering)
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

    /// Keeps the machine, and its deadline where it belongs: in a queue once it lingers, else in the heap.
    private mutating func setMachine(
        _ machine: ClientEntry.Machine, of id: ClientTransactionID, due: Instant?, wasLingering: Bool
    ) {
        clients[id]?.machine = machine
        guard !wasLingering else { return }
        deadlines.set(id.value, to: lingering.append(id, machine) ? nil : due)
    }

    mutating func forget(_ id: ClientTransactionID) {
        guard let entry = clients.removeValue(forKey: id) else { return }
        if clientIDs[entry.key] == id { clientIDs[entry.key] = nil }
        deadlines.remove(id.value)
        lingering.prune { clients[$0] == nil }
    }
}
