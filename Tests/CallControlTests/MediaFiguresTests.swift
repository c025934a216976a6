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
        #expect(trouble.count == 1 && trouble[0].hasPrefix("101 is not heard: it sends nothing that arrives;"))
        #expect(world.count("media.unheard-no-packets") == 1)
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

    @Test func `what nobody has measured is nil, not zero`() throws {
        let (a, b) = try desk.talk()
        desk.world.tell(.figures(Self.id, a: Self.figures(of: nil, received: 0), b: StreamStatistics()))
        let live = try #require(desk.world.control.snapshots(at: desk.world.now).first)
        #expect(live.quality.map(\.party) == ["100", "101"])
        for leg in live.quality {
            #expect(leg.lossFraction == nil && leg.opinionReceived == nil && leg.opinionSent == nil)
            #expect(leg.roundTripMilliseconds == nil && leg.peerLossFraction == nil)
            #expect(leg.peerJitterMilliseconds == nil && leg.peerDiscardFraction == nil)
        }
        try a.bye()
        _ = try b.takeBye()
        desk.world.expectNothingLeft()
    }

    @Test func `a call that nobody answers has no figures`() throws {
        desk.world.finalFigures = Self.figures(of: 0, received: 3)
        _ = desk.ada.invite()
        desk.world.advance(by: .seconds(70))
        #expect(desk.world.records.map(\.quality) == [[]])
    }

    @Test func `workers that have forgotten the session take no figures back`() throws {
        let (a, b) = try desk.talk()
        desk.world.tell(.figures(Self.id, a: Self.figures(of: 0, received: 10), b: StreamStatistics()))
        try a.bye()
        _ = try b.takeBye()
        #expect(desk.world.records.first?.quality.first?.packetsReceived == 10)
        desk.world.expectNothingLeft()
    }

    @Test func `what the peer reports stands beside what came from it`() throws {
        let (a, b) = try desk.talk()
        var figures = Self.figures(of: 1, received: 99)
        figures.packetsLost = 1
        figures.packetsSent = 200
        figures.peerPacketsLost = 10
        figures.peerJitterMilliseconds = 3
        var metrics = VoIPMetrics(ssrc: 1)
        metrics.mosConversational = 31
        metrics.discardRate = 64
        figures.peerMetrics = metrics
        figures.sent = VoiceQuality(metrics)
        desk.world.tell(.figures(Self.id, a: StreamStatistics(), b: figures))
        let leg = try #require(desk.world.control.snapshots(at: desk.world.now).first?.quality.last)
        #expect(leg.party == "101" && leg.lossFraction == 0.01 && leg.peerLossFraction == 0.05)
        #expect(leg.peerDiscardFraction == 0.25)
        #expect(leg.peerJitterMilliseconds == 3 && leg.opinionSent == 3.1 && leg.isOpinionReported)
        #expect(leg.audioPath == "heard" && leg.trouble == nil)
        try a.bye()
        _ = try b.takeBye()
        desk.world.expectNothingLeft()
    }

    @Test func `the record says who was not heard, in the end and before`() throws {
        let (a, b) = try desk.talk()
        let world = desk.world
        let stranger = try #require(Endpoint("10.0.0.9:4000"))
        world.tell(.audioPath(Self.id, .b, .absent(.refusedSource(stranger))))
        world.tell(.audioPath(Self.id, .a, .absent(.noPackets)))
        world.tell(.figures(Self.id, a: Self.figures(of: nil, received: 1), b: Self.figures(of: nil, received: 1)))
        world.tell(.audioPath(Self.id, .b, .flowing))
        try a.bye()
        _ = try b.takeBye()
        let legs = try #require(world.records.first?.quality)
        #expect(legs.map(\.audioPath) == ["no-packets", "heard"])
        #expect(legs[1].trouble?.contains("10.0.0.9:4000") == true, "it is over, and was there")
        world.expectNothingLeft()
    }

    @Test func `a silence that began before the answer is told when nobody has spoken by then`() throws {
        let (a, b) = try desk.talk()
        let world = desk.world
        var figures = Self.figures(of: 1, received: 0)
        figures.packetsSent = 50
        figures.path = .absent(.noPackets)
        world.tell(.figures(Self.id, a: StreamStatistics(), b: figures))
        #expect(world.control.snapshots(at: world.now).first?.trouble == [], "it has only just answered")
        world.advance(by: .seconds(5))
        world.tell(.figures(Self.id, a: StreamStatistics(), b: figures))
        #expect(world.control.snapshots(at: world.now).first?.trouble.count == 1)
        #expect(world.count("media.one-way") == 1)
        figures.path = .flowing
        world.tell(.figures(Self.id, a: StreamStatistics(), b: figures))
        #expect(world.control.snapshots(at: world.now).first?.trouble == [])
        try a.bye()
        _ = try b.takeBye()
        world.expectNothingLeft()
    }

    fileprivate static func figures(of party: Int?, received: UInt64) -> StreamStatistics {
        var figures = StreamStatistics()
        figures.party = party
        figures.packetsReceived = received
        return figures
    }

    @Test func `nobody is missed before the answer`() throws {
        _ = desk.ada.invite()
        desk.world.tell(.audioPath(Self.id, .a, .absent(.noPackets)))
        #expect(desk.world.count("media.one-way") == 0)
        #expect(desk.world.control.snapshots(at: desk.world.now).first?.trouble == [])
    }
}
