import CallControl
import CloudMessages
import Media
import Primitives
import RTP
import Testing

/// What the media workers tell during a call, as an administrator and the record see it.
@Suite struct MediaFiguresTests {
    private let desk = Desk()
    private static let id = MediaSessionID(1)

    @Test func `a side that is not heard stands beside the call until it is heard`() throws {
        let (a, b) = try desk.talk()
        let world = desk.world
        #expect(world.control.snapshots(at: world.now).first?.trouble == [])
        world.tell(.audioPath(Self.id, .b, .absent(.noPackets)))
        #expect(world.count("media.one-way") == 1)
        let trouble = try #require(world.control.snapshots(at: world.now).first?.trouble)
        #expect(trouble.count == 1 && trouble[0].contains("sends nothing that arrives"))
        world.tell(.audioPath(Self.id, .a, .absent(.notAuthentic)))
        #expect(world.count("media.no-way") == 1 && world.count("media.one-way") == 1)
        world.tell(.audioPath(Self.id, .b, .held))
        world.tell(.audioPath(Self.id, .a, .flowing))
        #expect(world.control.snapshots(at: world.now).first?.trouble == [])
        try a.bye()
        _ = try b.takeBye()
        world.expectNothingLeft()
    }

    @Test func `figures reach the list of calls at once and the record in the end`() throws {
        let (a, b) = try desk.talk()
        let world = desk.world
        #expect(world.control.snapshots(at: world.now).first?.quality == [])
        var figures = StreamStatistics()
        figures.packetsReceived = 250
        figures.packetsDiscarded = 3
        figures.roundTripMilliseconds = 12.5
        figures.received = VoiceQuality(CallQuality(.g711, CallQuality.Conditions()))
        world.tell(.figures(Self.id, a: figures, b: StreamStatistics()))
        let live = try #require(world.control.snapshots(at: world.now).first?.quality.first)
        #expect(live.packetsReceived == 250 && live.packetsDiscarded == 3 && live.roundTripMilliseconds == 12.5)
        #expect((live.opinionReceived ?? 0) > 4.4 && live.opinionSent == nil)
        figures.packetsReceived = 500
        world.finalFigures = figures
        try a.bye()
        _ = try b.takeBye()
        #expect(world.records.first?.quality.first?.packetsReceived == 500)
        #expect(world.records.first?.quality.first?.opinionReceived == live.opinionReceived)
        world.expectNothingLeft()
    }

    @Test func `nobody is missed before the answer`() throws {
        _ = desk.ada.invite()
        desk.world.tell(.audioPath(Self.id, .a, .absent(.noPackets)))
        #expect(desk.world.count("media.one-way") == 0)
        #expect(desk.world.control.snapshots(at: desk.world.now).first?.trouble == [])
    }
}
