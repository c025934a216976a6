import Primitives
import SIPTransaction

/// One walk from a target to its servers over what the cache knows (RFC 3263 section 4); what it does not know is noted
/// in `missing`, and the walk is repeated when that has been answered.
struct LocationWalk {
    /// Servers of one transport, in no order yet.
    struct Service {
        let transport: SIPFlow.Transport
        var servers: [Server] = []
    }

    struct Server {
        let priority: UInt16
        let weight: UInt16
        let endpoints: [Endpoint]
    }

    let cache: DNSCache
    let policy: LocationPolicy
    let limits: Limits
    let now: Instant
    private(set) var missing: [DNSQuery] = []
    /// The most wanted first.
    private(set) var services: [Service] = []
    private var failures: [LocationFailure] = []

    init(_ target: LocationTarget, cache: DNSCache, policy: LocationPolicy, limits: Limits, at now: Instant) {
        self.cache = cache
        self.policy = policy
        self.limits = limits
        self.now = now
        do throws(LocationFailure) {
            try walk(target)
        } catch {
            failures.append(error)
        }
    }

    /// Why there is no server, when nothing is missing and no service was found: a trouble that may pass comes first.
    var failure: LocationFailure {
        failures.first(where: \.isTransient) ?? failures.first(where: \.isTelling) ?? failures.first ?? .notAName
    }

    private mutating func walk(_ target: LocationTarget) throws(LocationFailure) {
        let fallback: SIPFlow.Transport = target.isSecure ? .tls : .udp
        if target.isSecure, target.transport == .udp { throw .notSecure }
        // `sips` with `transport=tcp` is TLS over TCP.
        let wanted = target.isSecure && target.transport != nil ? .tls : target.transport
        if let address = target.address {
            let transport = try supported(wanted ?? fallback)
            let endpoint = Endpoint(address: address, port: target.port ?? transport.defaultPort)
            services = [Service(transport: transport, servers: [Server(priority: 0, weight: 0, endpoints: [endpoint])])]
            return
        }
        guard DNSName.isAskable(target.host) else { throw .notAName }
        if let port = target.port {
            addHost(target.host, port: port, transport: try supported(wanted ?? fallback))
        } else if let wanted {
            let transport = try supported(wanted)
            let found = addServers("\(transport.servicePrefix).\(target.host)", transport)
            if found == .nothing { addHost(target.host, port: transport.defaultPort, transport: transport) }
        } else {
            try choose(target, fallback: fallback)
        }
    }

    private func supported(_ transport: SIPFlow.Transport) throws(LocationFailure) -> SIPFlow.Transport {
        guard policy.transports.contains(transport) else { throw .unsupportedTransport(transport.rawValue) }
        return transport
    }

    /// Section 4.1: NAPTR, else SRV for every transport that we speak, else the default transport at the name itself.
    private mutating func choose(_ target: LocationTarget, fallback: SIPFlow.Transport) throws(LocationFailure) {
        let pointers = lookUp(DNSQuery(target.host, .naptr)).map { records in usable(records, target) }
        guard let pointers else { return }
        var isFound = false
        for (transport, name) in pointers where addServers(name, transport) != .nothing { isFound = true }
        if isFound { return }
        let offered = policy.transports.filter { target.isSecure ? $0 == .tls : $0 != .tls }
        for transport in offered where addServers("\(transport.servicePrefix).\(target.host)", transport) != .nothing {
            isFound = true
        }
        if !isFound {
            let transport = try supported(fallback)
            addHost(target.host, port: transport.defaultPort, transport: transport)
        }
    }

    /// The pointers of the lowest order that has one for us, by preference (RFC 3403 section 4.1, RFC 3263 section 4.1).
    private func usable(_ records: [DNSRecord], _ target: LocationTarget) -> [(SIPFlow.Transport, String)] {
        var found: [(order: UInt16, preference: UInt16, transport: SIPFlow.Transport, name: String)] = []
        for case .pointer(let pointer) in records.map(\.data) where pointer.flags == "s" {
            let transport: SIPFlow.Transport
            switch pointer.service {
            case "sips+d2t": transport = .tls
            case "sip+d2t" where !target.isSecure: transport = .tcp
            case "sip+d2u" where !target.isSecure: transport = .udp
            default: continue
            }
            guard policy.transports.contains(transport), DNSName.isAskable(pointer.replacement) else { continue }
            found.append((pointer.order, pointer.preference, transport, pointer.replacement))
        }
        found.sort { ($0.order, $0.preference, $0.name) < ($1.order, $1.preference, $1.name) }
        return found.filter { $0.order == found[0].order }.prefix(limits.dnsServices).map { ($0.transport, $0.name) }
    }

