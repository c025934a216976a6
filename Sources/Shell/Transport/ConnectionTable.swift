import NIOCore
import Primitives
import SIPTransaction

/// Where a flow without a connection wants to go.
struct ConnectionTarget: Hashable {
    let transport: SIPFlow.Transport
    let remote: Endpoint
    let peerName: String?

    /// Nil for UDP.
    init?(_ flow: SIPFlow) {
        guard flow.transport != .udp else { return nil }
        transport = flow.transport
        remote = flow.remote
        peerName = flow.transport == .tls ? flow.peerName : nil
    }
}

/// A live connection.
struct Connection {
    let channel: any Channel
    let flow: SIPFlow
    /// Where it was opened to; nil for one that was opened to us.
    let target: ConnectionTarget?
    let isCountedBySource: Bool
    var isUnflushed = false
    /// The flows without a connection that were sent over it: they end with it.
    var users: [SIPFlow] = []
}

/// All live connections, by number and by where they lead.
struct ConnectionTable {
    /// Flows that may share a connection: they differ in their local address only.
    private static let mostUsers = 16

    private var table: [UInt64: Connection] = [:]
    private var next: UInt64 = 1
    private var outgoing: [ConnectionTarget: UInt64] = [:]
    /// TCP connections that were opened to us, by the other end.
    private var incoming: [Endpoint: UInt64] = [:]
    private var perSource: [IPAddress: Int] = [:]

    var count: Int { table.count }
    subscript(_ number: UInt64) -> Connection? { table[number] }

    /// Connections which that address has opened to us.
    func count(from source: IPAddress) -> Int { perSource[source] ?? 0 }

    /// The number of the next connection; the same until `insert`.
    var nextNumber: UInt64 { next }

    mutating func insert(_ connection: Connection) {
        let number = next
        next += 1
        table[number] = connection
        if let target = connection.target {
            outgoing[target] = number
        } else if connection.flow.transport == .tcp {
            incoming[connection.flow.remote] = number
        }
        if connection.isCountedBySource { perSource[connection.flow.remote.address, default: 0] += 1 }
    }

    mutating func remove(_ number: UInt64) -> Connection? {
        guard let connection = table.removeValue(forKey: number) else { return nil }
        let remote = connection.flow.remote
        if let target = connection.target, outgoing[target] == number { outgoing[target] = nil }
        if connection.target == nil, incoming[remote] == number { incoming[remote] = nil }
        if connection.isCountedBySource, let count = perSource[remote.address] {
            perSource[remote.address] = count > 1 ? count - 1 : nil
        }
        return connection
    }

    mutating func removeAll() -> [any Channel] {
        let channels = table.values.map(\.channel)
        (table, outgoing, incoming, perSource) = ([:], [:], [:], [:])
        return channels
    }

    /// The live connection on which requests to `target` may travel.
    ///
    /// One that we opened there, which for TLS means that it was verified for the same name. Of those opened to us only
    /// TCP from that very endpoint: whoever connects over TLS has not shown who he is, and taking his word for where
    /// he listens would let him have another's requests (RFC 5923 section 4).
    func number(leadingTo target: ConnectionTarget) -> UInt64? {
        outgoing[target] ?? (target.transport == .tcp ? incoming[target.remote] : nil)
    }

    /// Notes that a flow without connection depends on this one.
    mutating func note(_ user: SIPFlow, of number: UInt64) {
        guard let users = table[number]?.users, users.count < Self.mostUsers, !users.contains(user) else { return }
        table[number]?.users.append(user)
    }

    /// False when it was marked already.
    mutating func markUnflushed(_ number: UInt64) -> Bool {
        guard table[number]?.isUnflushed == false else { return false }
        table[number]?.isUnflushed = true
        return true
    }

    /// The channel to flush, marked as flushed. The caller flushes: a channel that fails is closed from within, and
    /// then the table must not be in use.
    mutating func takeUnflushed(_ number: UInt64) -> (any Channel)? {
        guard let connection = table[number], connection.isUnflushed else { return nil }
        table[number]?.isUnflushed = false
        return connection.channel
    }
}
