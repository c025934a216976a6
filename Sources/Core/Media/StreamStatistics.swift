package import RTP

/// Per side: what was received from that peer and sent to it (RFC 3550 section 6.4 and appendix A).
package struct StreamStatistics: Hashable, Sendable {
    package var packetsReceived: UInt64 = 0
    package var packetsSent: UInt64 = 0
    package var bytesReceived: UInt64 = 0
    package var bytesSent: UInt64 = 0
    /// Expected minus received, never below zero in reports.
    package var packetsLost: UInt64 = 0
    /// Interarrival jitter in milliseconds.
    package var jitterMilliseconds: Double = 0
    /// Datagrams dropped: not RTP, unexpected payload type, not authentic, or from a source that is not the latched one.
    package var packetsDropped: UInt64 = 0
    /// Of those dropped, the ones from a source that is not believed: strangers, and sources on probation.
    package var packetsFromStrangers: UInt64 = 0
    /// Of those dropped, the ones of a protected stream that were forged, altered, replayed or plain.
    package var packetsNotAuthentic: UInt64 = 0
    /// Of those dropped, the ones that are our own, sent back (RFC 3550 section 8.2).
    package var packetsLooped: UInt64 = 0
    /// Round trip from RTCP, milliseconds; nil when no report came.
    package var roundTripMilliseconds: Double?
    /// By the sequence numbers of what was received.
    package var packetsExpected: UInt64 = 0
    /// Received, but too late to be decoded in its place; 0 while the stream is relayed, which loses nothing by itself.
    package var packetsDiscarded: UInt64 = 0
    package var packetsDuplicated: UInt64 = 0
    /// Of those dropped, the ones of another payload type, and those that could not be decoded.
    package var packetsUndecodable: UInt64 = 0
    /// Lost or discarded within bursts, 0...1 (RFC 3611 section 4.7.2).
    package var burstDensity: Double = 0
    /// Lost or discarded between bursts, 0...1.
    package var gapDensity: Double = 0
    /// Mean length of a burst.
    package var burstMilliseconds: Double = 0
    /// Mean length of a gap.
    package var gapMilliseconds: Double = 0
    /// 1 for losses by chance, more in bursts (ITU-T G.107).
    package var burstRatio: Double = 1
    /// What the peer lost of our stream, since the SSRC began; nil when it has not reported.
    package var peerPacketsLost: UInt64?
    /// Of the last report's interval, 0...1.
    package var peerFractionLost: Double?
    package var peerJitterMilliseconds: Double?
    /// The peer's extended report about our stream; nil when it sends none.
    package var peerMetrics: VoIPMetrics?
    /// What came too late to be played there, of its stream from us, 0...1; nil when it does not say.
    package var peerDiscardFraction: Double? { peerMetrics.map { Double($0.discardRate) / 256 } }
    /// How the peer sounds, as far as here; nil before anything came.
    package var received: VoiceQuality?
    /// How our stream sounds to the peer; nil while it has not reported.
    package var sent: VoiceQuality?
    /// Whom all of this is about: `MediaStreamDescription.party`.
    package var party: Int?
    /// Whether the peer is heard, as `MediaEvent.audioPath` told last.
    package var path = AudioPath.flowing

    package init() {}
}
