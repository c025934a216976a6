import Primitives
import RTP

/// What a leg knows of both directions, as values.
extension MediaLeg {
    var statistics: StreamStatistics {
        var result = StreamStatistics()
        result.packetsReceived = reception.cumulativeReceived
        result.packetsSent = stream.packetsSent
        result.bytesReceived = counters.bytesReceived
        result.bytesSent = stream.bytesSent
        result.packetsExpected = reception.cumulativeExpected
        result.packetsLost = reception.cumulativeLost
        result.packetsDiscarded = reception.cumulativeDiscarded
        result.packetsDuplicated = reception.cumulativeDuplicates
        result.jitterMilliseconds = reception.jitterMilliseconds
        result.packetsDropped = counters.dropped
        result.packetsFromStrangers = counters.fromStrangers
        result.packetsNotAuthentic = counters.notAuthentic
        result.packetsLooped = counters.looped
        result.packetsUndecodable = counters.undecodable
        result.roundTripMilliseconds = rtcp.roundTrip.map { $0.inSeconds * 1000 }
        if let review {
            let packet = review.packet.inSeconds * 1000
            result.burstDensity = review.pattern.burstDensity
            result.gapDensity = review.pattern.gapDensity
            result.burstMilliseconds = review.pattern.burstLength * packet
            result.gapMilliseconds = review.pattern.gapLength * packet
            result.burstRatio = review.pattern.burstRatio
            result.received = review.quality.map { VoiceQuality($0) }
        }
        if let report = rtcp.peerReport {
            result.peerPacketsLost = UInt64(max(0, report.cumulativeLost))
            result.peerFractionLost = Double(report.fractionLost) / 256
            result.peerJitterMilliseconds = Double(report.jitterTicks) * 1000 / Double(stream.clockRate)
        }
        result.peerMetrics = rtcp.peerMetrics
        result.sent = qualitySent
        result.party = description?.party
        result.path = path
        return result
    }

    private var review: StreamReview? {
        description.map { StreamReview(reception, codec: $0.codec, ptime: $0.ptime, roundTrip: rtcp.roundTrip) }
    }

    /// What a report tells the peer about its voice; nil before anything came. A leg has no jitter buffer, so that those
    /// fields are unknown or 0.
    var voipMetrics: VoIPMetrics? { review?.metrics }

    /// How we sound to the peer: by its own word, else by what it reported lost.
    private var qualitySent: VoiceQuality? {
        if let reported = rtcp.peerMetrics.flatMap({ VoiceQuality($0) }) { return reported }
        guard let description, let report = rtcp.peerReport, stream.packetsOfSource > 0 else { return nil }
        let jitter = Double(report.jitterTicks) * 1000 / Double(stream.clockRate)
        let packet = description.ptime
        let delay =
            (rtcp.roundTrip ?? .zero) / 2 + packet
            + StreamReview.usualBuffer(jitterMilliseconds: jitter, packet: packet)
        return VoiceQuality(
            CallQuality(
                CodecImpairment(description.codec),
                CallQuality.Conditions(
                    lossFraction: Double(max(0, report.cumulativeLost)) / Double(stream.packetsOfSource),
                    oneWayDelay: delay)))
    }
}

/// What a leg counts packet by packet.
struct LegCounters {
    var bytesReceived: UInt64 = 0
    /// All that was not taken, for whatever reason.
    var dropped: UInt64 = 0
    var fromStrangers: UInt64 = 0
    var notAuthentic: UInt64 = 0
    var looped: UInt64 = 0
    /// Of another payload type, or not to be decoded.
    var undecodable: UInt64 = 0
}
