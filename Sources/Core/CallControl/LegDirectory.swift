import SIPTransaction

/// Which leg a transaction or a dialog belongs to. A call's entries go when the call goes.
struct LegDirectory: Sendable {
    private var clients: [ClientTransactionID: LegReference] = [:]
    private var servers: [ServerTransactionID: LegReference] = [:]
    /// By our own tag: 64 random bits, unique among all legs.
    private var tags: [String: LegReference] = [:]
    private var entries: [UInt64: [Entry]] = [:]

    private enum Entry { case client(ClientTransactionID), server(ServerTransactionID), tag(String) }

    init() {}

    var isEmpty: Bool { clients.isEmpty && servers.isEmpty && tags.isEmpty && entries.isEmpty }

    func leg(of id: ClientTransactionID) -> LegReference? { clients[id] }
    func leg(of id: ServerTransactionID) -> LegReference? { servers[id] }
    func leg(tag: String) -> LegReference? { tags[tag] }

    mutating func enter(_ id: ClientTransactionID, for leg: LegReference) {
        clients[id] = leg
        entries[leg.call, default: []].append(.client(id))
    }

    mutating func enter(_ id: ServerTransactionID, for leg: LegReference) {
        servers[id] = leg
        entries[leg.call, default: []].append(.server(id))
    }

    mutating func enter(tag: String, for leg: LegReference) {
        tags[tag] = leg
        entries[leg.call, default: []].append(.tag(tag))
    }

    mutating func remove(call: UInt64) {
        for entry in entries.removeValue(forKey: call) ?? [] {
            switch entry {
            case .client(let id): clients[id] = nil
            case .server(let id): servers[id] = nil
            case .tag(let tag): tags[tag] = nil
            }
        }
    }
}
