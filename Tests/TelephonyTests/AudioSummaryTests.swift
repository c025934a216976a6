import ApplianceCore
import CloudMessages
import Media
import Primitives
import SIPMessage
import Testing

/// How calls sound, as the list of calls, the status and the metrics have it.
@Suite struct AudioSummaryTests {
    private func figures(party: Int, loss: Double) -> StreamStatistics {
        var figures = StreamStatistics()
        figures.party = party
        figures.packetsReceived = 1_000 - UInt64(loss * 1_000)
        figures.packetsLost = UInt64(loss * 1_000)
        figures.jitterMilliseconds = 4
        figures.roundTripMilliseconds = 60
        figures.received = VoiceQuality(CallQuality(.g711, CallQuality.Conditions(lossFraction: loss)))
        return figures
    }

    @Test func `a running call says who hears whom and how`() throws {
        let pair = try Pair()
        let world = pair.world
        let (a, _) = try pair.talk()
        let quiet = world.telephony.audio(at: world.now)
        #expect(quiet == AudioSummary(), "no media, no figures")
        world.feed(.media(.figures(MediaSessionID(1), a: figures(party: 0, loss: 0), b: figures(party: 1, loss: 0.05))))
        world.feed(.media(.audioPath(MediaSessionID(1), .b, .absent(.notAuthentic))))
        let call = try #require(world.telephony.calls(at: world.now).first)
        #expect(call.legs.map(\.party) == ["100", "101"] && call.trouble.count == 1)
        let audio = world.telephony.audio(at: world.now)
        #expect(audio.legs == 2 && audio.unheard == 1)
        let opinions = call.legs.compactMap(\.opinionReceived)
        #expect(audio.meanOpinion == (opinions[0] + opinions[1]) / 2)
        #expect(audio.ended.opinionReceived.count == 0)
        #expect(try a.request(.bye).status == 200)
        let after = world.telephony.audio(at: world.now)
        #expect(after.legs == 0 && after.unheard == 0 && after.meanOpinion == nil)
        #expect(after.ended.opinionReceived.count == 2 && after.ended.opinionSent.count == 0)
        #expect(after.ended.lossFraction.cumulative.map(\.count) == [1, 1, 1, 1, 1, 2, 2, 2])
        #expect(after.ended.roundTripSeconds.sum == 0.12 && after.ended.jitterSeconds.count == 2)
        world.expectEverythingEnded()
    }
}
