import Primitives
import SIPMessage
import SIPTransaction
import ServerLocation
import Testing

struct ServerLocationTests {
    /// The domain of RFC 3263 section 4.1: TLS before TCP before UDP, and two TCP servers.
    private static func example() -> Zone {
        var zone = Zone()
        zone.pointer("example.com", 50, 50, "SIPS+D2T", "_sips._tcp.example.com")
        zone.pointer("example.com", 90, 50, "SIP+D2T", "_sip._tcp.example.com")
        zone.pointer("example.com", 100, 50, "SIP+D2U", "_sip._udp.example.com")
        zone.service("_sips._tcp.example.com", 0, 1, 5061, "server1.example.com")
        zone.service("_sip._tcp.example.com", 0, 1, 5060, "server1.example.com")
        zone.service("_sip._tcp.example.com", 1, 2, 5060, "server2.example.com")
        zone.service("_sip._udp.example.com", 0, 1, 5060, "server2.example.com")
        zone.host("example.com", "192.0.2.99")
        zone.host("server1.example.com", "192.0.2.1")
        zone.host("server2.example.com", "192.0.2.2")
        return zone
    }

    private static func target(_ text: String) throws -> LocationTarget { try LocationTarget(SIPURI(parsing: text)) }

    @Test(arguments: [
        ("sip:192.0.2.7", Hop(.udp, "192.0.2.7:5060")),
        ("sip:192.0.2.7:5080", Hop(.udp, "192.0.2.7:5080")),
        ("sip:192.0.2.7;transport=tcp", Hop(.tcp, "192.0.2.7:5060")),
        ("sip:192.0.2.7;transport=TLS", Hop(.tls, "192.0.2.7:5061")),
        ("sips:192.0.2.7", Hop(.tls, "192.0.2.7:5061")),
        ("sips:192.0.2.7;transport=tcp", Hop(.tls, "192.0.2.7:5061")),
        ("sip:[2001:db8::7]:5070", Hop(.udp, "[2001:db8::7]:5070")),
        ("sip:example.com;maddr=192.0.2.8", Hop(.udp, "192.0.2.8:5060")),
    ])
    func `a numeric address is asked of nobody`(text: String, hop: Hop) throws {
        var zone = Zone()
        var location = ServerLocation()
        #expect(zone.locate(try Self.target(text), &location) == .hops([hop]))
        #expect(zone.asked.isEmpty)
    }

    @Test(arguments: [
        ("sip:example.com:5099", [Hop(.udp, "192.0.2.99:5099")]),
        ("sip:example.com:5099;transport=tcp", [Hop(.tcp, "192.0.2.99:5099")]),
        ("sips:example.com:5099", [Hop(.tls, "192.0.2.99:5099", "example.com")]),
    ])
    func `an explicit port skips NAPTR and SRV`(text: String, hops: [Hop]) throws {
        var zone = Self.example()
        var location = ServerLocation()
        #expect(zone.locate(try Self.target(text), &location) == .hops(hops))
        #expect(zone.asked == [DNSQuery("example.com", .aaaa), DNSQuery("example.com", .a)])
    }

    @Test(arguments: [
        ([SIPFlow.Transport.tls, .tcp, .udp], [Hop(.tls, "192.0.2.1:5061", "example.com")]),
        ([.tcp, .udp], [Hop(.tcp, "192.0.2.1:5060"), Hop(.tcp, "192.0.2.2:5060")]),
        ([.udp], [Hop(.udp, "192.0.2.2:5060")]),
    ])
    func `NAPTR names the server's most wanted transport that we speak`(
        transports: [SIPFlow.Transport], hops: [Hop]
    ) throws {
        var zone = Self.example()
        var location = ServerLocation(policy: LocationPolicy(transports: transports))
        #expect(zone.locate(try Self.target("sip:alice@EXAMPLE.com."), &location) == .hops(hops))
        #expect(zone.asked.first == DNSQuery("example.com", .naptr))
    }

