import CloudMessages
package import Primitives

/// A service of an appliance that a stream on its uplink can reach (WIRE.md, Uplink).
package enum UplinkService: String, Sendable, Hashable, CaseIterable {
    case pairing, control, provisioning, sips, admin

    /// What the public port opens for an application protocol that a client offers; nil for all others.
    package init?(alpn protocols: [String]) {
        for name in protocols {
            switch name {
            case "sip/2":
                self = .sips
                return
            case "http/1.1":
                self = .provisioning
                return
            default: continue
            }
        }
        return nil
    }
}

/// One uplink connection at the relay.
package struct UplinkID: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// What the relay knows of a connected appliance (F-S5), and nothing else.
package struct LocationRecord: Sendable, Hashable {
    package var external: Endpoint
    /// As the certificate spells it.
    package var serial: String
    package init(external: Endpoint, serial: String) {
        self.external = external
        self.serial = serial
    }
}

/// The relay's book of uplinks: which appliance is reachable over which connection.
///
/// A location record lives exactly as long as its connection (Q21). When an appliance hands over to a new connection,
/// both are known until the old one closes; streams go to the newest.
package struct RelayCore: Sendable {
    private struct Uplink {
        var id: UplinkID
        var record: LocationRecord
    }

    /// In the order in which they came up.
    private var uplinks: [Uplink] = []
    private var nextID: UInt64 = 1
    private let limits: CloudLimits
    /// Connections of the public port that were closed because they named no reachable appliance, or were not TLS.
    package private(set) var refusedConnections: UInt64 = 0

    package init(limits: CloudLimits = CloudLimits()) { self.limits = limits }

    /// An appliance has proved its serial in the TLS handshake.
    package mutating func uplinkUp(serial: String, external: Endpoint) throws(CloudRefusal) -> UplinkID {
        guard CloudNames.isIdentifier(serial, limit: limits.serialBytes) else { throw .foreignIdentity }
        guard uplinks.count < limits.uplinks else { throw .tooMany(what: "uplinks", limit: limits.uplinks) }
        let id = UplinkID(nextID)
        nextID += 1
        uplinks.append(Uplink(id: id, record: LocationRecord(external: external, serial: serial)))
        return id
    }

    /// The connection is gone, and its record with it.
    package mutating func uplinkDown(_ id: UplinkID) { uplinks.removeAll { $0.id == id } }

    /// The newest live connection of an appliance; serials compare without regard to case.
    package func uplink(serial: String) -> UplinkID? {
        uplinks.last { $0.record.serial.lowercased() == serial.lowercased() }?.id
    }

    /// The record of the newest live connection.
    package func location(serial: String) -> LocationRecord? {
        uplinks.last { $0.record.serial.lowercased() == serial.lowercased() }?.record
    }

    /// All records, in the order in which the connections came up.
    package var locations: [LocationRecord] { uplinks.map(\.record) }

    /// Where a client of the public port is to be connected; counts what is turned away.
    package mutating func route(_ hello: ClientHello) throws(CloudRefusal) -> (UplinkID, UplinkService) {
        guard let name = hello.serverName, let serial = RelayName.serial(serverName: name),
            let service = UplinkService(alpn: hello.applicationProtocols), let id = uplink(serial: serial)
        else {
            refusedConnections += 1
            throw .notFound(what: "such service")
        }
        return (id, service)
    }

    /// A connection was closed before it could be routed.
    package mutating func countRefusal() { refusedConnections += 1 }
}
