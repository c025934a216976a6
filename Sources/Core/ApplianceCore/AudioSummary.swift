import CallControl
package import CloudMessages
package import Primitives

/// How calls sound, in numbers without names: for the status and for metrics.
package struct AudioSummary: Sendable, Equatable {
    /// Legs of running calls that have media.
    package var legs = 0
    /// Parties of running calls that are not heard.
    package var unheard = 0
    /// MOS-CQE of what comes from the legs of the running calls, 1...4.5; nil when nothing is measured.
    package var meanOpinion: Double?
    /// The legs of calls that have ended since the start.
    package var ended = AudioHistograms()

    package init() {}

    init(running calls: [CallSnapshot], ended: AudioHistograms) {
        self.ended = ended
        var opinions = (sum: 0.0, count: 0)
        for call in calls {
            legs += call.quality.count
            unheard += call.trouble.count
            for opinion in call.quality.lazy.compactMap(\.opinionReceived) {
                opinions.sum += opinion
                opinions.count += 1
            }
        }
        if opinions.count > 0 { meanOpinion = opinions.sum / Double(opinions.count) }
    }
}

/// How legs sounded over their whole call. What was not measured of a leg is not counted.
package struct AudioHistograms: Sendable, Equatable {
    /// MOS-CQE of what came from the party.
    package private(set) var opinionReceived = ValueHistogram(upTo: opinions)
    /// MOS-CQE of what went to the party.
    package private(set) var opinionSent = ValueHistogram(upTo: opinions)
    /// 0...1 of what came from the party.
    package private(set) var lossFraction = ValueHistogram(upTo: [0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2])
    /// Of what came from the party.
    package private(set) var jitterSeconds = ValueHistogram(upTo: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2])
    package private(set) var roundTripSeconds = ValueHistogram(upTo: [0.01, 0.025, 0.05, 0.1, 0.15, 0.3, 0.5, 1])

    /// From 3.6 on most users are satisfied, below 2.6 nearly none is (ITU-T G.107 table B.1).
    private static let opinions = [1.5, 2, 2.6, 3.1, 3.6, 4, 4.3]

    package init() {}

    package mutating func record(_ leg: CallLegQuality) {
        if let opinion = leg.opinionReceived { opinionReceived.record(opinion) }
        if let opinion = leg.opinionSent { opinionSent.record(opinion) }
        if let loss = leg.lossFraction { lossFraction.record(loss) }
        if leg.packetsReceived > 1 { jitterSeconds.record(leg.jitterMilliseconds / 1_000) }
        if let roundTrip = leg.roundTripMilliseconds { roundTripSeconds.record(roundTrip / 1_000) }
    }
}
