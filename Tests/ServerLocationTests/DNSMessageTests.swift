import Primitives
import ServerLocation
import Testing

struct DNSMessageTests {
    private let query = DNSQuery("a.example", .a)

    private func outcome(_ bytes: [UInt8], _ query: DNSQuery? = nil, limits: Limits = Limits()) -> DNSOutcome {
        DNSMessage.outcome(of: bytes, for: query ?? self.query, limits: limits)
    }

    /// Header, one question for a.example, then `rest`.
    private func message(
        rcode: UInt8 = 0, flags: UInt8 = 0x81, answers: UInt8 = 0, authorities: UInt8 = 0, _ rest: [UInt8] = []
    ) -> [UInt8] {
        [0, 1, flags, 0x80 | rcode, 0, 1, 0, answers, 0, authorities, 0, 0] + name("a.example") + [0, 1, 0, 1] + rest
    }

    private func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    /// A record whose owner is the question's name (a pointer to offset 12).
    private func record(
        type: UInt8, ttl: UInt32 = 300, `class`: UInt8 = 1, owner: [UInt8] = [0xC0, 12], _ data: [UInt8]
    )
        -> [UInt8]
    {
        owner + [0, type, 0, `class`] + (0..<4).map { UInt8(truncatingIfNeeded: ttl >> (24 - 8 * UInt32($0))) }
            + [UInt8(data.count >> 8), UInt8(data.count & 0xFF)] + data
    }

    @Test func `addresses of both families are read`() {
        let v4 = message(answers: 1, record(type: 1, [192, 0, 2, 1]))
        #expect(
            outcome(v4)
                == .records([DNSRecord("a.example", timeToLive: .seconds(300), .address(.v4(0xC000_0201)))]))
        let v6 = message(answers: 1, record(type: 28, [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [7]))
        #expect(
            outcome(v6, DNSQuery("a.example", .aaaa))
                == .records([
                    DNSRecord("a.example", timeToLive: .seconds(300), .address(IPAddress("2001:db8::7")!))
                ]))
    }

    @Test func `SRV, NAPTR and CNAME are read, names compressed or not`() {
        let service = record(type: 33, [0, 10, 0, 20, 0x13, 0xC4] + [3] + Array("SIP".utf8) + [0xC0, 12])
        let strings: [UInt8] = [1, 0x53] + [8] + Array("SIPS+D2T".utf8) + [0]
        let pointer = record(type: 35, [0, 1, 0, 2] + strings + name("_sips._tcp.a.example"))
        let alias = record(type: 5, name("b.example"))
        let lifetime = Duration.seconds(300)
        #expect(
            outcome(message(answers: 3, service + pointer + alias))
                == .records([
                    DNSRecord(
                        "a.example", timeToLive: lifetime,
                        .service(ServiceRecord(priority: 10, weight: 20, port: 5060, target: "sip.a.example"))),
                    DNSRecord(
                        "a.example", timeToLive: lifetime,
                        .pointer(
                            NamingAuthorityPointer(
                                order: 1, preference: 2, flags: "s", service: "sips+d2t",
                                replacement: "_sips._tcp.a.example"))),
                    DNSRecord("a.example", timeToLive: lifetime, .alias("b.example")),
                ]))
    }

    @Test(arguments: [(UInt8(2), DNSFailure.serverFailed), (4, .serverFailed), (5, .refused), (1, .malformed)])
    func `an error code is a failure`(rcode: UInt8, failure: DNSFailure) {
        #expect(outcome(message(rcode: rcode)) == .failed(failure))
    }

    @Test(arguments: [(UInt32(900), UInt32(60), Int64(60)), (30, 60, 30)])
    func `the zone says how long nothing is nothing`(ttl: UInt32, minimum: UInt32, seconds: Int64) {
        let numbers = [1, 2, 3, 4, minimum].flatMap { number in
            (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) }
        }
        let authority = record(type: 6, ttl: ttl, name("ns.example") + name("host.example") + numbers)
        #expect(outcome(message(rcode: 3, authorities: 1, authority)) == .noSuchName(timeToLive: .seconds(seconds)))
        #expect(outcome(message(authorities: 1, authority)) == .noRecords(timeToLive: .seconds(seconds)))
        #expect(outcome(message()) == .noRecords(timeToLive: nil))
    }

    @Test func `other classes and types are passed over, a huge time to live is none`() {
        let other = record(type: 1, class: 3, [1, 2, 3, 4]) + record(type: 16, [1, 0x41])
        let good = record(type: 1, ttl: 0x8000_0000, [192, 0, 2, 1])
        #expect(
            outcome(message(answers: 3, other + good))
                == .records([DNSRecord("a.example", timeToLive: .zero, .address(.v4(0xC000_0201)))]))
    }

    @Test func `every cut of an answer, and every changed byte, is read without harm`() {
        let alias = record(type: 5, name("b.example"))
        let whole = message(answers: 2, alias + record(type: 1, owner: name("b.example"), [192, 0, 2, 1]))
        for count in 0..<whole.count { #expect(outcome(Array(whole.prefix(count))) == .failed(.malformed)) }
        for index in whole.indices {
            for value in [UInt8(0), 1, 0x3F, 0x40, 0x80, 0xC0, 0xFF] {
                var changed = whole
                changed[index] = value
                _ = outcome(changed)
            }
        }
    }

    @Test(arguments: [
        [0xC0, 30] as [UInt8],  // to itself: a record's owner begins at offset 27
        [0xC0, 27], [0xC0, 200], [0x80, 1], [0x40, 1], [3, 0x61, 0x2E, 0x62, 0],
    ])
    func `a name that leads nowhere is malformed`(owner: [UInt8]) {
        #expect(outcome(message(answers: 1, record(type: 1, owner: owner, [1, 2, 3, 4]))) == .failed(.malformed))
    }

    @Test(arguments: [[1, 2, 3] as [UInt8], [1, 2, 3, 4, 5]])
    func `an address of the wrong length is malformed`(data: [UInt8]) {
        #expect(outcome(message(answers: 1, record(type: 1, data))) == .failed(.malformed))
    }

    @Test func `a query, and an answer cut short, are no answers`() {
        #expect(outcome(message(flags: 0x01)) == .failed(.malformed))
        #expect(outcome(message(flags: 0x83, answers: 1, record(type: 1, [1, 2, 3, 4]))) == .failed(.malformed))
    }

    @Test func `an answer over the limit is refused, records over theirs are left out`() {
        var limits = Limits()
        limits.dnsAnswerBytes = 60
        let large = message(answers: 1, record(type: 16, [UInt8](repeating: 0, count: 100)))
        #expect(outcome(large, limits: limits) == .failed(.tooLong(bytes: large.count, limit: 60)))
        limits = Limits()
        limits.dnsRecordsPerAnswer = 2
        let many = message(answers: 3, (1...3).flatMap { record(type: 1, [192, 0, 2, UInt8($0)]) })
        guard case .records(let records) = outcome(many, limits: limits) else { return }
        #expect(records.count == 2)
    }
}
