import Primitives
import RTP

/// What can be said of a received stream as a listener would hear it: for figures, and for extended reports.
struct StreamReview {
    private let reception: ReceptionStatistics
    private let codec: AudioCodec
    /// How much audio a packet holds.
    let packet: Duration
    private let roundTrip: Duration?
    /// What the jitter buffer adds; nil where there is none, and twice the jitter is put for that of the listener.
    private let buffer: Duration?
    let pattern: BurstGapMeter.Summary

    /// `ptime` holds until two packets in sequence have been seen.
    init(
        _ reception: ReceptionStatistics, codec: AudioCodec, ptime: Duration, roundTrip: Duration?,
        buffer: Duration? = nil
    ) {
        self.reception = reception
        self.codec = codec
        packet = reception.packetDuration ?? ptime
        self.roundTrip = roundTrip
        self.buffer = buffer
        pattern = reception.lossPattern.summary
    }

    /// How the sender sounds: its voice as it arrives here, and the delay that is known of; nil before anything came.
    var quality: CallQuality? {
        guard reception.cumulativeReceived > 0 else { return nil }
        let buffer = buffer ?? Self.usualBuffer(jitterMilliseconds: reception.jitterMilliseconds, packet: packet)
        return CallQuality(
            CodecImpairment(codec),
            CallQuality.Conditions(
                lossFraction: pattern.lossFraction, burstRatio: pattern.burstRatio,
                oneWayDelay: (roundTrip ?? .zero) / 2 + packet + buffer))
    }

    /// What a jitter buffer elsewhere is taken for: twice the jitter, and a packet at least.
    static func usualBuffer(jitterMilliseconds: Double, packet: Duration) -> Duration {
        max(packet, .microseconds(Int64(min(10_000, jitterMilliseconds) * 2_000)))
    }

    /// What a report tells the sender of it (RFC 3611 section 4.7); nil before anything came.
    var metrics: VoIPMetrics? {
        guard let ssrc = reception.ssrc, let quality else { return nil }
        let milliseconds = packet.inSeconds * 1000
        let expected = Double(max(1, reception.cumulativeExpected))
        var metrics = VoIPMetrics(ssrc: ssrc)
        metrics.lossRate = Self.fraction(Double(reception.cumulativeLost) / expected)
        metrics.discardRate = Self.fraction(Double(reception.cumulativeDiscarded) / expected)
        metrics.burstDensity = Self.fraction(pattern.burstDensity)
        metrics.gapDensity = Self.fraction(pattern.gapDensity)
        metrics.burstDuration = UInt16(min(65_535, pattern.burstLength * milliseconds))
        metrics.gapDuration = UInt16(min(65_535, pattern.gapLength * milliseconds))
        metrics.roundTripDelay = Self.milliseconds(roundTrip ?? .zero)
        metrics.rFactor = UInt8(min(100, quality.rFactor.rounded()))
        metrics.mosListening = UInt8((quality.mosListening * 10).rounded())
        metrics.mosConversational = UInt8((quality.mosConversational * 10).rounded())
        guard let buffer else { return metrics }
        metrics.endSystemDelay = Self.milliseconds(buffer + packet)
        metrics.receiverConfiguration = Self.standardConcealment | Self.adaptiveBuffer
        metrics.bufferNominal = Self.milliseconds(buffer)
        metrics.bufferMaximum = Self.milliseconds(buffer)
        metrics.bufferAbsoluteMaximum = Self.milliseconds(PlayoutDelay.most)
        return metrics
    }

    private static let standardConcealment: UInt8 = 0xC0
    private static let adaptiveBuffer: UInt8 = 0x30

    private static func fraction(_ value: Double) -> UInt8 { UInt8(max(0, min(255, value * 256))) }

    private static func milliseconds(_ duration: Duration) -> UInt16 { UInt16(clamping: duration.wholeMilliseconds) }
}
