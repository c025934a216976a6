import Primitives

/// What the domain name system said, for as long as it may be believed (RFC 2308 for what is not there).
///
/// Holds at most `Limits.dnsCacheEntries`; a new answer then displaces the one that would have expired first.
struct DNSCache: Sendable {
    /// An answer with its aliases followed.
    enum Answer: Sendable, Equatable {
        /// Records of the type that was asked for, at the end of the chain of aliases.
        case records([DNSRecord])
        /// The chain leads to a name of which this answer says no more: to be asked for.
        case alias(String)
        case absent(LocationFailure)
    }

    private struct Entry: Sendable {
        let answer: Answer
        let expiresAt: Instant
    }

    private let limits: Limits
    private var entries: [DNSQuery: Entry] = [:]

    init(limits: Limits) {
        self.limits = limits
    }

    var count: Int { entries.count }

    /// Nil when nothing is known, or not any more.
    func answer(to query: DNSQuery, at now: Instant) -> Answer? {
        guard let entry = entries[query], now < entry.expiresAt else { return nil }
        return entry.answer
    }

    mutating func store(_ outcome: DNSOutcome, for query: DNSQuery, at now: Instant) {
        let (answer, lifetime) = read(outcome, for: query)
        if entries[query] == nil, entries.count >= limits.dnsCacheEntries { makeRoom(at: now) }
        entries[query] = Entry(answer: answer, expiresAt: now + lifetime)
    }

    mutating func removeAll() { entries = [:] }

    private mutating func makeRoom(at now: Instant) {
        entries = entries.filter { now < $0.value.expiresAt }
        guard entries.count >= limits.dnsCacheEntries else { return }
        // Names break a tie, so that the same history leaves the same cache.
        let first = entries.min { left, right in
            (left.value.expiresAt, left.key.name, left.key.type.rawValue)
                < (right.value.expiresAt, right.key.name, right.key.type.rawValue)
        }
        if let first { entries[first.key] = nil }
    }

    private func read(_ outcome: DNSOutcome, for query: DNSQuery) -> (Answer, Duration) {
        switch outcome {
        case .records(let records): return follow(records, for: query)
        case .noRecords(let lifetime): return (.absent(.noRecords(query.name)), negative(lifetime))
        case .noSuchName(let lifetime): return (.absent(.noSuchName(query.name)), negative(lifetime))
        case .failed(let failure): return (.absent(.dns(query.name, failure)), limits.dnsFailureLifetime)
        }
    }

    private func negative(_ lifetime: Duration?) -> Duration {
        min(max(lifetime ?? .seconds(60), limits.dnsLifetime.lowerBound), limits.dnsNegativeLifetime)
    }

    /// Goes from alias to alias; a circle is refused (RFC 1034 section 3.6.2).
    private func follow(_ records: [DNSRecord], for query: DNSQuery) -> (Answer, Duration) {
        var lifetime = limits.dnsLifetime.upperBound
        var name = query.name
        var visited: Set<String> = [name]
        while true {
            let found = records.prefix(limits.dnsRecordsPerAnswer).filter { $0.name == name && $0.isOf(query.type) }
            if !found.isEmpty {
                for record in found { lifetime = min(lifetime, record.timeToLive) }
                return (.records(found), max(lifetime, limits.dnsLifetime.lowerBound))
            }
            guard let alias = records.first(where: { $0.name == name && $0.alias != nil }), let next = alias.alias
            else {
                break
            }
            lifetime = min(lifetime, alias.timeToLive)
            guard visited.insert(next).inserted, visited.count <= limits.dnsAliases else {
                return (.absent(.aliasLoop(query.name)), limits.dnsFailureLifetime)
            }
            name = next
        }
        lifetime = max(lifetime, limits.dnsLifetime.lowerBound)
        return name == query.name ? (.absent(.noRecords(name)), negative(nil)) : (.alias(name), lifetime)
    }
}

extension DNSRecord {
    fileprivate var alias: String? { if case .alias(let name) = data { name } else { nil } }

    fileprivate func isOf(_ type: DNSRecordType) -> Bool {
        switch (data, type) {
        case (.address(let address), .a): address.isV4
        case (.address(let address), .aaaa): !address.isV4
        case (.service, .srv), (.pointer, .naptr): true
        case (.address, _), (.service, _), (.pointer, _), (.alias, _): false
        }
    }
}
