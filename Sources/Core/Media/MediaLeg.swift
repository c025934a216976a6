import Primitives
import RTP

/// One side of a session: the stream that comes from its peer and the one that goes to it.
struct MediaLeg: Sendable {
    /// RTCP interval; RFC 3550 section 6.2's minimum for a session of two.
    static let reportInterval = Duration.seconds(5)

    /// What was received and may be passed on.
    enum Accepted {
        case audio(RTPHeader, ReceptionStatistics.Arrival)
        case event(RTPHeader, ReceptionStatistics.Arrival)
    }
    /// What a relayed packet's numbers are moved by, modulo their size.
    private struct Offset {
        var sequence: UInt16
        var timestamp: UInt32
    }

    let side: MediaSide
    private(set) var description: MediaStreamDescription?
    private(set) var stream: OutgoingStream
    private(set) var rtcp: RTCPSession
    private(set) var nextReport: Instant?
    private var reception = ReceptionStatistics(clockRate: 8_000)
    private var latch = SymmetricLatch()
    private var rtcpSource: Endpoint?
    private var relayOffset: Offset?
    private var bytesReceived: UInt64 = 0
    private var packetsDropped: UInt64 = 0
    private var lastHeard: Instant
    private var isSilent = false

    init(side: MediaSide, entropy: inout Entropy, at now: Instant) {
        self.side = side
        stream = OutgoingStream(clockRate: 8_000, entropy: &entropy)
        rtcp = RTCPSession(entropy: &entropy)
        lastHeard = now
    }

    // MARK: Set-up

    mutating func configure(_ new: MediaStreamDescription, entropy: inout Entropy, at now: Instant) {
        if new.remote != description?.remote || description == nil {
            latch.reset()
            rtcpSource = nil
        }
        let clockRate = new.codec.clockRate
        if stream.clockRate != clockRate {
            stream = OutgoingStream(continuing: stream, clockRate: clockRate, entropy: &entropy)
        }
        reception.setClockRate(clockRate)
        if new.receives, description?.receives != true {
            lastHeard = now
            isSilent = false
        }
        if description == nil { nextReport = now + Self.reportInterval / 2 }
        relayOffset = nil
        description = new
    }

    /// The next relayed packet continues the outgoing stream without a gap.
    mutating func breakRelay() { relayOffset = nil }

    // MARK: From the peer

    /// Checks a datagram from the RTP socket and counts it; nil when it is not to be passed on.
    mutating func accept(_ datagram: UnsafeRawBufferPointer, from source: Endpoint, at now: Instant) -> Accepted? {
        guard let description, let header = try? RTPHeader(parsing: datagram) else { return drop() }
        let isEvent = header.payloadType == description.telephoneEventReceivePayloadType
        guard isEvent || header.payloadType == description.receivePayloadType,
            latch.admits(source, signalled: description.remote)
        else { return drop() }
        let arrival = reception.receive(header, at: now, measuresJitter: !isEvent)
        if arrival == .outlier { return drop() }
        bytesReceived += UInt64(datagram.count)
        lastHeard = now
        isSilent = false
        guard description.receives, arrival != .duplicate else { return nil }
        return isEvent ? .event(header, arrival) : .audio(header, arrival)
    }

    mutating func countDropped() { packetsDropped += 1 }

    private mutating func drop() -> Accepted? {
        packetsDropped += 1
        return nil
    }

    /// Takes over a datagram from the RTCP socket when it comes from the host that the peer's media comes from.
    mutating func acceptReport(_ datagram: UnsafeRawBufferPointer, from source: Endpoint, at now: Instant) {
        guard let description,
            source.address == latch.destination(signalled: description.remote)?.address,
            rtcpSource == nil || rtcpSource == source,
            (try? rtcp.receive(datagram, localSSRC: stream.ssrc, at: now)) != nil
        else {
            packetsDropped += 1
            return
        }
        rtcpSource = source
    }

    // MARK: To the peer

    /// Where RTP goes now; nil when nothing may be sent: not configured, on hold, or no address yet.
    var destination: Endpoint? {
        guard let description, description.sends else { return nil }
        return latch.destination(signalled: description.remote)
    }

