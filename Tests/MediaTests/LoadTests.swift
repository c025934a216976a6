import Media
import Primitives
import RTP
import Testing

/// What sessions cost, how much there is, and whether a worker keeps up.
@Suite struct LoadTests {
    private static let costs = MediaCosts(
        packet: .microseconds(10), protectedPacket: .microseconds(5),
        decode: .init(g711: .microseconds(100), g722: .milliseconds(1), opus: .milliseconds(2)),
        encode: .init(g711: .microseconds(200), g722: .milliseconds(2), opus: .milliseconds(6)))
    private let session = MediaSessionID(1)

    /// The slot that the session has in `graph()`.
    private let slot = 0

    private func graph() -> MediaGraph {
        var graph = MediaGraph(
            codecs: BuiltInCodecs(), protection: NoProtection(), entropy: Entropy(SeededGenerator(seed: 1)))
        let opened = graph.open(session, at: .origin)
        #expect(opened == slot)
        return graph
    }

    private struct Missing: Error {}

    private func work(_ graph: borrowing MediaGraph) throws -> (work: MediaWork, isDescribed: Bool) {
        guard let found = graph.work(ofSlot: slot) else { throw Missing() }
        return found
    }

    private struct NoProtection: PacketProtection {
        final class Half: PacketProtector, PacketUnprotector {
            func protectRTP(_ packet: UnsafeMutableRawBufferPointer, size: Int) -> Int { size }
            func protectRTCP(_ packet: UnsafeMutableRawBufferPointer, size: Int) -> Int { size }
            func unprotectRTP(_ packet: UnsafeMutableRawBufferPointer) -> Int { packet.count }
            func unprotectRTCP(_ packet: UnsafeMutableRawBufferPointer) -> Int { packet.count }
        }
        func makeProtector(_ key: SRTPMasterKey) -> any PacketProtector { Half() }
        func makeUnprotector(_ key: SRTPMasterKey) -> any PacketUnprotector { Half() }
    }

    private func description(
        _ codec: AudioCodec, ptime: Int = 20, key: SRTPMasterKey? = nil, receives: Bool = true
    ) -> MediaStreamDescription {
        MediaStreamDescription(
            remote: Endpoint("192.0.2.1:4000"), codec: codec, payloadType: codec.staticPayloadType ?? 111,
            ptime: .milliseconds(ptime), receives: receives, sendKey: key, receiveKey: key)
    }

    // MARK: What a session does

    @Test func `a session that is not described yet does nothing that is known`() throws {
        var graph = graph()
        let (work, isDescribed) = try self.work(graph)
        #expect(work == MediaWork() && !isDescribed)
        graph.handle(.configure(session, .a, description(.pcmu)), at: .origin)
        let isKnown = try self.work(graph).isDescribed
        #expect(!isKnown)
        let isThere = graph.work(ofSlot: slot + 1) != nil
        #expect(!isThere)
    }

    @Test func `a relayed session receives and sends`() throws {
        var graph = graph()
        graph.handle(.configure(session, .a, description(.pcmu)), at: .origin)
        graph.handle(.configure(session, .b, description(.pcmu)), at: .origin)
        let (work, isDescribed) = try self.work(graph)
        #expect(work == .relayed && isDescribed)
        #expect(Self.costs.time(of: .relayed) == .milliseconds(1))
    }

    @Test func `short packets cost more, and what is not taken costs nothing`() throws {
        var graph = graph()
        graph.handle(.configure(session, .a, description(.opus, ptime: 10)), at: .origin)
        graph.handle(.configure(session, .b, description(.opus, ptime: 40, receives: false)), at: .origin)
        var work = MediaWork()
        work.packets = 100
        let found = try self.work(graph).work
        #expect(found == work)
    }

    @Test func `each direction between two codecs is decoded and encoded`() throws {
        var graph = graph()
        graph.handle(.configure(session, .a, description(.g722)), at: .origin)
        graph.handle(.configure(session, .b, description(.pcma)), at: .origin)
        var work = MediaWork.relayed
        work.decoded = .init(g711: 1, g722: 1)
        work.encoded = .init(g711: 1, g722: 1)
        let found = try self.work(graph).work
        #expect(found == work)
        #expect(Self.costs.time(of: work) == .microseconds(1_000 + 1_100 + 2_200))
        #expect(Self.costs.time(of: .transcoded) == .microseconds(1_000 + 2_100 + 6_200))
    }

    @Test func `protected packets cost what they are encrypted and decrypted with`() throws {
        var graph = graph()
        var entropy = Entropy(SeededGenerator(seed: 2))
        let key = SRTPMasterKey(suite: .aeadAES128GCM, entropy: &entropy)
        graph.handle(.configure(session, .a, description(.pcmu, key: key)), at: .origin)
        graph.handle(.configure(session, .b, description(.pcmu)), at: .origin)
        let work = try self.work(graph).work
        #expect(work.packets == 100 && work.protectedPackets == 100)
        #expect(Self.costs.time(of: work) == .microseconds(1_500))
    }

