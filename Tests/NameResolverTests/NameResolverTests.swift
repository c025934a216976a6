import Glibc
import NameResolver
import Primitives
import SIPTransaction
import ServerLocation
import Synchronization
import Testing

/// Real sockets on loopback, a name server of the test's own. RCODEs and flags: RFC 1035 section 4.1.1.
struct NameResolverTests {
    private static let address: [UInt8] = record(1, [192, 0, 2, 1])

    /// A record of the question's name.
    private static func record(_ type: UInt16, _ data: [UInt8]) -> [UInt8] {
        [
            0xC0, 12, UInt8(type >> 8), UInt8(type & 0xFF), 0, 1, 0, 0, 0, 60, UInt8(data.count >> 8),
            UInt8(data.count & 0xFF),
        ]
            + data
    }

    @Test func `an address is asked for and found, with its time to live`() async throws {
        try await withServer({ _ in .answer(flags: 0x8180, answers: 1, Self.address) }) { server, resolver in
            let outcome = await resolver.ask(DNSQuery("a.example", .a))
            let record = DNSRecord("a.example", timeToLive: .seconds(60), .address(.v4(0xC000_0201)))
            #expect(outcome == .records([record]))
            #expect(server.asked == [FakeNameServer.Question(name: "a.example", type: 1, isTCP: false)])
        }
    }

    @Test func `SRV and NAPTR come back as records`() async throws {
        // h.example: these two must not be compressed, and newer releases insist.
        let name: [UInt8] = [1, 0x68, 7] + Array("example".utf8) + [0]
        try await withServer({ question in
            if question.type == DNSRecordType.srv.rawValue {
                return .answer(flags: 0x8180, answers: 1, Self.record(33, [0, 1, 0, 2, 0x13, 0xC4] + name))
            }
            let strings: [UInt8] = [1, 0x73, 8] + Array("SIPS+D2T".utf8) + [0]
            return .answer(flags: 0x8180, answers: 1, Self.record(35, [0, 1, 0, 2] + strings + name))
        }) { _, resolver in
            guard case .records(let services) = await resolver.ask(DNSQuery("_sip._udp.a.example", .srv)),
                case .records(let pointers) = await resolver.ask(DNSQuery("a.example", .naptr))
            else {
                Issue.record("no records")
                return
            }
            let service = ServiceRecord(priority: 1, weight: 2, port: 5060, target: "h.example")
            #expect(services.map(\.data) == [.service(service)])
            let pointer = NamingAuthorityPointer(
                order: 1, preference: 2, flags: "s", service: "sips+d2t", replacement: "h.example")
            #expect(pointers.map(\.data) == [.pointer(pointer)])
        }
    }

