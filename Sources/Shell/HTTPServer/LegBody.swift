import ApplianceCore
import CloudMessages

/// How one leg of a call sounds, in the list of calls and in the records alike; what was not measured is absent.
struct LegBody: Codable {
    var party: String
    var codec: String
    var packetsReceived: UInt64
    var packetsSent: UInt64
    var packetsLost: UInt64
    var packetsDiscarded: UInt64
    /// Of what came from the party.
    var lossPercent: Double?
    var jitterMilliseconds: Double
    var roundTripMilliseconds: Double?
    /// MOS-CQE of what came from the party, and of what went to it; the latter in its own words if `mosSentIsReported`.
    var mosReceived: Double?
    var mosSent: Double?
    var mosSentIsReported: Bool?
    /// What the party reports of what went to it.
    var peerLossPercent: Double?
    var peerDiscardPercent: Double?
    var peerJitterMilliseconds: Double?
    /// See `CallLegQuality.audioPath`.
    var audioPath: String?
    var trouble: String?

    init(_ leg: CallLegQuality) {
        party = leg.party
        codec = leg.codec
        packetsReceived = leg.packetsReceived
        packetsSent = leg.packetsSent
        packetsLost = leg.packetsLost
        packetsDiscarded = leg.packetsDiscarded
        lossPercent = Self.rounded(leg.lossFraction.map { $0 * 100 })
        jitterMilliseconds = Self.rounded(leg.jitterMilliseconds) ?? 0
        roundTripMilliseconds = Self.rounded(leg.roundTripMilliseconds)
        mosReceived = Self.rounded(leg.opinionReceived)
        mosSent = Self.rounded(leg.opinionSent)
        mosSentIsReported = leg.opinionSent == nil ? nil : leg.isOpinionReported
        peerLossPercent = Self.rounded(leg.peerLossFraction.map { $0 * 100 })
        peerDiscardPercent = Self.rounded(leg.peerDiscardFraction.map { $0 * 100 })
        peerJitterMilliseconds = Self.rounded(leg.peerJitterMilliseconds)
        audioPath = leg.audioPath
        trouble = leg.trouble
    }

    /// To thousandths: more is not known. JSON has no infinity.
    static func rounded(_ value: Double?) -> Double? {
        guard let value, value.isFinite else { return nil }
        return (value * 1_000).rounded() / 1_000
    }
}

/// How the running calls sound.
struct AudioBody: Codable {
    var legs: Int
    var unheard: Int
    var mos: Double?

    init(_ audio: AudioSummary) {
        legs = audio.legs
        unheard = audio.unheard
        mos = LegBody.rounded(audio.meanOpinion)
    }
}
