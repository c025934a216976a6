import Media
import Primitives
import Testing

@Suite struct EModelTests {
    /// ITU-T G.107 section 7.7: all parameters at their defaults give R = 93.2, and annex B makes that MOS 4.41.
    @Test func `the defaults rate ninety-three point two`() {
        let rating = EModel().rating
        #expect(abs(rating - 93.2) < 0.05)
        #expect(abs(EModel.meanOpinion(rating: rating) - 4.41) < 0.005)
    }

    /// Table B.1 of ITU-T G.107: the lower limits of its five ranges, and the ends of the scale.
    @Test(
        arguments: [
            (90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1), (-20, 1), (3, 1), (6.5, 1),
            (100, 4.5), (120, 4.5),
        ])
    func `ratings become opinions`(rating: Double, opinion: Double) {
        #expect(abs(EModel.meanOpinion(rating: rating) - opinion) < 0.01)
    }

    /// The curve of ITU-T G.114 figure 1; to four places by the formulas in double precision elsewhere.
    @Test(
        arguments: [
            (0, 93.2062), (50, 91.7562), (100, 90.6637), (150, 89.5391), (200, 85.8047), (300, 72.6664),
            (400, 62.2468), (800, 42.8222),
        ])
    func `delay costs what the curve says`(milliseconds: Double, rating: Double) {
        var model = EModel()
        model.echoDelay = milliseconds
        model.roundTripDelay = 2 * milliseconds
        model.absoluteDelay = milliseconds
        #expect(abs(model.rating - rating) < 0.0001)
    }

    @Test func `every other parameter has its part`() {
        func rating(_ change: (inout EModel) -> Void) -> Double {
            var model = EModel()
            change(&model)
            return model.rating
        }
        #expect(abs(rating { $0.sendLoudness = 20 } - 75.8643) < 0.0001)
        #expect(abs(rating { $0.sendRoomNoise = 60 } - 71.5503) < 0.0001)
        #expect(abs(rating { $0.quantisationUnits = 4 } - 88.2031) < 0.0001)
        #expect(abs(rating { $0.advantage = 5 } - 98.2062) < 0.0001)
        let echo = rating {
            $0.echoDelay = 50
            $0.absoluteDelay = 50
            $0.roundTripDelay = 100
            $0.talkerEcho = 55
        }
        #expect(abs(echo - 89.9657) < 0.0001)
    }

    /// Effective impairments that G.113 appendix I lists beside the Ie and Bpl they are made of, rounded to whole units
    /// there: G.729A with VAD (11, 19.0), G.723.1 at 6.3 kbit/s with VAD (15, 16.1).
    @Test(
        arguments: [
            (11, 19.0, 0, 11), (11, 19.0, 0.5, 13), (11, 19.0, 1, 15), (11, 19.0, 2, 19), (11, 19.0, 3, 23),
            (11, 19.0, 4, 26), (11, 19.0, 8, 36), (11, 19.0, 16, 49), (15, 16.1, 1, 19), (15, 16.1, 2, 24),
            (15, 16.1, 3, 27), (15, 16.1, 8, 41),
        ])
    func `loss adds to known codecs what is listed`(ie: Double, bpl: Double, loss: Double, listed: Double) {
        var model = EModel()
        model.equipmentImpairment = ie
        model.lossRobustness = bpl
        model.lossPercent = loss
        #expect(abs(model.effectiveEquipmentImpairment - listed) < 0.81)
    }
}

@Suite struct CallQualityTests {
    private func quality(
        _ codec: CodecImpairment, loss: Double = 0, bursts: Double = 1, delay: Int = 0
    ) -> CallQuality {
        CallQuality(
            codec,
            CallQuality.Conditions(lossFraction: loss, burstRatio: bursts, oneWayDelay: .milliseconds(delay)))
    }

    @Test func `every codec has its row`() {
        #expect(CodecImpairment(.pcmu) == .g711 && CodecImpairment(.pcma) == .g711)
        #expect(CodecImpairment(.g722) == .g722 && CodecImpairment(.opus) == .opus)
        #expect(CodecImpairment.g711.impairment == 0 && CodecImpairment.g711.lossRobustness == 25.1)
        #expect(CodecImpairment.g711WithoutConcealment.lossRobustness == 4.3)
        #expect(CodecImpairment.g722.band == .wideband && CodecImpairment.g722.impairment == 13)
        #expect(CodecImpairment.opus.band == .fullband)
    }

    @Test func `undisturbed, a codec rates its best less its impairment`() {
        #expect(abs(quality(.g711).rating - 93.2062) < 0.0001)
        #expect(abs(quality(.g711).mosConversational - 4.409) < 0.001)
        #expect(quality(.g722).rating == 116)
        #expect(abs(quality(.g722).mosConversational - 4.34) < 0.01)
        #expect(abs(quality(.opus).rating - 127.8) < 0.0001)
        #expect((86...87).contains(quality(.opus).rFactor))
    }

    /// G.107 equation 7-29 by hand: 95 * 5 / (5 + 25.1) = 15.781; in bursts twice as long 95 * 5 / (2.5 + 25.1) = 17.210.
    @Test func `loss costs, in bursts more`() {
        #expect(abs(quality(.g711, loss: 0.05).rating - (93.2062 - 15.781)) < 0.001)
        #expect(abs(quality(.g711, loss: 0.05, bursts: 2).rating - (93.2062 - 17.210)) < 0.001)
        #expect(quality(.g711WithoutConcealment, loss: 0.05).mosConversational < 2.5)
        #expect(abs(quality(.g722, loss: 0.02).rating - (116 - 82 * 2 / 6.9)) < 0.001)
        #expect(abs(quality(.opus, loss: 0.02).rating - (127.8 - 111.8 * 2 / 13.3)) < 0.001)
    }

    @Test func `delay is heard in conversation only`() {
        let near = quality(.g711)
        let far = quality(.g711, delay: 400)
        #expect(abs(far.rating - 62.2468) < 0.0001)
        #expect(far.mosListening == near.mosListening)
        #expect(far.mosConversational < 3.3)
        #expect(quality(.opus, delay: 400).mosConversational < quality(.opus).mosConversational - 0.5)
    }

    @Test(arguments: [CodecImpairment.g711, .g722, .opus])
    func `more loss never sounds better and nothing leaves the scale`(codec: CodecImpairment) {
        var last = 10.0
        for step in 0...100 {
            let now = quality(codec, loss: Double(step) / 100, bursts: 3, delay: step * 20)
            #expect(now.mosConversational <= last && (1...4.5).contains(now.mosConversational))
            #expect(now.rating >= 0 && now.rating.isFinite)
            last = now.mosConversational
        }
    }

    @Test func `nonsense is clamped`() {
        #expect(quality(.g711, loss: -1).rating == quality(.g711).rating)
        #expect(quality(.g711, loss: 7).rating == quality(.g711, loss: 1).rating)
        #expect(quality(.g711, loss: 0.1, bursts: 0).rating == quality(.g711, loss: 0.1).rating)
        #expect(quality(.g711, delay: -5).rating == quality(.g711).rating)
        #expect(quality(.g711, delay: .max / 2_000_000).mosConversational >= 1)
    }
}
