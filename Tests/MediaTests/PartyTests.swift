import Media
import Primitives
import RTP
import Testing

/// Somebody takes another one's place on a side: figures, beliefs and names are nobody's but theirs.
@Suite struct PartyTests {
    private let voice = [UInt8](repeating: 0x55, count: 160)
    private static let id = MediaSessionID(1)

    private func talking() throws -> SessionHarness {
        var harness = SessionHarness()
        try configure(&harness, .a, party: 0)
        try configure(&harness, .b, party: 1)
        for index in 0..<50 {
            harness.advance(20)
            if index % 5 != 2 { _ = harness.receive(voice, sequence: index, timestamp: index * 160, on: .b) }
            _ = harness.receive(voice, sequence: index, timestamp: index * 160, ssrc: 8, on: .a)
        }
        return harness
    }

    private func configure(
        _ harness: inout SessionHarness, _ side: MediaSide, party: Int?, remote: Endpoint? = nil
    ) throws {
        var description = MediaStreamDescription(
            remote: remote ?? SessionHarness.peer(side), codec: .pcmu, payloadType: 0)
        description.party = party
        try harness.session.configure(side, description, entropy: &harness.entropy, at: harness.now)
    }

    private func figures(_ events: [MediaEvent]) -> [(a: StreamStatistics, b: StreamStatistics)] {
        events.compactMap { if case .figures(_, let a, let b) = $0 { (a, b) } else { nil } }
    }

    @Test func `the last figures of who leaves are told, and the successor's begin at nothing`() throws {
        var harness = try talking()
        try configure(&harness, .b, party: 2, remote: Endpoint("192.0.2.9:6000")!)
        #expect(try #require(harness.session.nextDeadline) <= harness.now)
        _ = harness.deadline()
        let told = figures(harness.session.takeEvents(at: harness.now))
        let last = try #require(told.first)
        #expect(last.b.party == 1 && last.b.packetsReceived == 40 && last.b.packetsLost == 10)
        #expect(last.b.packetsSent == 50 && last.b.received != nil)
        #expect(last.a.party == 0 && last.a.packetsReceived == 50)
        let new = harness.session.statistics(of: .b)
        #expect(new.party == 2 && new.packetsReceived == 0 && new.packetsLost == 0 && new.packetsSent == 0)
        #expect(new.received == nil && new.jitterMilliseconds == 0)
        // Who stays keeps theirs.
        #expect(harness.session.statistics(of: .a).packetsReceived == 50)
        #expect(harness.session.takeDepartures().isEmpty, "told once")
    }

    @Test func `figures of who has left are not lost when the session is closed at once`() throws {
        var harness = try talking()
        try configure(&harness, .b, party: 2)
        var batch = PacketBatch()
        harness.session.close(at: harness.now, output: &batch)
        let departed = figures(harness.session.takeDepartures())
        #expect(departed.map(\.b.party) == [1])
    }

    @Test func `the successor does not learn who was there by source or name`() throws {
        var harness = try talking()
        let before = harness.receive(voice, sequence: 50, timestamp: 8_000, ssrc: 8, on: .a)
        try configure(&harness, .b, party: 2)
        let after = harness.receive(voice, sequence: 51, timestamp: 8_160, ssrc: 8, on: .a)
        #expect(try #require(before.first).header.ssrc != #require(after.first).header.ssrc)
        let back = harness.receive(voice, sequence: 50, timestamp: 8_000, on: .b)
        #expect(back.first?.header.sequence != nil, "and what it says goes on where the other one was heard")
    }

    @Test func `a source that was believed for one party is not for the next`() throws {
        var harness = SessionHarness()
        try configure(&harness, .a, party: 0)
        var behind = MediaStreamDescription(
            remote: SessionHarness.peer(.b), codec: .pcmu, payloadType: 0, signallingAddress: .v4(0xC633_6401))
        behind.party = 1
        try harness.session.configure(.b, behind, entropy: &harness.entropy, at: harness.now)
        let translated = Endpoint("198.51.100.1:7000")!
        for index in 0..<100 {
            harness.advance(20)
            _ = harness.receive(voice, sequence: index, timestamp: index * 160, on: .b, from: translated)
        }
        let learned = harness.receive(voice, sequence: 0, timestamp: 0, ssrc: 8, on: .a)
        #expect(learned.first?.destination == translated)
        try configure(&harness, .b, party: 2)
        let next = harness.receive(voice, sequence: 1, timestamp: 160, ssrc: 8, on: .a)
        #expect(next.first?.destination == SessionHarness.peer(.b))
    }

    @Test(arguments: [nil, 1])
    func `another description of the same party goes on counting`(party: Int?) throws {
        var harness = SessionHarness()
        try configure(&harness, .a, party: party.map { _ in 0 })
        try configure(&harness, .b, party: party)
        _ = harness.receive(voice, sequence: 0, timestamp: 0, on: .b)
        try configure(&harness, .b, party: party, remote: Endpoint("192.0.2.9:6000")!)
        _ = harness.receive(voice, sequence: 1, timestamp: 160, on: .b, from: Endpoint("192.0.2.9:6000")!)
        #expect(harness.session.statistics(of: .b).packetsReceived == 2)
        #expect(harness.session.takeDepartures().isEmpty)
    }

    @Test func `who takes the place of a silent party has time to speak`() throws {
        var harness = try talking()
        #expect(harness.watch(seconds: 6).contains(.audioPath(Self.id, .b, .absent(.noPackets))))
        #expect(harness.session.statistics(of: .b).path == .absent(.noPackets))
        try configure(&harness, .b, party: 2)
        #expect(harness.session.statistics(of: .b).path == .flowing)
        #expect(!harness.watch(seconds: 4).contains(.audioPath(Self.id, .b, .absent(.noPackets))))
        #expect(harness.watch(seconds: 3).contains(.audioPath(Self.id, .b, .absent(.noPackets))))
    }
}