    @Test func `a whole location runs over it`() async throws {
        try await withServer({ question in
            switch (question.type, question.name) {
            case (33, "_sip._udp.a.example"):
                .answer(flags: 0x8180, answers: 1, Self.record(33, [0, 1, 0, 2, 0x13, 0xC4, 3, 0x73, 0x69, 0x70, 0]))
            case (1, "sip"): .answer(flags: 0x8180, answers: 1, Self.address)
            default: .answer(flags: 0x8183, answers: 0, [])
            }
        }) { _, resolver in
            var location = ServerLocation()
            var entropy = Entropy(SeededGenerator(seed: 1))
            let target = LocationTarget(host: "a.example")
            guard case .pending(var queries) = location.locate(target, at: .origin, entropy: &entropy) else { return }
            while !queries.isEmpty {
                let query = queries.removeFirst()
                queries += location.resolved(query, await resolver.ask(query), at: .origin).queries
            }
            let hop = Hop(transport: .udp, endpoint: try #require(Endpoint("192.0.2.1:5060")))
            #expect(location.locate(target, at: .origin, entropy: &entropy) == .hops([hop]))
        }
    }

    @Test(arguments: [
        (UInt16(0x8183), DNSOutcome.noSuchName(timeToLive: nil)), (0x8180, .noRecords(timeToLive: nil)),
        (0x8182, .failed(.serverFailed)), (0x8184, .failed(.serverFailed)), (0x8185, .failed(.refused)),
    ])
    func `an answer without records says why`(flags: UInt16, outcome: DNSOutcome) async throws {
        try await withServer({ _ in .answer(flags: flags, answers: 0, []) }) { _, resolver in
            let found = await resolver.ask(DNSQuery("a.example", .a))
            // c-ares before 1.28 gives up on such a server without saying what it answered.
            if case .failed = outcome {
                #expect([outcome, .failed(.unreachable)].contains(found))
            } else {
                #expect(found == outcome)
            }
        }
    }

    @Test func `the zone's time for what is not there comes through`() async throws {
        let numbers: [UInt8] = [1, 2, 3, 4, 33].flatMap { [0, 0, 0, $0] }
        let authority = Self.record(6, [0, 0] + numbers)
        try await withServer({ _ in .answer(flags: 0x8183, answers: 0, authorities: 1, authority) }) { _, resolver in
            #expect(await resolver.ask(DNSQuery("a.example", .a)) == .noSuchName(timeToLive: .seconds(33)))
        }
    }

    @Test func `a server that says nothing is asked again, then given up`() async throws {
        try await withServer({ _ in .silence }) { server, resolver in
            #expect(await resolver.ask(DNSQuery("a.example", .a)) == .failed(.timedOut))
            #expect(server.asked.count == 2)
        }
    }

    @Test func `an answer cut short is asked for again over TCP`() async throws {
        try await withServer({ question in
            question.isTCP
                ? .answer(flags: 0x8180, answers: 1, Self.address) : .answer(flags: 0x8380, answers: 0, [])
        }) { server, resolver in
            guard case .records(let records) = await resolver.ask(DNSQuery("a.example", .a)) else {
                Issue.record("no records")
                return
            }
            #expect(records.count == 1 && server.asked.map(\.isTCP) == [false, true])
        }
    }

    @Test func `an answer over the limit is refused`() async throws {
        let many = (0..<70).flatMap { _ in Self.record(16, [254] + [UInt8](repeating: 0x61, count: 254)) }
        try await withServer({ question in
            question.isTCP ? .answer(flags: 0x8180, answers: 70, many) : .answer(flags: 0x8380, answers: 0, [])
        }) { _, resolver in
            guard case .failed(.tooLong) = await resolver.ask(DNSQuery("a.example", .a)) else {
                Issue.record("not refused")
                return
            }
        }
    }

    @Test(arguments: [
        [0x81, 0x80] as [UInt8],  // ends in the header
        [0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 0xC0, 12, 0, 1, 0, 1],  // a name that points to itself
        [UInt8](repeating: 0xFF, count: 400),
    ])
    func `rubbish ends in a failure, never in silence`(bytes: [UInt8]) async throws {
        try await withServer({ _ in .raw(bytes) }) { _, resolver in
            guard case .failed = await resolver.ask(DNSQuery("a.example", .a)) else {
                Issue.record("believed")
                return
            }
        }
    }

    @Test func `a server that is not there ends in a failure`() async throws {
        let gone = try FakeNameServer { _ in .silence }
        gone.shutdown()
        let resolver = try Asking(servers: [gone.endpoint])
        defer { resolver.resolver.shutdown() }
        guard case .failed(let failure) = await resolver.ask(DNSQuery("a.example", .a)) else { return }
        #expect(failure == .unreachable || failure == .timedOut)
    }

    @Test func `the next server is asked when the first fails`() async throws {
        let broken = try FakeNameServer { _ in .answer(flags: 0x8182, answers: 0, []) }
        let good = try FakeNameServer { _ in .answer(flags: 0x8180, answers: 1, Self.address) }
        defer {
            broken.shutdown()
            good.shutdown()
        }
        let resolver = try Asking(servers: [broken.endpoint, good.endpoint])
        defer { resolver.resolver.shutdown() }
        guard case .records = await resolver.ask(DNSQuery("a.example", .a)) else {
            Issue.record("no records")
            return
        }
    }

    @Test(arguments: [
        ("localhost", DNSRecordType.a, ["127.0.0.1"]), ("pbx.localhost", .aaaa, ["::1"]),
        ("printer.lan", .a, ["192.0.2.44", "192.0.2.45"]), ("alias", .aaaa, ["2001:db8::44"]), ("alias", .a, []),
    ])
    func `names of the hosts file are asked of no server`(
        name: String, type: DNSRecordType, addresses: [String]
    ) async throws {
        let path = "/tmp/hosts-\(getpid())-\(name)-\(type)"
        let text =
            "# comment\n192.0.2.44\tPrinter.LAN\n192.0.2.45 printer.lan # alias\n2001:db8::44 alias\nrubbish alias\n"
        let file = try #require(fopen(path, "w"))
        fputs(text, file)
        fclose(file)
        defer { unlink(path) }
        try await withServer({ _ in .silence }, hosts: path) { server, resolver in
            let outcome = await resolver.ask(DNSQuery(name, type))
            if case .records(let records) = outcome {
                #expect(records.map(\.data) == addresses.compactMap { IPAddress($0).map { .address($0) } })
            } else {
                #expect(addresses.isEmpty && outcome == .noRecords(timeToLive: .seconds(60)))
            }
            #expect(server.asked.isEmpty)
        }
    }

    @Test func `more queries than the limit are refused, and those under way end with the resolver`() async throws {
        let server = try FakeNameServer { _ in .silence }
        defer { server.shutdown() }
        var limits = Limits()
        limits.dnsQueries = 2
        let resolver = try Asking(servers: [server.endpoint], timeout: .seconds(60), limits: limits)
        async let first = resolver.ask(DNSQuery("a.example", .a))
        async let second = resolver.ask(DNSQuery("b.example", .a))
        while server.asked.count < 2 { await Task.yield() }
        #expect(await resolver.ask(DNSQuery("c.example", .a)) == .failed(.overloaded))
        resolver.resolver.shutdown()
        #expect(await first == .failed(.noResolver))
        #expect(await second == .failed(.noResolver))
        #expect(await resolver.ask(DNSQuery("d.example", .a)) == .failed(.noResolver))
    }

    private func withServer(
        _ answer: @escaping @Sendable (FakeNameServer.Question) -> FakeNameServer.Reply, hosts: String = "/dev/null",
        _ body: (FakeNameServer, Asking) async throws -> Void
    ) async throws {
        let server = try FakeNameServer(answer)
        defer { server.shutdown() }
        let resolver = try Asking(servers: [server.endpoint], hosts: hosts)
        defer { resolver.resolver.shutdown() }
        try await body(server, resolver)
    }
}

/// A resolver whose outcomes can be awaited, one at a time for each query.
private final class Asking: Sendable {
    let resolver: NameResolver
    private let waiting: Waiting

    private final class Waiting: Sendable {
        let askers = Mutex<[DNSQuery: CheckedContinuation<DNSOutcome, Never>]>([:])
    }

    init(
        servers: [Endpoint], timeout: Duration = .milliseconds(60), hosts: String = "/dev/null",
        limits: Limits = Limits()
    ) throws {
        let waiting = Waiting()
        self.waiting = waiting
        var options = NameResolver.Options()
        options.servers = servers
        options.timeout = timeout
        options.hostsPath = hosts
        options.limits = limits
        resolver = try NameResolver(options) { query, outcome in
            waiting.askers.withLock { $0.removeValue(forKey: query) }?.resume(returning: outcome)
        }
    }

    func ask(_ query: DNSQuery) async -> DNSOutcome {
        await withCheckedContinuation { continuation in
            waiting.askers.withLock { $0[query] = continuation }
            resolver.resolve(query)
        }
    }
}
