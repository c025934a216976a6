import Primitives
import SIPTransaction
import ServerLocation

/// A name system as data, and a location driven through it.
struct Zone {
    var outcomes: [DNSQuery: DNSOutcome] = [:]
    /// Every query that was put, in order.
    var asked: [DNSQuery] = []

    mutating func add(_ name: String, _ type: DNSRecordType, ttl: Int64 = 3600, _ data: DNSRecord.Data...) {
        add(DNSQuery(name, type), data.map { DNSRecord(name, timeToLive: .seconds(ttl), $0) })
    }

    mutating func add(_ query: DNSQuery, _ records: [DNSRecord]) {
        if case .records(let others)? = outcomes[query] {
            outcomes[query] = .records(others + records)
        } else {
            outcomes[query] = .records(records)
        }
    }

    mutating func pointer(_ name: String, _ order: UInt16, _ preference: UInt16, _ service: String, _ target: String) {
        add(
            name, .naptr,
            .pointer(
                NamingAuthorityPointer(
                    order: order, preference: preference, flags: "s", service: service, replacement: target)))
    }

    mutating func service(
        _ name: String, _ priority: UInt16, _ weight: UInt16, _ port: UInt16, _ target: String, ttl: Int64 = 3600
    ) {
        add(
            name, .srv, ttl: ttl,
            .service(ServiceRecord(priority: priority, weight: weight, port: port, target: target)))
    }

    mutating func host(_ name: String, _ addresses: String...) {
        for text in addresses {
            guard let address = IPAddress(text) else { continue }
            add(name, address.isV4 ? .a : .aaaa, .address(address))
        }
    }

    /// Answers queries until the location says hops or failure.
    mutating func locate(
        _ target: LocationTarget, _ location: inout ServerLocation, at now: Instant = .origin, seed: UInt64 = 1
    ) -> Located {
        var entropy = Entropy(SeededGenerator(seed: seed))
        switch location.locate(target, at: now, entropy: &entropy) {
        case .hops(let hops): return .hops(hops)
        case .failed(let failure): return .failed(failure)
        case .pending(var queries):
            var isReady = false
            while !queries.isEmpty {
                let query = queries.removeFirst()
                asked.append(query)
                let outcome = outcomes[query] ?? .noRecords(timeToLive: nil)
                let progress = location.resolved(query, outcome, at: now)
                queries += progress.queries
                if progress.ready.contains(target) { isReady = true }
            }
            guard isReady else { return .stuck }
            switch location.locate(target, at: now, entropy: &entropy) {
            case .hops(let hops): return .hops(hops)
            case .failed(let failure): return .failed(failure)
            case .pending: return .stuck
            }
        }
    }

    enum Located: Equatable {
        case hops([Hop])
        case failed(LocationFailure)
        case stuck
    }
}

extension Hop {
    init(_ transport: SIPFlow.Transport, _ endpoint: String, _ serverName: String? = nil) {
        self.init(
            transport: transport, endpoint: Endpoint(endpoint) ?? Endpoint(address: .v4(0), port: 0),
            serverName: serverName)
    }
}
