import SIPTransaction

/// Which leg a transaction or a dialog belongs to.
///
/// A transaction is forgotten when nothing more is to come of it, so that a call takes the same room however long it
/// runs; what is left of a call goes with it.
struct LegDirectory: Sendable {
    private var clients: [ClientTransactionID: LegReference] = [:]
    private var servers: [ServerTransactionID: LegReference] = [:]
    /// By our own tag: 64 random bits, unique among all legs.
    private var tags: [String: LegReference] = [:]
    private var entries: [UInt64: [Entry]] = [:]
    /// A request that was sent again with credentials keeps the identity under which its leg knows it.
    private var known: [ClientTransactionID: ClientTransactionID] = [:]
    private var current: [ClientTransactionID: ClientTransactionID] = [:]

    private enum Entry: Equatable { case client(ClientTransactionID), server(ServerTransactionID), tag(String) }

    init() {}

    var isEmpty: Bool {
        clients.isEmpty && servers.isEmpty && tags.isEmpty && entries.isEmpty && known.isEmpty && current.isEmpty
    }

    var count: Int { clients.count + servers.count + tags.count }

    func leg(of id: ClientTransactionID) -> LegReference? { clients[id] }
    func leg(of id: ServerTransactionID) -> LegReference? { servers[id] }
    func leg(tag: String) -> LegReference? { tags[tag] }

    /// The identity under which the leg knows the transaction.
    func known(_ id: ClientTransactionID) -> ClientTransactionID { known[id] ?? id }

    /// The transaction that carries now what the leg knows as `id`.
    func current(_ id: ClientTransactionID) -> ClientTransactionID { current[id] ?? id }

    mutating func enter(_ id: ClientTransactionID, for leg: LegReference) {
        guard clients[id] != leg else { return }
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
        guard servers[id] != leg else { return }
        servers[id] = leg
        entries[leg.call, default: []].append(.server(id))
    }

    mutating func enter(tag: String, for leg: LegReference) {
        tags[tag] = leg
        entries[leg.call, default: []].append(.tag(tag))
    }

    /// The transaction has had its final response, or will have none. Without effect when it is not known.
    mutating func forget(_ id: ClientTransactionID) {
        guard let leg = clients[id] else { return }
        remove(.client(id), of: leg.call)
        remove(id)
    }

    /// The transaction has been acknowledged, or never will be. Without effect when it is not known.
    mutating func forget(_ id: ServerTransactionID) {
        guard let leg = servers.removeValue(forKey: id) else { return }
        remove(.server(id), of: leg.call)
    }

    /// A call has few entries at a time, and what ends is among the newest.
    private mutating func remove(_ entry: Entry, of call: UInt64) {
        guard let index = entries[call]?.lastIndex(of: entry) else { return }
        entries[call]?.remove(at: index)
    }

    private mutating func remove(_ id: ClientTransactionID) {
        clients[id] = nil
        if let first = known.removeValue(forKey: id), current[first] == id { current[first] = nil }
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

    /// What belongs to a leg that `exists` does not know, in words.
    func strays(_ exists: (LegReference) -> Bool) -> [String] {
        var found: [String] = []
        for (id, leg) in clients where !exists(leg) { found.append("transaction \(id) outlives call \(leg.call)") }
        for (id, leg) in servers where !exists(leg) { found.append("transaction \(id) outlives call \(leg.call)") }
        for (tag, leg) in tags where !exists(leg) { found.append("tag \(tag) outlives call \(leg.call)") }
        return found
    }

    /// Calls that `exists` does not know, and of which something is remembered, in words.
    func orphans(_ exists: (UInt64) -> Bool) -> [String] {
        entries.keys.filter { !exists($0) }.sorted().map { "entries outlive call \($0)" }
    }

    mutating func remove(call: UInt64) {
        for entry in entries.removeValue(forKey: call) ?? [] {
            switch entry {
            case .client(let id): remove(id)
            case .server(let id): servers[id] = nil
            case .tag(let tag): tags[tag] = nil
            }
        }
    }
}
