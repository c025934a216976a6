package import Primitives
package import SIPMessage

/// Owns every transaction: matches messages to them, arms their timers, and writes what RFC 3261 has this layer write
/// by itself (ACK to a non-2xx, CANCEL and its answer, 100 Trying, and 400, 481, 482, 483, 503 without state).
///
/// A value without clock or randomness: the same calls give the same effects. Effects stand in the order in which they
/// are to be done. Nothing a peer sends makes it trap or grow past `Limits.serverTransactions` and
/// `Limits.serverTransactionBytes` (of which an eighth is kept for requests inside dialogs, so that running calls can
/// end), `Limits.pendingInvitesPerSource` and `Limits.clientTransactions`. When it is full, the non-INVITE transactions
/// that were completed longest ago give way to new requests; when there are none, new requests get 503.
package struct TransactionLayer: Sendable {
    package let timers: TimerValues
    let limits: Limits

    /// One counter for both sides: ids say which transaction is older.
    private var lastID: UInt64 = 0
    /// Of client transactions and of INVITE server transactions, while their deadlines move.
    var deadlines = DeadlineQueue<UInt64>()

    var nonInvites = NonInviteServerTable()
    var invites: [ServerTransactionID: InviteServerEntry] = [:]
    var inviteIDs: [ServerTransactionKey: ServerTransactionID] = [:]
    var inviteBytes = 0
    /// How many INVITEs outside dialogs wait for a final response, by where they came from.
    var pendingInvites: [IPAddress: Int] = [:]
    var merges: [MergeKey: ServerTransactionID] = [:]

    var clients: [ClientTransactionID: ClientEntry] = [:]
    var clientIDs: [ClientTransactionKey: ClientTransactionID] = [:]
    var lingering = LingeringClients()

    package init(timers: TimerValues = TimerValues(), limits: Limits = Limits()) {
        self.timers = timers
        self.limits = limits
    }

    /// How many server transactions live; at most `Limits.serverTransactions`.
    package var serverCount: Int { nonInvites.count + invites.count }

    /// What server transactions keep; at most `Limits.serverTransactionBytes` and one message.
    package var serverBytes: Int { nonInvites.sizeBytes + inviteBytes }

    /// How many client transactions live, our CANCELs among them; at most `Limits.clientTransactions`.
    package var clientCount: Int { clients.count }

    /// When `handleDeadline(at:)` next has work to do; nil when nothing is timed.
    package var nextDeadline: Instant? {
        deadlines.first.orEarlier(nonInvites.nextDeadline).orEarlier(lingering.first)
    }

    /// Takes a parsed message which came over `flow`.
    package mutating func receive(_ message: SIPMessage, from flow: SIPFlow, at now: Instant) -> [TransactionEffect] {
        switch message {
        case .request(let request): receive(request, from: flow, at: now)
        case .response(let response): receive(response, from: flow, at: now)
        }
    }

    /// Does what is due at `now`, earliest first. Early or repeated calls change nothing.
    package mutating func handleDeadline(at now: Instant) -> [TransactionEffect] {
        // These end in silence: whoever had to hear of them has had the final response, or has given up.
        while let due = nonInvites.due(at: now) { forget(nonInvite: due.position, wasCompleted: due.wasCompleted) }
        while let id = lingering.popDue(at: now) { forget(id) }
        var effects: [TransactionEffect] = []
        for value in deadlines.popDue(at: now) {
            if invites[ServerTransactionID(value)] != nil {
                effects += drive(ServerTransactionID(value), invite: .deadline, at: now)
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

    /// Tells every transaction that waits on `flow` that nothing can be sent over it any more: the connection closed or
    /// could not be opened, or the network said unreachable. What went over TCP for its size alone is tried over UDP.
    ///
    /// Responses of transactions whose connection is gone are sent over the same flow nevertheless: it is the transport
    /// that takes them to a new connection (18.2.2), and says so here if there is none.
    package mutating func flowFailed(_ flow: SIPFlow, at now: Instant) -> [TransactionEffect] {
        var effects: [TransactionEffect] = []
        for id in clients.filter({ $0.value.flow.isSameWay(as: flow) }).keys.sorted() {
            effects += transportFailed(id, at: now)
        }
        for id in invites.filter({ $0.value.flow.isSameWay(as: flow) }).keys.sorted() {
            effects += drive(id, invite: .transportFailed, at: now)
        }
        return effects
    }

    mutating func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }
}
