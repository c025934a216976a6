import CallControl
import CloudMessages
import Media
import Primitives
import SIPMessage
import Testing

/// Figures belong to the leg that had them, whoever comes after it.
@Suite struct TransferFiguresTests {
    private let world = Switchboard()
    private let ada: TestPhone
    private let bob: TestPhone
    private let cleo: TestPhone

    init() {
        ada = world.phone("100", port: 40_000)
        bob = world.phone("101", port: 40_100)
        cleo = world.phone("102", port: 40_200)
    }

    private func figures(of party: Int?, received: UInt64, path: AudioPath = .flowing) -> StreamStatistics {
        var figures = StreamStatistics()
        figures.party = party
        figures.packetsReceived = received
        figures.path = path
        return figures
    }

    private func tell(_ a: StreamStatistics, _ b: StreamStatistics, of call: UInt64 = 1) {
        world.feed(.figures(MediaSessionID(call), a: a, b: b))
    }

    private var live: CallSnapshot? { world.control.snapshots(at: world.now).first }

    @Test func `a transferred leg's figures stay its own, also when its last ones come late`() throws {
        let call = try ada.call(bob)
        #expect(world.stream(.a)?.party == 0 && world.stream(.b)?.party == 1)
        tell(figures(of: 0, received: 10), figures(of: 1, received: 20))
        world.feed(.audioPath(MediaSessionID(1), .b, .absent(.noPackets)))
        #expect(live?.trouble.count == 1)
        _ = try call.far.refer(to: "102")
        _ = try call.far.takeNotify()
        let far = try cleo.answer()
        _ = try call.far.takeNotify()
        try call.far.takeBye()
        #expect(world.stream(.b)?.party == 2)
        #expect(live?.quality.map(\.party) == ["100"], "nothing is known of who has just come")
        #expect(live?.trouble == [], "nor was it Cleo who was not heard")
        tell(figures(of: 0, received: 30), figures(of: 1, received: 25))  // was on its way
        tell(figures(of: 0, received: 40), figures(of: 2, received: 5))
        #expect(live?.quality.map(\.packetsReceived) == [40, 5])
        try far.hangUp()
        try call.near.takeBye()
        let record = try #require(world.records.first)
        #expect(record.quality.map(\.party) == ["100", "101", "102"])
        #expect(record.quality.map(\.packetsReceived) == [40, 25, 5])
        #expect(record.quality.map { $0.trouble != nil } == [false, true, false])
        world.expectNothingLeft()
    }

    @Test func `who moves into another call has figures in both, each with its own`() throws {
        let first = try ada.call(bob)
        let second = try bob.call(cleo, callID: "consult")
        tell(figures(of: 0, received: 10), figures(of: 1, received: 20))
        tell(figures(of: 0, received: 30), figures(of: 1, received: 40), of: 2)
        _ = try first.far.refer(to: second.near)
        _ = try first.far.takeNotify()
        _ = try first.far.takeNotify()
        try second.near.takeBye()
        try first.far.takeBye()
        _ = try second.far.takeReinvite()
        let other = try #require(world.records.first, "the consultation is over")
        #expect(other.quality.map(\.party) == ["101", "102"] && other.quality.map(\.packetsReceived) == [30, 40])
        #expect(world.stream(.b)?.party == 2)
        tell(figures(of: 0, received: 15), figures(of: 2, received: 7))
        #expect(live?.quality.map(\.party) == ["100", "102"] && live?.quality.map(\.packetsReceived) == [15, 7])
        try second.far.hangUp()
        try first.near.takeBye()
        #expect(world.records.last?.quality.map(\.packetsReceived) == [15, 20, 7])
        world.expectNothingLeft()
    }

    @Test func `a number of a leg that is not there, or is on the other side, is nobody's`() throws {
        let call = try ada.call(bob)
        tell(figures(of: 1, received: 10), figures(of: 9, received: 20))
        #expect(live?.quality.isEmpty == true)
        try call.near.hangUp()
        try call.far.takeBye()
        world.expectNothingLeft()
    }
}
