import SIPTransaction

/// Which leg a transaction or a dialog belongs to. A call's entries go when the call goes.
struct LegDirectory: Sendable {
    private var clients: [ClientTransactionID: LegReference] = [:]
    private var servers: [ServerTransactionID: LegReference] = [:]
    /// By our own tag: 64 random bits, unique among all legs.
    private var tags: [String: LegReference] = [:]
    private var entries: [UInt64: [Entry]] = [:]
    /// A request that was sent again with credentials keeps the identity under which its leg knows it.
    private var known: [ClientTransactionID: ClientTransactionID] = [:]
    private var current: [ClientTransactionID: ClientTransactionID] = [:]

    private enum Entry { case client(ClientTransactionID), server(ServerTransactionID), tag(String) }

    init() {}

    var isEmpty: Bool {
        clients.isEmpty && servers.isEmpty && tags.isEmpty && entries.isEmpty && known.isEmpty && current.isEmpty
    }

    func leg(of id: ClientTransactionID) -> LegReference? { clients[id] }
    func leg(of id: ServerTransactionID) -> LegReference? { servers[id] }
    func leg(tag: String) -> LegReference? { tags[tag] }

    /// The identity under which the leg knows the transaction.
    func known(_ id: ClientTransactionID) -> ClientTransactionID { known[id] ?? id }

    /// The transaction that carries now what the leg knows as `id`.
    func current(_ id: ClientTransactionID) -> ClientTransactionID { current[id] ?? id }

    mutating func enter(_ id: ClientTransactionID, for leg: LegReference) {
        clients[id] = leg
        entries[leg.call, default: []].append(.client(id))
    }

    /// The leg knows the new transaction under the identity of the first one.
    mutating func enter(_ id: ClientTransactionID, inPlaceOf first: ClientTransactionID, for leg: LegReference) {
        enter(id, for: leg)
        known[id] = first
        current[first] = id
    }

    mutating func enter(_ id: ServerTransactionID, for leg: LegReference) {
        servers[id] = leg
        entries[leg.call, default: []].append(.server(id))
    }

    mutating func enter(tag: String, for leg: LegReference) {
        tags[tag] = leg
        entries[leg.call, default: []].append(.tag(tag))
    }

    /// The leg goes into another call.
    mutating func move(_ old: LegReference, to new: LegReference) {
        var kept: [Entry] = []
        for entry in entries[old.call] ?? [] {
            switch entry {
            case .client(let id) where clients[id] == old: enter(id, for: new)
            case .server(let id) where servers[id] == old: enter(id, for: new)
            case .tag(let tag) where tags[tag] == old: enter(tag: tag, for: new)
            case .client, .server, .tag: kept.append(entry)
            }
        }
        entries[old.call] = kept
    }

    mutating func remove(call: UInt64) {
        for entry in entries.removeValue(forKey: call) ?? [] {
            switch entry {
            case .client(let id):
                clients[id] = nil
                current[id] = nil
                known[id] = nil
            case .server(let id): servers[id] = nil
            case .tag(let tag): tags[tag] = nil
            }
        }
    }
}
