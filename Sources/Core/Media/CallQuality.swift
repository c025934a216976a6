import Primitives

/// How a stream sounds by calculation (ITU-T G.107, G.107.1, G.107.2): nobody has listened to it.
///
/// Ratings and opinions stand on the scale of the codec's band: 4.4 is the best for narrowband and for wideband alike,
/// though wideband sounds better (ITU-T P.800.1 names the scales MOS-CQEN and MOS-CQEW).
package struct CallQuality: Hashable, Sendable {
    /// What decides over the quality of one direction.
    package struct Conditions: Hashable, Sendable {
        /// Lost or too late to be played, 0...1.
        package var lossFraction: Double
        /// 1 for chance, more for bursts.
        package var burstRatio: Double
        /// From mouth to ear, as far as it is known.
        package var oneWayDelay: Duration

        package init(lossFraction: Double = 0, burstRatio: Double = 1, oneWayDelay: Duration = .zero) {
            self.lossFraction = lossFraction
            self.burstRatio = burstRatio
            self.oneWayDelay = oneWayDelay
        }
    }

    package let band: CodecImpairment.Band
    /// R on the scale of `band`, 0...94 for narrowband, 0...129, 0...148.
    package let rating: Double
    /// MOS-CQE: conversational, with delay. 1...4.5.
    package let mosConversational: Double
    /// MOS-LQE: for who only listens. 1...4.5.
    package let mosListening: Double

    /// R on the scale of 0...100 that reports use whatever the band.
    package var rFactor: Double { Self.narrowed(rating, band) }

    package init(_ codec: CodecImpairment, _ conditions: Conditions) {
        band = codec.band
        let lossPercent = max(0, min(1, conditions.lossFraction)) * 100
        let delay = max(0, min(10_000, conditions.oneWayDelay.inSeconds * 1_000))
        var model = EModel()
        let listening: Double
        if let best = codec.band.bestRating {
            let impairment = EModel.effective(
                codec.impairment, ceiling: codec.band.ceiling, lossPercent: lossPercent,
                burstRatio: conditions.burstRatio, robustness: codec.lossRobustness)
            listening = best - impairment
        } else {
            model.equipmentImpairment = codec.impairment
            model.lossRobustness = codec.lossRobustness
            model.lossPercent = lossPercent
            model.burstRatio = conditions.burstRatio
            listening = model.rating
        }
        let undelayed = model.delayImpairment
        model.echoDelay = delay
        model.roundTripDelay = 2 * delay
        model.absoluteDelay = delay
        rating = max(0, listening - (model.delayImpairment - undelayed))
        mosConversational = EModel.meanOpinion(rating: Self.narrowed(rating, band))
        mosListening = EModel.meanOpinion(rating: Self.narrowed(max(0, listening), band))
    }

    private static func narrowed(_ rating: Double, _ band: CodecImpairment.Band) -> Double {
        guard let best = band.bestRating else { return rating }
        return rating * 100 / best
    }
}
