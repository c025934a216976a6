package import Primitives
package import SIPMessage

/// Owns every transaction: matches messages to them, arms their timers, and writes what RFC 3261 has this layer write
/// by itself (ACK to a non-2xx, CANCEL and its answer, 100 Trying, and 400, 481, 482, 483, 503 without state).
///
/// A value without clock or randomness: the same calls give the same effects. Effects stand in the order in which they
/// are to be done. Nothing a peer sends makes it trap or grow past `Limits.serverTransactions` (of which an eighth is
/// kept for requests inside dialogs, so that running calls can end) and `Limits.clientTransactions`.
package struct TransactionLayer: Sendable {
    let timers: TimerValues
    let limits: Limits

    /// One counter for both sides, so that one deadline queue serves both.
    private var lastID: UInt64 = 0
    var deadlines = DeadlineQueue<UInt64>()

    var servers: [ServerTransactionID: ServerEntry] = [:]
    var serverIDs: [ServerTransactionKey: ServerTransactionID] = [:]
    var mergeIDs: [MergeKey: ServerTransactionID] = [:]

    var clients: [ClientTransactionID: ClientEntry] = [:]
    var clientIDs: [ClientTransactionKey: ClientTransactionID] = [:]

    package init(timers: TimerValues = TimerValues(), limits: Limits = Limits()) {
        self.timers = timers
        self.limits = limits
    }

    /// How many server transactions live; at most `Limits.serverTransactions`.
    package var serverCount: Int { servers.count }

    /// How many client transactions live, our CANCELs among them; at most `Limits.clientTransactions`.
    package var clientCount: Int { clients.count }

    /// When `handleDeadline(at:)` next has work to do; nil when nothing is timed.
    package var nextDeadline: Instant? { deadlines.first }

    /// Takes a parsed message which came over `flow`.
    package mutating func receive(_ message: SIPMessage, from flow: SIPFlow, at now: Instant) -> [TransactionEffect] {
        switch message {
        case .request(let request): receive(request, from: flow, at: now)
        case .response(let response): receive(response, from: flow, at: now)
        }
    }

    /// Does what is due at `now`, earliest first. Early or repeated calls change nothing.
    package mutating func handleDeadline(at now: Instant) -> [TransactionEffect] {
        var effects: [TransactionEffect] = []
        for value in deadlines.popDue(at: now) {
            if let entry = servers[ServerTransactionID(value)] {
                switch entry.machine {
                case .invite: effects += drive(ServerTransactionID(value), invite: .deadline, at: now)
                case .nonInvite: effects += drive(ServerTransactionID(value), nonInvite: .deadline, at: now)
                }
            } else if let entry = clients[ClientTransactionID(value)] {
                let id = ClientTransactionID(value)
                switch entry.machine {
                case .invite: effects += drive(id, invite: .deadline, over: entry.flow, at: now)
                case .nonInvite: effects += drive(id, nonInvite: .deadline, over: entry.flow, at: now)
                }
            }
        }
        return effects
    }

    /// Tells every transaction that uses `flow` that nothing can be sent over it any more: the connection closed, or
    /// the network said unreachable.
    package mutating func flowFailed(_ flow: SIPFlow, at now: Instant) -> [TransactionEffect] {
        var effects: [TransactionEffect] = []
        for id in clients.filter({ $0.value.flow.isSameWay(as: flow) }).keys.sorted() {
            guard let entry = clients[id] else { continue }
            switch entry.machine {
            case .invite: effects += drive(id, invite: .transportFailed, over: flow, at: now)
            case .nonInvite: effects += drive(id, nonInvite: .transportFailed, over: flow, at: now)
            }
        }
        for id in servers.filter({ $0.value.flow.isSameWay(as: flow) }).keys.sorted() {
            guard let entry = servers[id] else { continue }
            switch entry.machine {
            case .invite: effects += drive(id, invite: .transportFailed, at: now)
            case .nonInvite: effects += drive(id, nonInvite: .transportFailed, at: now)
            }
        }
        return effects
    }

    mutating func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }
}
