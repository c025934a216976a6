package import Primitives
package import RTP

/// The identity and position of an RTP stream that we send: SSRC, sequence number, timestamp, counts for reports.
///
/// Sequence number and timestamp start at random (RFC 3550 section 5.1) and stay continuous whatever is sent through. The
/// sequence number starts in the lower half of its range: a receiver of SRTP that misses the first packets could not tell
/// otherwise whether the number has turned over already (RFC 3711 section 3.3.1).
package struct OutgoingStream: Sendable {
    package let ssrc: UInt32
    package let clockRate: Int
    package private(set) var nextSequence: UInt16
    /// Datagrams, and their bytes with the RTP header.
    package private(set) var packetsSent: UInt64 = 0
    package private(set) var bytesSent: UInt64 = 0
    private var lastTimestamp: UInt32
    private var lastSentAt: Instant?
    private var packetsAtReport: UInt64 = 0
    /// Sent under earlier SSRCs: in the statistics, not in the reports.
    private var packetsBefore: UInt64 = 0
    private var bytesBefore: UInt64 = 0

    package init(clockRate: Int, entropy: inout Entropy) {
        let random = entropy.next()
        ssrc = UInt32(truncatingIfNeeded: random)
        nextSequence = UInt16(truncatingIfNeeded: random >> 32) & 0x7FFF
        lastTimestamp = UInt32(truncatingIfNeeded: entropy.next())
        self.clockRate = clockRate
    }

    /// The same counts under a new SSRC, when the clock changes (RFC 7160 section 4.1: another clock, another source), or
    /// when SRTP counts its packets from zero again.
    package init(continuing old: OutgoingStream, clockRate: Int, entropy: inout Entropy) {
        self.init(clockRate: clockRate, entropy: &entropy)
        packetsSent = old.packetsSent
        bytesSent = old.bytesSent
        packetsAtReport = packetsSent
        packetsBefore = old.packetsSent
        bytesBefore = old.bytesSent
    }

    /// Sent under the present SSRC.
    package var packetsOfSource: UInt64 { packetsSent - packetsBefore }

    /// The timestamp of what is sampled `now`, given what was sent last.
    package func timestamp(at now: Instant) -> UInt32 {
        guard let lastSentAt else { return lastTimestamp }
        return lastTimestamp &+ (now.ticks(rate: clockRate) &- lastSentAt.ticks(rate: clockRate))
    }

    /// The timestamp of audio that begins `now` after other audio: not before the last packet's ends, `ticks` after it
    /// begins.
    package func resumption(at now: Instant, after ticks: Int) -> UInt32 {
        guard lastSentAt != nil else { return lastTimestamp }
        let elapsed = Int32(bitPattern: timestamp(at: now) &- lastTimestamp)
        return lastTimestamp &+ UInt32(max(Int(elapsed), ticks))
    }

    /// The header of a packet that follows the last one.
    package func nextHeader(payloadType: UInt8, timestamp: UInt32, marker: Bool) -> RTPHeader {
        RTPHeader(
            marker: marker, payloadType: payloadType, sequence: nextSequence, timestamp: timestamp, ssrc: ssrc)
    }

    /// Counts a packet as sent. A sequence number behind the highest (a forwarded late packet) leaves the position, and
    /// a telephone event the timestamp, because it repeats the one of its start.
    package mutating func sent(_ header: RTPHeader, payloadBytes: Int, isEvent: Bool = false, at now: Instant) {
        packetsSent += 1
        bytesSent += UInt64(payloadBytes + RTPHeader.sizeBytes)
        guard Int16(bitPattern: header.sequence &- nextSequence) >= 0 else { return }
        nextSequence = header.sequence &+ 1
        if isEvent, lastSentAt != nil { return }
        lastTimestamp = header.timestamp
        lastSentAt = now
    }

    /// What a sender report says now; nil when nothing was sent since the last one (RFC 3550 section 6.4).
    package mutating func makeSenderInfo(at now: Instant) -> RTCPSenderInfo? {
        guard packetsSent != packetsAtReport else { return nil }
        packetsAtReport = packetsSent
        let packets = packetsSent - packetsBefore
        let octets = bytesSent - bytesBefore - packets * UInt64(RTPHeader.sizeBytes)
        return RTCPSenderInfo(
            ntp: now.ntp, timestamp: timestamp(at: now), packets: UInt32(truncatingIfNeeded: packets),
            octets: UInt32(truncatingIfNeeded: octets))
    }
}
