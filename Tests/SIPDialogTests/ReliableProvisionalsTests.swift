import Primitives
import SIPDialog
import SIPMessage
import Testing

struct ReliableProvisionalsTests {
    typealias Machine = ReliableProvisionals
    typealias Effect = ReliableProvisionals.Effect

    static let invite = CSeq(number: 7, method: .invite)

    static func machine(seed: UInt64 = 1) -> Machine {
        var entropy = Entropy(SeededGenerator(seed: seed))
        return Machine(invite: invite, entropy: &entropy)
    }

    static func made(_ status: Int, described: Bool = false) -> SIPResponse {
        SIPResponse(status: status, reason: "Test", body: described ? [0x76] : [])
    }

    static func rack(_ effects: [Effect]) throws -> RAck {
        for case .send(let response) in effects {
            guard let number = try response.rseq() else { continue }
            return RAck(rseq: number, number: 7, method: .invite)
        }
        throw UnexpectedMessage()
    }

    static func statuses(_ effects: [Effect]) -> [String] {
        effects.map {
            switch $0 {
            case .send(let response): "send \(response.status)"
            case .acknowledged(let response): "acknowledged \(response.status)"
            case .unmatched: "unmatched"
            case .gaveUp: "gave up"
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func `RSeq begins between 1 and 2^31 - 1 and grows by one`(seed: UInt64) throws {
        var machine = Self.machine(seed: seed)
        let first = machine.provisional(Self.made(183), at: .origin)
        let rack = try Self.rack(first)
        #expect((1...0x7FFF_FFFF).contains(rack.rseq))
        _ = machine.prack(rack, at: seconds(1))
        #expect(try Self.rack(machine.provisional(Self.made(180), at: seconds(1))).rseq == rack.rseq + 1)
    }

    @Test func `a reliable response asks for 100rel, beside what it requires already`() throws {
        var machine = Self.machine()
        var response = Self.made(183)
        response.headers.append(.require, "precondition")
        guard case .send(let sent)? = machine.provisional(response, at: .origin).first else {
            Issue.record("nothing sent")
            return
        }
        #expect(sent.headers.all(.require) == ["precondition, 100rel"])
    }

    @Test func `it is repeated from T1 on, doubling without bound, until 64 T1 ends it`() {
        var machine = Self.machine()
        let sent = machine.provisional(Self.made(183), at: .origin)
        var repeated: [Int64] = []
        while let due = machine.nextDeadline {
            let effects = machine.handleDeadline(at: due)
            if effects == [.gaveUp] { break }
            #expect(effects == sent)
            repeated.append(due.nanoseconds / 1_000_000)
        }
        #expect(repeated == [500, 1_500, 3_500, 7_500, 15_500, 31_500])
        #expect(machine.nextDeadline == nil)
        #expect(Self.statuses(machine.final(Self.made(504))) == ["send 504"])
    }

    @Test func `an early wake-up changes nothing`() {
        var machine = Self.machine()
        #expect(machine.handleDeadline(at: .origin).isEmpty)
        _ = machine.provisional(Self.made(183), at: .origin)
        #expect(machine.handleDeadline(at: Instant(nanoseconds: 499_999_999)).isEmpty)
    }

    @Test(
        arguments: [
            ("another number", RAck(rseq: 0, number: 7, method: .invite)),
            ("another CSeq", RAck(rseq: 1, number: 8, method: .invite)),
            ("another method", RAck(rseq: 1, number: 7, method: .update)),
        ])
    func `a PRACK for something else is unmatched`(name: String, rack: RAck) throws {
        var machine = Self.machine()
        var right = try Self.rack(machine.provisional(Self.made(183), at: .origin))
        right.number = rack.number
        right.method = rack.method
        if rack.rseq == 0 { right.rseq += 1 }
        #expect(machine.prack(right, at: .origin) == [.unmatched], "\(name)")
        #expect(machine.awaitsAcknowledgement)
    }

    @Test func `a PRACK is taken once`() throws {
        var machine = Self.machine()
        let rack = try Self.rack(machine.provisional(Self.made(183), at: .origin))
        #expect(Self.statuses(machine.prack(rack, at: .origin)) == ["acknowledged 183"])
        #expect(machine.nextDeadline == nil)
        #expect(machine.prack(rack, at: .origin) == [.unmatched])
    }

    @Test func `one at a time: the next waits for the PRACK of the one before`() throws {
        var machine = Self.machine()
        let first = machine.provisional(Self.made(183, described: true), at: .origin)
        #expect(machine.provisional(Self.made(180), at: .origin).isEmpty)
        let effects = machine.prack(try Self.rack(first), at: seconds(1))
        #expect(Self.statuses(effects) == ["acknowledged 183", "send 180"])
        #expect(machine.nextDeadline == Instant(nanoseconds: 1_500_000_000))
    }

    @Test func `what waits is bounded, and descriptions give way last`() throws {
        var machine = Self.machine()
        var effects = machine.provisional(Self.made(183, described: true), at: .origin)
        for status in 101...(101 + Machine.waitingLimit) {
            _ = machine.provisional(Self.made(status, described: status == 101), at: .origin)
        }
        var sent: [String] = []
        while let rack = try? Self.rack(effects) {
            effects = machine.prack(rack, at: .origin)
            sent += Self.statuses(effects).filter { $0.hasPrefix("send") }
        }
        #expect(sent == [101, 103, 104, 105, 106, 107, 108, 109].map { "send \($0)" })
    }

    struct FinalRow: CustomTestStringConvertible {
        let described: Bool
        let status: Int
        let isHeld: Bool
        var testDescription: String { "\(status), unacknowledged description: \(described)" }
    }

    @Test(arguments: [
        FinalRow(described: false, status: 200, isHeld: false), FinalRow(described: true, status: 200, isHeld: true),
        FinalRow(described: true, status: 486, isHeld: false), FinalRow(described: false, status: 486, isHeld: false),
    ])
    func `a 2xx waits until a description is acknowledged, nothing else waits`(row: FinalRow) throws {
        var machine = Self.machine()
        let rack = try Self.rack(machine.provisional(Self.made(183, described: row.described), at: .origin))
        let effects = machine.final(Self.made(row.status))
        #expect(effects.isEmpty == row.isHeld)
        #expect((machine.nextDeadline != nil) == row.isHeld)  // no repetition after the final response
        #expect(machine.provisional(Self.made(180), at: .origin).isEmpty)
        // The PRACK is still taken.
        let last = Self.statuses(machine.prack(rack, at: seconds(1)))
        #expect(last == ["acknowledged 183"] + (row.isHeld ? ["send \(row.status)"] : []))
        #expect(machine.final(Self.made(500)).isEmpty)
    }

    @Test func `a held 2xx follows the descriptions that wait, and drops what comes after them`() throws {
        var machine = Self.machine()
        var effects = machine.provisional(Self.made(180), at: .origin)
        _ = machine.provisional(Self.made(183, described: true), at: .origin)
        _ = machine.provisional(Self.made(181), at: .origin)
        #expect(machine.final(Self.made(200)).isEmpty)
        effects = machine.prack(try Self.rack(effects), at: .origin)
        #expect(Self.statuses(effects) == ["acknowledged 180", "send 183"])
        #expect(Self.statuses(machine.prack(try Self.rack(effects), at: .origin)) == ["acknowledged 183", "send 200"])
    }

    @Test(arguments: [100, 200, 486]) func `only 101 to 199 are sent reliably`(status: Int) {
        var machine = Self.machine()
        #expect(machine.provisional(Self.made(status), at: .origin).isEmpty)
    }
}

struct ProvisionalAcknowledgementsTests {
    static func reliable(_ number: Int, tag: String? = "b1", status: Int = 183) throws -> SIPResponse {
        var made = response(status, to: try invite(), tag: tag)
        made.headers.append(.require, "100rel")
        made.headers.append(.rseq, String(number))
        return made
    }

    @Test func `each in its order is acknowledged, repetitions and gaps are not`() throws {
        var machine = ProvisionalAcknowledgements()
        for (number, expected) in [
            (9, .acknowledge(RAck(rseq: 9, number: 7, method: .invite))), (9, .repeated), (8, .repeated),
            (11, .outOfOrder), (10, .acknowledge(RAck(rseq: 10, number: 7, method: .invite))),
            (11, .acknowledge(RAck(rseq: 11, number: 7, method: .invite))),
        ] as [(Int, ProvisionalAcknowledgements.Verdict)] {
            #expect(machine.receive(try Self.reliable(number)) == expected)
        }
    }

    @Test func `forks count by themselves, up to a limit`() throws {
        var machine = ProvisionalAcknowledgements()
        for fork in 0..<ProvisionalAcknowledgements.forkLimit {
            let verdict = machine.receive(try Self.reliable(100 + fork, tag: "t\(fork)"))
            #expect(verdict == .acknowledge(RAck(rseq: UInt32(100 + fork), number: 7, method: .invite)))
        }
        #expect(machine.receive(try Self.reliable(5, tag: "late")) == .outOfOrder)
    }

    @Test func `what asks for no PRACK gets none`() throws {
        var machine = ProvisionalAcknowledgements()
        #expect(machine.receive(response(180, to: try invite())) == .unreliable)
        #expect(machine.receive(try Self.reliable(1, status: 100)) == .unreliable)
        #expect(machine.receive(try Self.reliable(1, status: 200)) == .unreliable)
    }

    @Test(arguments: ["0", "x", "", "4294967296", "1 2"])
    func `an RSeq that cannot be is not acknowledged`(value: String) throws {
        var machine = ProvisionalAcknowledgements()
        var bad = try Self.reliable(1)
        bad.headers.set(.rseq, value)
        #expect(machine.receive(bad) == .outOfOrder)
        #expect(machine.receive(try Self.reliable(1, tag: nil)) == .outOfOrder)
    }

    @Test func `the largest RSeq has no successor`() throws {
        var machine = ProvisionalAcknowledgements()
        let largest = Int(UInt32.max)
        #expect(
            machine.receive(try Self.reliable(largest))
                == .acknowledge(RAck(rseq: .max, number: 7, method: .invite)))
        #expect(machine.receive(try Self.reliable(largest)) == .repeated)
    }
}