    private enum Found: Equatable {
        case nothing
        /// The answer is not there yet.
        case missing
        case servers
    }

    private mutating func addServers(_ name: String, _ transport: SIPFlow.Transport) -> Found {
        guard let records = lookUp(DNSQuery(name, .srv)) else { return .missing }
        var offers: [ServiceRecord] = []
        for case .service(let record) in records.map(\.data) { offers.append(record) }
        if offers.isEmpty { return .nothing }
        // Which ones stay, should there be too many, must not depend on the order in which they came.
        offers.sort { ($0.priority, $1.weight, $0.target, $0.port) < ($1.priority, $0.weight, $1.target, $1.port) }
        var service = Service(transport: transport)
        for offer in offers.prefix(limits.dnsServices) {
            guard DNSName.isAskable(offer.target), offer.port != 0 else {
                failures.append(.notOffered(name))
                continue
            }
            let endpoints = addresses(of: offer.target).map { Endpoint(address: $0, port: offer.port) }
            if endpoints.isEmpty { continue }
            service.servers.append(
                Server(priority: offer.priority, weight: offer.weight, endpoints: endpoints))
        }
        if !service.servers.isEmpty { services.append(service) }
        return .servers
    }

    private mutating func addHost(_ name: String, port: UInt16, transport: SIPFlow.Transport) {
        let endpoints = addresses(of: name).map { Endpoint(address: $0, port: port) }
        guard !endpoints.isEmpty else { return }
        services.append(
            Service(transport: transport, servers: [Server(priority: 0, weight: 0, endpoints: endpoints)]))
    }

    /// The addresses of both families, the preferred one first (RFC 7984 section 4: both are looked up, always).
    private mutating func addresses(of name: String) -> [IPAddress] {
        var found: [IPAddress] = []
        for family in policy.families {
            for record in lookUp(DNSQuery(name, family == .v4 ? .a : .aaaa)) ?? [] {
                guard case .address(let address) = record.data, address.isSendable else { continue }
                if !found.contains(address) { found.append(address) }
            }
        }
        return found
    }

    /// Nil when it is not known yet; empty when there are none, the reason then stands in `failures`.
    private mutating func lookUp(_ query: DNSQuery) -> [DNSRecord]? {
        var query = query
        var visited: Set<String> = [query.name]
        while true {
            switch cache.answer(to: query, at: now) {
            case nil:
                if !missing.contains(query) { missing.append(query) }
                return nil
            case .records(let records): return records
            case .absent(let failure):
                failures.append(failure)
                return []
            case .alias(let name):
                guard DNSName.isAskable(name), visited.insert(name).inserted, visited.count <= limits.dnsAliases else {
                    failures.append(.aliasLoop(query.name))
                    return []
                }
                query = DNSQuery(name, query.type)
            }
        }
    }
}

extension LocationFailure {
    /// More to the point than "no records", which every query for an optional record ends in.
    fileprivate var isTelling: Bool { if case .noRecords = self { false } else { true } }
}

extension IPAddress {
    /// Not "any address", broadcast or multicast: what an answer must not make us send to.
    fileprivate var isSendable: Bool {
        switch self {
        case .v4(let bits): bits >> 24 != 0 && bits >> 28 < 0xE
        case .v6(let high, let low): (high != 0 || low != 0) && high >> 56 != 0xFF
        }
    }
}

extension SIPFlow.Transport {
    /// RFC 3261 section 19.1.2.
    package var defaultPort: UInt16 { self == .tls ? 5061 : 5060 }

    /// The service and protocol labels of its SRV records (RFC 3263 section 4.1).
    fileprivate var servicePrefix: String {
        switch self {
        case .udp: "_sip._udp"
        case .tcp: "_sip._tcp"
        case .tls: "_sips._tcp"
        }
    }
}
