import Primitives
import SIPTransaction
import ServerLocation
import Testing

/// Time to live, aliases, limits: what keeps a location finite.
struct LocationCacheTests {
    private let target = LocationTarget(host: "a.example", port: 5060)

    @Test(arguments: [(Int64(60), 60), (0, 10), (86_400, 3_600)])
    func `an answer lives as long as it says, within bounds`(ttl: Int64, seconds: Int) {
        var zone = Zone()
        zone.add("a.example", .a, ttl: ttl, .address(.v4(0xC000_0201)))
        var location = ServerLocation(policy: LocationPolicy(families: [.v4]))
        let hops = Zone.Located.hops([Hop(.udp, "192.0.2.1:5060")])
        #expect(zone.locate(target, &location) == hops)
        #expect(zone.locate(target, &location, at: .origin + .seconds(seconds) - .nanoseconds(1)) == hops)
        #expect(zone.asked.count == 1)
        #expect(zone.locate(target, &location, at: .origin + .seconds(seconds)) == hops)
        #expect(zone.asked.count == 2)
    }

    @Test(arguments: [
        (DNSOutcome.noSuchName(timeToLive: .seconds(120)), 120), (.noSuchName(timeToLive: .seconds(86_400)), 300),
        (.noRecords(timeToLive: nil), 60), (.failed(.timedOut), 5),
    ])
    func `what is not there is remembered too`(outcome: DNSOutcome, seconds: Int) {
        var zone = Zone()
        zone.outcomes[DNSQuery("a.example", .a)] = outcome
        var location = ServerLocation(policy: LocationPolicy(families: [.v4]))
        for (time, count) in [(0, 1), (seconds - 1, 1), (seconds, 2)] {
            guard case .failed = zone.locate(target, &location, at: .origin + .seconds(time)) else {
                Issue.record("located at \(time) s")
                return
            }
            #expect(zone.asked.count == count)
        }
    }

    @Test func `an alias is followed inside an answer and beyond it`() {
        var zone = Zone()
        let alias = DNSRecord("a.example", timeToLive: .seconds(60), .alias("b.example"))
        let next = DNSRecord("b.example", timeToLive: .seconds(60), .alias("c.example"))
        zone.add(DNSQuery("a.example", .a), [next, alias])
        zone.host("c.example", "192.0.2.3")
        var location = ServerLocation(policy: LocationPolicy(families: [.v4]))
        #expect(zone.locate(target, &location) == .hops([Hop(.udp, "192.0.2.3:5060")]))
        #expect(zone.asked == [DNSQuery("a.example", .a), DNSQuery("c.example", .a)])
    }

    @Test func `a circle of aliases is refused, in one answer or over several`() {
        var zone = Zone()
        let forth = DNSRecord("a.example", timeToLive: .seconds(60), .alias("b.example"))
        let back = DNSRecord("b.example", timeToLive: .seconds(60), .alias("a.example"))
        zone.add(DNSQuery("a.example", .a), [forth, back])
        var location = ServerLocation(policy: LocationPolicy(families: [.v4]))
        #expect(zone.locate(target, &location) == .failed(.aliasLoop("a.example")))
        zone.outcomes = [:]
        zone.add(DNSQuery("a.example", .a), [forth])
        zone.add(DNSQuery("b.example", .a), [back])
        location.forget()
        #expect(zone.locate(target, &location) == .failed(.aliasLoop("b.example")))
    }

    @Test func `a chain of aliases ends somewhere`() {
        var zone = Zone()
        for number in 0..<100 {
            zone.add(
                DNSQuery("n\(number).example", .a),
                [DNSRecord("n\(number).example", timeToLive: .seconds(60), .alias("n\(number + 1).example"))])
        }
        var location = ServerLocation(policy: LocationPolicy(families: [.v4]))
        let result = zone.locate(LocationTarget(host: "n0.example", port: 5060), &location)
        #expect(result == .failed(.aliasLoop("n7.example")))
        #expect(zone.asked.count <= 9)
    }

    @Test func `records about other names are not believed`() {
        var zone = Zone()
        zone.add(
            DNSQuery("a.example", .a),
            [DNSRecord("evil.example", timeToLive: .seconds(60), .address(.v4(0xC000_0201)))])
        var location = ServerLocation(policy: LocationPolicy(families: [.v4]))
        #expect(zone.locate(target, &location) == .failed(.noRecords("a.example")))
    }

