package import Primitives
package import SIPTransaction

/// What we can use to reach a server.
package struct LocationPolicy: Equatable, Sendable {
    package enum Family: Sendable, Hashable, CaseIterable { case v4, v6 }

    /// The transports we speak, the most liked first: it decides where a domain has SRV records but no NAPTR.
    package var transports: [SIPFlow.Transport]
    /// The address families that have a listener, the preferred one first (RFC 7984, RFC 6724).
    package var families: [Family]

    package init(transports: [SIPFlow.Transport] = [.tls, .tcp, .udp], families: [Family] = [.v6, .v4]) {
        self.transports = transports
        self.families = families
    }
}

/// Finds the servers behind a SIP URI (RFC 3263, RFC 2782; RFC 7984 for two address families).
///
/// ```text
///               locate                 resolved (all answers here)
///   unknown ──────────────▶ waiting ──────────────────────────────▶ ready ── locate ──▶ hops, or a failure
///      ▲                     │   ▲                                    │
///      │                     └───┘ resolved (more to ask)             │
///      └──────────────── the answers' time to live ends ──────────────┘
/// ```
///
/// Asks nothing itself: the caller puts the queries to a resolver and brings each outcome to `resolved`, exactly once. A
/// location is not kept: `locate` walks again over the cached answers, which costs little, and draws the weights anew.
package struct ServerLocation: Sendable {
    private struct Waiting: Sendable {
        let target: LocationTarget
        var missing: [DNSQuery]
        /// How many queries it has needed so far.
        var queries: Int
    }

    private let limits: Limits
    /// May be changed at any time.
    package var policy: LocationPolicy
    private var cache: DNSCache
    private var waiting: [Waiting] = []
    private var underWay: Set<DNSQuery> = []
    private var penalties: [Hop: Instant] = [:]
    /// Targets which took too many queries, until `resolved` has told their callers.
    private var exhausted: Set<LocationTarget> = []

    package init(policy: LocationPolicy = LocationPolicy(), limits: Limits = Limits()) {
        self.policy = policy
        self.limits = limits
        cache = DNSCache(limits: limits)
    }

    /// Targets whose location waits for answers; at most `Limits.waitingLocations`.
    package var waitingCount: Int { waiting.count }
    /// Answers kept; at most `Limits.dnsCacheEntries`.
    package var cacheCount: Int { cache.count }

    /// The hops to `target`, or what has to be asked first.
    ///
    /// After `.pending`, `resolved` names the target when its time has come; then `locate` answers without waiting.
    package mutating func locate(
        _ target: LocationTarget, at now: Instant, entropy: inout Entropy
    ) -> LocationResult {
        if waiting.contains(where: { $0.target == target }) { return .pending([]) }
        let isExhausted = exhausted.remove(target) != nil
        let walk = LocationWalk(target, cache: cache, policy: policy, limits: limits, at: now)
        guard !walk.missing.isEmpty, !isExhausted else {
            let hops = hops(of: walk, to: target, at: now, entropy: &entropy)
            if !hops.isEmpty { return .hops(hops) }
            return .failed(isExhausted ? .tooManyQueries(limit: limits.dnsQueriesPerLocation) : walk.failure)
        }
        guard walk.missing.count <= limits.dnsQueriesPerLocation else {
            return .failed(.tooManyQueries(limit: limits.dnsQueriesPerLocation))
        }
        guard waiting.count < limits.waitingLocations else { return .failed(.overloaded) }
        waiting.append(Waiting(target: target, missing: walk.missing, queries: walk.missing.count))
        return .pending(asking(walk.missing))
    }

    /// Takes the outcome of a query. One that nobody waits for is kept as well.
    package mutating func resolved(_ query: DNSQuery, _ outcome: DNSOutcome, at now: Instant) -> LocationProgress {
        underWay.remove(query)
        cache.store(outcome, for: query, at: now)
        var progress = LocationProgress()
        var still: [Waiting] = []
        for var waiter in waiting {
            waiter.missing.removeAll { $0 == query }
            guard waiter.missing.isEmpty else {
                still.append(waiter)
                continue
            }
            let walk = LocationWalk(waiter.target, cache: cache, policy: policy, limits: limits, at: now)
            waiter.missing = walk.missing
            waiter.queries += walk.missing.count
            if walk.missing.isEmpty {
                progress.ready.append(waiter.target)
            } else if waiter.queries > limits.dnsQueriesPerLocation {
                // Callers who do not come back for their answer must not make it grow.
                if exhausted.count >= limits.waitingLocations { exhausted = [] }
                exhausted.insert(waiter.target)
                progress.ready.append(waiter.target)
            } else {
                progress.queries += asking(walk.missing)
                still.append(waiter)
            }
        }
        waiting = still
        return progress
    }

    /// Nothing was heard over that hop, or 503: it stands last for `Limits.hopPenalty` (RFC 3263 section 4.3).
    package mutating func failed(_ hop: Hop, at now: Instant) {
        if penalties[hop] == nil, penalties.count >= limits.penalisedHops {
            penalties = penalties.filter { now < $0.value }
            // The table full of fresh failures: the network is down, and order is of no help.
            if penalties.count >= limits.penalisedHops { penalties = [:] }
        }
        penalties[hop] = now + limits.hopPenalty
    }

    /// An answer came over that hop.
    package mutating func succeeded(_ hop: Hop) { penalties[hop] = nil }

    /// Forgets all answers and failures: the network has changed.
    package mutating func forget() {
        cache.removeAll()
        penalties = [:]
    }

    private mutating func asking(_ queries: [DNSQuery]) -> [DNSQuery] {
        queries.filter { underWay.insert($0).inserted }
    }

    // MARK: - Order

    private func hops(
        of walk: LocationWalk, to target: LocationTarget, at now: Instant, entropy: inout Entropy
    ) -> [Hop] {
        var hops: [Hop] = []
        for service in walk.services {
            let serverName = service.transport == .tls && target.address == nil ? target.host : nil
            for server in Self.ordered(service.servers, entropy: &entropy) {
                for endpoint in server.endpoints {
                    let hop = Hop(transport: service.transport, endpoint: endpoint, serverName: serverName)
                    if !hops.contains(hop) { hops.append(hop) }
                }
            }
        }
        let isPenalised = { (hop: Hop) in penalties[hop].map { now < $0 } ?? false }
        let best = hops.filter { !isPenalised($0) } + hops.filter(isPenalised)
        return Array(best.prefix(limits.hopsPerLocation))
    }

    /// By priority; within one, drawn by weight (RFC 2782, "Weight").
    private static func ordered(
        _ servers: [LocationWalk.Server], entropy: inout Entropy
    ) -> [LocationWalk.Server] {
        // Those of weight 0 stand first, so that they are drawn now and then.
        var rest = servers.sorted { ($0.priority, $0.weight) < ($1.priority, $1.weight) }
        var result: [LocationWalk.Server] = []
        while let first = rest.first {
            let group = rest.prefix { $0.priority == first.priority }
            var index = 0
            if group.count > 1 {
                let total = group.reduce(UInt64(0)) { $0 + UInt64($1.weight) }
                var draw = entropy.next() % (total + 1)
                while index + 1 < group.count, draw > UInt64(rest[index].weight) {
                    draw -= UInt64(rest[index].weight)
                    index += 1
                }
            }
            result.append(rest.remove(at: index))
        }
        return result
    }
}