    @Test func `sips takes nothing but TLS, and the domain's name is what the certificate must say`() throws {
        var zone = Self.example()
        var location = ServerLocation()
        let hops = [Hop(.tls, "192.0.2.1:5061", "example.com")]
        #expect(zone.locate(try Self.target("sips:example.com"), &location) == .hops(hops))
        var insecure = ServerLocation(policy: LocationPolicy(transports: [.tcp, .udp]))
        #expect(
            zone.locate(try Self.target("sips:example.com"), &insecure) == .failed(.unsupportedTransport("TLS")))
        #expect(zone.locate(try Self.target("sips:example.com;transport=udp"), &location) == .failed(.notSecure))
    }

    @Test func `an explicit transport asks its SRV records alone`() throws {
        var zone = Self.example()
        var location = ServerLocation()
        let hops = [Hop(.tcp, "192.0.2.1:5060"), Hop(.tcp, "192.0.2.2:5060")]
        #expect(zone.locate(try Self.target("sip:example.com;transport=tcp"), &location) == .hops(hops))
        #expect(zone.asked.first == DNSQuery("_sip._tcp.example.com", .srv))
        #expect(!zone.asked.contains { $0.type == .naptr })
    }

    @Test func `without NAPTR every transport's SRV is asked at once`() throws {
        var zone = Self.example()
        zone.outcomes[DNSQuery("example.com", .naptr)] = nil
        var location = ServerLocation(policy: LocationPolicy(transports: [.udp, .tls, .tcp]))
        let hops = [Hop(.udp, "192.0.2.2:5060"), Hop(.tcp, "192.0.2.1:5060"), Hop(.tcp, "192.0.2.2:5060")]
        #expect(zone.locate(try Self.target("sip:example.com"), &location) == .hops(hops))
        #expect(
            zone.asked.prefix(3) == [
                DNSQuery("example.com", .naptr), DNSQuery("_sip._udp.example.com", .srv),
                DNSQuery("_sip._tcp.example.com", .srv),
            ])
        var secure = ServerLocation()
        #expect(
            zone.locate(try Self.target("sips:example.com"), &secure)
                == .hops([Hop(.tls, "192.0.2.1:5061", "example.com")]))
    }

    @Test(arguments: [
        ("sip:plain.example", Hop(.udp, "192.0.2.5:5060")),
        ("sip:plain.example;transport=tcp", Hop(.tcp, "192.0.2.5:5060")),
        ("sip:plain.example;transport=tls", Hop(.tls, "192.0.2.5:5061", "plain.example")),
        ("sips:plain.example", Hop(.tls, "192.0.2.5:5061", "plain.example")),
    ])
    func `without any SRV the name itself is taken, at the transport's port`(text: String, hop: Hop) throws {
        var zone = Zone()
        zone.host("plain.example", "192.0.2.5")
        var location = ServerLocation()
        #expect(zone.locate(try Self.target(text), &location) == .hops([hop]))
    }

    @Test func `both families are looked up and the preferred one comes first`() throws {
        var zone = Zone()
        zone.host("dual.example", "192.0.2.5", "2001:db8::5")
        var location = ServerLocation(policy: LocationPolicy(families: [.v6, .v4]))
        let target = try Self.target("sip:dual.example")
        let hops = [Hop(.udp, "[2001:db8::5]:5060"), Hop(.udp, "192.0.2.5:5060")]
        #expect(zone.locate(target, &location) == .hops(hops))
        location.policy.families = [.v4, .v6]
        #expect(zone.locate(target, &location) == .hops(hops.reversed()))
        location.policy.families = [.v4]
        #expect(zone.locate(target, &location) == .hops([hops[1]]))
    }

    @Test func `a priority is used up before the next, and weights share the load`() throws {
        var zone = Zone()
        zone.service("_sip._udp.w.example", 20, 100, 5060, "last.w.example")
        zone.service("_sip._udp.w.example", 10, 75, 5060, "big.w.example")
        zone.service("_sip._udp.w.example", 10, 25, 5060, "small.w.example")
        zone.service("_sip._udp.w.example", 10, 0, 5060, "rare.w.example")
        zone.host("last.w.example", "192.0.2.4")
        zone.host("big.w.example", "192.0.2.1")
        zone.host("small.w.example", "192.0.2.2")
        zone.host("rare.w.example", "192.0.2.3")
        var location = ServerLocation()
        let target = try Self.target("sip:w.example;transport=udp")
        _ = zone.locate(target, &location)
        var entropy = Entropy(SeededGenerator(seed: 7))
        var first: [Endpoint: Int] = [:]
        for _ in 0..<2_000 {
            guard case .hops(let hops) = location.locate(target, at: .origin, entropy: &entropy) else { return }
            #expect(hops.count == 4 && hops[3].endpoint == Endpoint("192.0.2.4:5060"))
            first[hops[0].endpoint, default: 0] += 1
        }
        #expect((1_400...1_600).contains(first[Endpoint("192.0.2.1:5060")!] ?? 0))
        #expect((400...600).contains(first[Endpoint("192.0.2.2:5060")!] ?? 0))
        #expect((1...60).contains(first[Endpoint("192.0.2.3:5060")!] ?? 0))
    }

    @Test func `the same randomness gives the same order`() throws {
        var zone = Zone()
        for number in 1...6 {
            zone.service("_sip._udp.w.example", 0, 10, 5060, "h\(number).example")
            zone.host("h\(number).example", "192.0.2.\(number)")
        }
        let target = try Self.target("sip:w.example;transport=udp")
        var first = ServerLocation()
        var second = ServerLocation()
        #expect(zone.locate(target, &first, seed: 3) == zone.locate(target, &second, seed: 3))
        #expect(zone.locate(target, &first, seed: 3) != zone.locate(target, &second, seed: 4))
    }

    @Test func `a failed hop stands last for a while`() throws {
        var zone = Self.example()
        var location = ServerLocation(policy: LocationPolicy(transports: [.tcp]))
        let target = try Self.target("sip:example.com")
        let hops = [Hop(.tcp, "192.0.2.1:5060"), Hop(.tcp, "192.0.2.2:5060")]
        #expect(zone.locate(target, &location) == .hops(hops))
        location.failed(hops[0], at: .origin)
        #expect(zone.locate(target, &location, at: .origin + .seconds(59)) == .hops(hops.reversed()))
        #expect(zone.locate(target, &location, at: .origin + .seconds(60)) == .hops(hops))
        location.failed(hops[0], at: .origin)
        location.succeeded(hops[0])
        #expect(zone.locate(target, &location) == .hops(hops))
    }

    @Test func `SRV with a dot says that SIP is not offered`() throws {
        var zone = Zone()
        zone.service("_sip._udp.no.example", 0, 0, 0, ".")
        zone.host("no.example", "192.0.2.1")
        var location = ServerLocation()
        #expect(
            zone.locate(try Self.target("sip:no.example;transport=udp"), &location)
                == .failed(.notOffered("_sip._udp.no.example")))
    }

    @Test(arguments: [
        DNSOutcome.noSuchName(timeToLive: nil), .failed(.timedOut), .failed(.serverFailed), .failed(.refused),
    ])
    func `a failure of the name system says what it was`(outcome: DNSOutcome) throws {
        var zone = Zone()
        for type in DNSRecordType.allCases { zone.outcomes[DNSQuery("gone.example", type)] = outcome }
        var location = ServerLocation()
        let result = zone.locate(try Self.target("sip:gone.example"), &location)
        if case .failed(let failure) = outcome {
            #expect(result == .failed(.dns("gone.example", failure)))
        } else {
            #expect(result == .failed(.noSuchName("gone.example")))
        }
    }

    @Test func `a NAPTR that cannot be used is passed over`() throws {
        var zone = Zone()
        zone.pointer("odd.example", 1, 1, "SIP+D2S", "_sip._sctp.odd.example")
        zone.pointer("odd.example", 2, 1, "E2U+sip", "enum.odd.example")
        zone.pointer("odd.example", 3, 1, "SIP+D2U", "bad name.odd.example")
        zone.pointer("odd.example", 4, 9, "SIP+D2U", "_u.odd.example")
        zone.pointer("odd.example", 4, 5, "SIP+D2T", "_t.odd.example")
        zone.pointer("odd.example", 5, 1, "SIPS+D2T", "_never.odd.example")
        zone.service("_u.odd.example", 0, 0, 5070, "h.odd.example")
        zone.service("_t.odd.example", 0, 0, 5080, "h.odd.example")
        zone.host("h.odd.example", "192.0.2.1")
        var location = ServerLocation()
        let hops = [Hop(.tcp, "192.0.2.1:5080"), Hop(.udp, "192.0.2.1:5070")]
        #expect(zone.locate(try Self.target("sip:odd.example"), &location) == .hops(hops))
        #expect(!zone.asked.contains { $0.name == "_never.odd.example" })
    }

    @Test(arguments: ["0.0.0.0", "255.255.255.255", "239.1.2.3", "::", "ff02::1"])
    func `an answer cannot make us send to everybody`(address: String) throws {
        var zone = Zone()
        zone.host("all.example", address)
        var location = ServerLocation()
        let result = zone.locate(try Self.target("sip:all.example:5060"), &location)
        guard case .failed = result else {
            Issue.record("\(result)")
            return
        }
    }

    @Test(arguments: [
        "sip:a..example", "sip:\(String(repeating: "a", count: 64)).example",
        "sip:\(String(repeating: "abcdefg.", count: 32))example",
    ])
    func `what is no name is asked of nobody`(text: String) throws {
        var zone = Zone()
        var location = ServerLocation()
        #expect(zone.locate(try Self.target(text), &location) == .failed(.notAName))
        #expect(zone.asked.isEmpty)
    }

    @Test func `other schemes and transports are refused`() throws {
        #expect(throws: LocationFailure.notASIPAddress) { try Self.target("tel:+4953") }
        #expect(throws: LocationFailure.unsupportedTransport("sctp")) {
            try Self.target("sip:a.example;transport=sctp")
        }
    }
}