    @Test func `one location takes no more queries than its limit`() {
        var limits = Limits()
        limits.dnsQueriesPerLocation = 5
        var zone = Zone()
        for number in 1...4 {
            zone.service("_sip._udp.many.example", UInt16(number), 0, 5060, "h\(number).example")
            zone.host("h\(number).example", "192.0.2.\(number)")
        }
        var location = ServerLocation(limits: limits)
        let many = LocationTarget(host: "many.example", transport: .udp)
        #expect(zone.locate(many, &location) == .failed(.tooManyQueries(limit: 5)))
        #expect(zone.asked.count == 1 && location.waitingCount == 0)
        limits.dnsQueriesPerLocation = 9
        var patient = ServerLocation(limits: limits)
        guard case .hops(let hops) = zone.locate(many, &patient) else {
            Issue.record("not located")
            return
        }
        #expect(hops.count == 4)
    }

    @Test func `of many servers the best are used, whatever their order in the answer`() {
        var limits = Limits()
        limits.dnsServices = 2
        limits.hopsPerLocation = 3
        var zone = Zone()
        for number in [5, 3, 1, 4, 2] {
            zone.service("_sip._udp.many.example", UInt16(number), 0, 5060, "h\(number).example")
            zone.host("h\(number).example", "192.0.2.\(number)", "198.51.100.\(number)")
        }
        var location = ServerLocation(limits: limits)
        let result = zone.locate(LocationTarget(host: "many.example", transport: .udp), &location)
        #expect(
            result
                == .hops([
                    Hop(.udp, "192.0.2.1:5060"), Hop(.udp, "198.51.100.1:5060"), Hop(.udp, "192.0.2.2:5060"),
                ]))
    }

    @Test func `two locations share a query, and both are told`() {
        var location = ServerLocation(policy: LocationPolicy(families: [.v4]))
        var entropy = Entropy(SeededGenerator(seed: 1))
        let other = LocationTarget(host: "a.example", port: 5070)
        let query = DNSQuery("a.example", .a)
        #expect(location.locate(target, at: .origin, entropy: &entropy) == .pending([query]))
        #expect(location.locate(target, at: .origin, entropy: &entropy) == .pending([]))
        #expect(location.locate(other, at: .origin, entropy: &entropy) == .pending([]))
        let record = DNSRecord("a.example", timeToLive: .seconds(60), .address(.v4(0xC000_0201)))
        let progress = location.resolved(query, .records([record]), at: .origin)
        #expect(progress == LocationProgress(ready: [target, other]))
        #expect(location.waitingCount == 0)
    }

    @Test func `more locations than the limit are refused`() {
        var limits = Limits()
        limits.waitingLocations = 2
        var location = ServerLocation(limits: limits)
        var entropy = Entropy(SeededGenerator(seed: 1))
        for number in 0..<2 {
            let target = LocationTarget(host: "n\(number).example", port: 5060)
            guard case .pending = location.locate(target, at: .origin, entropy: &entropy) else { return }
        }
        let third = LocationTarget(host: "n3.example", port: 5060)
        #expect(location.locate(third, at: .origin, entropy: &entropy) == .failed(.overloaded))
    }

    @Test func `the cache keeps its size, and what expires first goes first`() {
        var limits = Limits()
        limits.dnsCacheEntries = 3
        var location = ServerLocation(policy: LocationPolicy(families: [.v4]), limits: limits)
        for number in 1...5 {
            let name = "n\(number).example"
            let record = DNSRecord(name, timeToLive: .seconds(100 * number), .address(.v4(0xC000_0201)))
            _ = location.resolved(DNSQuery(name, .a), .records([record]), at: .origin)
            #expect(location.cacheCount == min(number, 3))
        }
        var entropy = Entropy(SeededGenerator(seed: 1))
        for number in 1...5 {
            let target = LocationTarget(host: "n\(number).example", port: 5060)
            let result = location.locate(target, at: .origin, entropy: &entropy)
            let isKept = number > 2
            if case .hops = result { #expect(isKept) } else { #expect(!isKept) }
        }
    }

    @Test func `failures of more hops than the limit are forgotten`() {
        var limits = Limits()
        limits.penalisedHops = 2
        var location = ServerLocation(limits: limits)
        var zone = Zone()
        zone.host("a.example", "192.0.2.1", "192.0.2.2")
        let hops = [Hop(.udp, "192.0.2.1:5060"), Hop(.udp, "192.0.2.2:5060")]
        location.failed(hops[0], at: .origin)
        #expect(zone.locate(target, &location) == .hops(hops.reversed()))
        for port in 1...2 { location.failed(Hop(.udp, "192.0.2.9:\(port)"), at: .origin) }
        #expect(zone.locate(target, &location) == .hops(hops))
    }
}