    @Test func `a side in a room is decoded and encoded for itself`() throws {
        var graph = graph()
        graph.handle(.configure(session, .a, description(.g722)), at: .origin)
        graph.handle(.hear(session, .a, .room(RoomID(1), RoomParticipation())), at: .origin)
        let (work, isDescribed) = try self.work(graph)
        #expect(isDescribed && work.decoded == .init(g722: 1) && work.encoded == .init(g722: 1))
    }

    // MARK: The budget

    @Test(arguments: [(2, 70, 1_400), (4, 50, 2_000), (1, 100, 1_000), (0, 70, 700), (4, -1, 0)])
    func `media may take a share of the cores`(cores: Int, percent: Int, milliseconds: Int) {
        #expect(MediaBudget(cores: cores, percent: percent).capacity == .milliseconds(milliseconds))
    }

    @Test func `the session that would take more than is left is refused, and told how much is missing`() throws {
        var budget = MediaBudget(cores: 1, percent: 1)
        for _ in 0..<3 { try budget.charge(.milliseconds(3), insteadOf: .zero, mayBeRefused: true) }
        #expect(throws: MediaFailure.overBudget(needed: .milliseconds(2), left: .milliseconds(1))) {
            try budget.charge(.milliseconds(2), insteadOf: .zero, mayBeRefused: true)
        }
        #expect(budget.charged == .milliseconds(9) && budget.refusedSessions == 1)
        try budget.charge(.milliseconds(1), insteadOf: .zero, mayBeRefused: true)
        #expect(budget.left == .zero)
        budget.release(.milliseconds(3))
        #expect(budget.left == .milliseconds(3))
    }

    @Test func `a session that comes to cost more is refused by the difference`() throws {
        var budget = MediaBudget(cores: 1, percent: 1)
        try budget.charge(.milliseconds(4), insteadOf: .zero, mayBeRefused: true)
        try budget.charge(.milliseconds(4), insteadOf: .zero, mayBeRefused: true)
        #expect(throws: MediaFailure.overBudget(needed: .milliseconds(3), left: .milliseconds(2))) {
            try budget.charge(.milliseconds(7), insteadOf: .milliseconds(4), mayBeRefused: true)
        }
        try budget.charge(.milliseconds(6), insteadOf: .milliseconds(4), mayBeRefused: true)
        #expect(budget.charged == .milliseconds(10))
    }

    @Test func `calls for help and changes in mid-call are charged and never refused`() throws {
        var budget = MediaBudget(cores: 1, percent: 1)
        try budget.charge(.milliseconds(25), insteadOf: .zero, mayBeRefused: false)
        #expect(budget.charged == .milliseconds(25) && budget.left == .zero && budget.refusedSessions == 0)
        // What becomes cheaper is let through, however much is charged.
        try budget.charge(.milliseconds(20), insteadOf: .milliseconds(25), mayBeRefused: true)
        #expect(budget.charged == .milliseconds(20))
    }

    // MARK: Keeping up

    private let start = Instant.origin + .seconds(100)

    @Test func `turns that are late again and again close the door, for three seconds after the last`() {
        var pressure = MediaPressure()
        for turn in 0..<MediaPressure.lateTurns {
            #expect(!pressure.isClosed)
            pressure.turn(late: MediaPressure.late, at: start + .milliseconds(100 * turn))
        }
        #expect(pressure.isClosed)
        pressure.turn(late: .milliseconds(60), at: start + .seconds(2))
        pressure.recover(at: start + .milliseconds(4_999))
        #expect(pressure.isClosed)
        pressure.recover(at: start + .seconds(5))
        #expect(!pressure.isClosed)
        pressure.turn(late: MediaPressure.late, at: start + .seconds(5))
        #expect(!pressure.isClosed, "it counts from the beginning")
    }

    @Test func `a late turn now and then, and turns that are hardly late, change nothing`() {
        var pressure = MediaPressure()
        for second in 0..<100 {
            pressure.turn(late: .seconds(1), at: start + .milliseconds(400 * second))
            for turn in 0..<50 {
                pressure.turn(late: .milliseconds(39), at: start + .milliseconds(400 * second + turn))
            }
        }
        #expect(!pressure.isClosed)
    }

    @Test func `two sockets without room close the door, one alone does not`() {
        var pressure = MediaPressure()
        for second in 0..<10 {
            pressure.dropped(sockets: 1, at: start + .seconds(2 * second))
            pressure.dropped(sockets: 0, at: start + .seconds(2 * second))
        }
        #expect(!pressure.isClosed)
        pressure.dropped(sockets: 1, at: start + .milliseconds(18_500))
        #expect(pressure.isClosed)
    }
}