    /// Where RTCP goes: the port it came from, the signalled one, or RTP's plus one; nil for a peer behind NAT that
    /// has not sent any.
    private var reportDestination: Endpoint? {
        if let rtcpSource { return rtcpSource }
        guard let description, let remote = latch.destination(signalled: description.remote),
            remote == description.remote
        else { return nil }
        if let remoteRTCP = description.remoteRTCP { return remoteRTCP }
        guard remote.port < UInt16.max else { return nil }
        return Endpoint(address: remote.address, port: remote.port + 1)
    }

    /// Forwards what the other side sent in the same codec, with our SSRC and this stream's own numbers. Gaps and
    /// reordering of the source stay visible; breaks of the source do not.
    mutating func relay(
        _ header: RTPHeader, arrival: ReceptionStatistics.Arrival, isEvent: Bool, payload: UnsafeRawBufferPointer,
        at now: Instant, output: inout PacketBatch
    ) {
        guard let description, let destination else { return }
        var marker = header.marker
        var offset: Offset
        if let relayOffset, arrival != .first {
            offset = relayOffset
        } else {
            offset = Offset(
                sequence: stream.nextSequence &- header.sequence,
                timestamp: stream.timestamp(at: now) &- header.timestamp)
            relayOffset = offset
            marker = true
        }
        guard let payloadType = isEvent ? description.telephoneEventPayloadType : description.payloadType else {
            // The peer knows no telephone events: close the gap that the dropped packet would leave.
            relayOffset?.sequence = offset.sequence &- 1
            return
        }
        let outgoing = RTPHeader(
            marker: marker, payloadType: payloadType, sequence: header.sequence &+ offset.sequence,
            timestamp: header.timestamp &+ offset.timestamp, ssrc: stream.ssrc)
        guard RTPHeader.sizeBytes + payload.count <= output.packetBytes, let slot = output.reserve() else { return }
        UnsafeMutableRawBufferPointer(rebasing: slot[RTPHeader.sizeBytes...]).copyMemory(from: payload)
        send(
            outgoing, payloadBytes: payload.count, isEvent: isEvent, in: slot, to: destination, at: now, output: &output
        )
    }

    /// Completes and keeps the packet whose payload stands in `slot` already.
    mutating func send(
        _ header: RTPHeader, payloadBytes: Int, isEvent: Bool = false, in slot: UnsafeMutableRawBufferPointer,
        to destination: Endpoint, at now: Instant, output: inout PacketBatch
    ) {
        guard (try? header.write(into: slot)) != nil else { return }
        output.commit(size: RTPHeader.sizeBytes + payloadBytes, side: side, to: destination)
        stream.sent(header, payloadBytes: payloadBytes, isEvent: isEvent, at: now)
    }

    /// Writes the report that is due, if there is something to say and somewhere to send it.
    mutating func report(isLast: Bool = false, at now: Instant, output: inout PacketBatch) {
        nextReport = now + Self.reportInterval
        guard reception.cumulativeReceived > 0 || stream.packetsSent > 0, let destination = reportDestination,
            let slot = output.reserve()
        else { return }
        let sender = stream.makeSenderInfo(at: now)
        let size = try? rtcp.write(
            into: slot, ssrc: stream.ssrc, sender: sender, reception: &reception, isLast: isLast, at: now)
        guard let size else { return }
        output.commit(size: size, side: side, isRTCP: true, to: destination)
    }

    // MARK: Silence and statistics

    /// When the peer will have been silent for `limit`; nil when nothing is awaited, or silence was reported.
    func silenceDeadline(limit: Duration) -> Instant? {
        guard let description, description.receives, !isSilent else { return nil }
        return lastHeard + limit
    }

    mutating func markSilent() { isSilent = true }

    var statistics: StreamStatistics {
        var result = StreamStatistics()
        result.packetsReceived = reception.cumulativeReceived
        result.packetsSent = stream.packetsSent
        result.bytesReceived = bytesReceived
        result.bytesSent = stream.bytesSent
        result.packetsLost = reception.cumulativeLost
        result.jitterMilliseconds = reception.jitterMilliseconds
        result.packetsDropped = packetsDropped
        result.roundTripMilliseconds = rtcp.roundTrip.map { $0.inSeconds * 1000 }
        return result
    }
}
