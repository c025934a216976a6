package import RTP

/// How one direction of a stream sounds, by our calculation or by the peer's word.
package struct VoiceQuality: Hashable, Sendable {
    /// 0...100.
    package let rFactor: Double
    /// MOS-CQE, 1...5.
    package let mosConversational: Double
    /// MOS-LQE, 1...5.
    package let mosListening: Double
    /// True when the peer said so in an extended report (RFC 3611 section 4.7.5).
    package let isReported: Bool

    package init(_ quality: CallQuality) {
        rFactor = quality.rFactor
        mosConversational = quality.mosConversational
        mosListening = quality.mosListening
        isReported = false
    }

    /// Nil when the peer says nothing about quality, or what is none: a half makes the other half up.
    package init?(_ metrics: VoIPMetrics) {
        let opinions = 10...50
        let conversational = opinions.contains(Int(metrics.mosConversational)) ? metrics.mosConversational : nil
        let listening = opinions.contains(Int(metrics.mosListening)) ? metrics.mosListening : nil
        let rating = metrics.rFactor <= 120 ? Double(metrics.rFactor) : nil
        guard let opinion = conversational.map({ Double($0) / 10 }) ?? rating.map(EModel.meanOpinion) else {
            return nil
        }
        mosConversational = opinion
        mosListening = listening.map { Double($0) / 10 } ?? opinion
        rFactor = min(100, rating ?? Self.rating(ofOpinion: opinion))
        isReported = true
    }

    /// The rating whose opinion this is, to a quarter of a point.
    private static func rating(ofOpinion opinion: Double) -> Double {
        var rating = 0.0
        while rating < 100, EModel.meanOpinion(rating: rating) < opinion { rating += 0.25 }
        return rating
    }
}
