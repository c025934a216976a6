import Primitives
import RTP

/// One side of a session: the stream that comes from its peer and the one that goes to it. Not `Sendable`: it owns the
/// state of its protection. Not to be copied either: see `LegPlaces`.
struct MediaLeg: ~Copyable {
    /// RTCP interval; RFC 3550 section 6.2's minimum for a session of two. Deviation: it is not varied by chance (6.3.1),
    /// since two cannot flood each other.
    static let reportInterval = Duration.seconds(5)
    /// An Opus packet without a frame's worth of data marks a pause (RFC 6716 section 3.1; RFC 7587 section 3.1.3).
    static let opusPauseBytes = 2

    /// What was received and may be passed on.
    enum Accepted {
        case audio(RTPHeader, ReceptionStatistics.Arrival)
        case event(RTPHeader, ReceptionStatistics.Arrival)
        case comfortNoise(RTPHeader, ReceptionStatistics.Arrival)
    }
    /// What a relayed packet's numbers are moved by, modulo their size.
    private struct Offset {
        var sequence: UInt16
        var timestamp: UInt32
    }

    /// What a packet needs of the description, without its keys: values alone, so that no packet counts references.
    struct Facts {
        let signalled: SymmetricLatch.Signalled
        let remoteRTCP: Endpoint?
        let payloadType: UInt8
        let receivePayloadType: UInt8
        let eventPayloadType: UInt8?
        let eventReceivePayloadType: UInt8?
        let sends: Bool
        let receives: Bool
        /// RTCP shares the port of RTP (RFC 5761).
        let isMultiplexed: Bool
        let isOpus: Bool
        /// Its payload type is static, and stands for a clock of 8000.
        let takesComfortNoise: Bool
        /// The peer has agreed to it.
        let sendsComfortNoise: Bool
        /// Ticks of the clock that a packet towards the peer lasts, as agreed.
        let packetTicks: Int

        init(_ description: MediaStreamDescription) {
            signalled = SymmetricLatch.Signalled(
                media: description.remote, signalling: description.signallingAddress,
                isProtected: description.receiveKey != nil || description.keyAgreement != nil)
            remoteRTCP = description.remoteRTCP
            payloadType = description.payloadType
            receivePayloadType = description.receivePayloadType
            eventPayloadType = description.telephoneEventPayloadType
            eventReceivePayloadType = description.telephoneEventReceivePayloadType
            sends = description.sends
            receives = description.receives
            isMultiplexed = description.isRTCPMultiplexed
            isOpus = description.codec == .opus
            takesComfortNoise = description.codec.clockRate == 8_000
            sendsComfortNoise = takesComfortNoise && description.comfortNoise
            packetTicks = max(0, description.ptime.ticks(rate: description.codec.clockRate))
        }
    }

    // What every packet needs stands together, so that few lines of the cache are fetched for it.
    let side: MediaSide
    private(set) var facts: Facts?
    var latch = SymmetricLatch()
    var protection = LegProtection()
    /// For codecs that lean on it.
    private(set) var history = PayloadHistory()
    private var relayOffset: Offset?
    private(set) var stream: OutgoingStream
    private(set) var reception = ReceptionStatistics(clockRate: 8_000)
    private(set) var counters = LegCounters()
    private var rate = PacketRate(atMost: PacketRate.ofStream)
    private var eventRate = PacketRate(atMost: PacketRate.ofEvents)
    private var lastHeard: Instant
    private var isSilent = false
    /// What the other side says goes to this peer.
    var hearsPeer = true
    /// What this peer says is listened to here, beside whatever becomes of it.
    var isTapped = false
    private var monitor = AudioPathMonitor()
    private(set) var nextReport: Instant?
    private(set) var rtcp: RTCPSession
    /// As configured last.
    private(set) var description: MediaStreamDescription?
    /// The last address signalled; kept while the peer names none, as on hold in the style of RFC 2543.
    private var lastSignalled: Endpoint?
    /// Where the peer's last report came from; it counts as long as its media come from that host.
    private var rtcpSource: Endpoint?
    private var conflicts = SSRCConflicts()
    /// SSRCs given up for a collision whose BYE is still to be sent.
    private var abandoned: [UInt32] = []
    /// For SSRCs that a collision asks for.
    private var spares: SeededGenerator
    /// A change that is still to be told.
    private var pathChange: AudioPath?
    /// When one that `configure` made asks for a deadline, so that it is told.
    private var pathChangeDue: Instant?

    init(side: MediaSide, entropy: inout Entropy, at now: Instant) {
        self.side = side
        stream = OutgoingStream(clockRate: 8_000, entropy: &entropy)
        rtcp = RTCPSession(entropy: &entropy)
        spares = SeededGenerator(seed: entropy.next())
        lastHeard = now
    }

    // MARK: Set-up

    /// What `configure` will protect with: the present state where a key stays, a new one where it changes.
    func protection(
        for new: MediaStreamDescription, using factory: (any PacketProtection)?
    ) throws(MediaFailure) -> LegProtection {
        try protection.renewed(for: new, isAnotherParty: isAnotherParty(new), using: factory)
    }

    mutating func configure(
        _ new: MediaStreamDescription, protection: LegProtection, entropy: inout Entropy, at now: Instant
    ) {
        if isAnotherParty(new) { forgetParty(entropy: &entropy, at: now) }
        if let remote = new.remote, remote != lastSignalled {
            latch.reset()
            rtcpSource = nil
            lastSignalled = remote
        }
        let countsAnew = protection.epoch != self.protection.epoch
        self.protection = protection
        let clockRate = new.codec.clockRate
        if stream.clockRate != clockRate || countsAnew {
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
        facts = Facts(new)
        history.keep(for: new.codec)
    }

    /// Whether a description is of somebody else than the last one.
    func isAnotherParty(_ new: MediaStreamDescription) -> Bool { description.map { $0.party != new.party } ?? false }

    /// Somebody else is at this end: what was counted, reported and believed was about the one before, whose source and
    /// name the new one does not get to know either.
    private mutating func forgetParty(entropy: inout Entropy, at now: Instant) {
        latch.reset()
        lastSignalled = nil
        rtcpSource = nil
        reception = ReceptionStatistics(clockRate: reception.clockRate)
        counters = LegCounters()
        stream = OutgoingStream(clockRate: stream.clockRate, entropy: &entropy)
        rtcp = RTCPSession(entropy: &entropy)
        conflicts = SSRCConflicts()
        abandoned.removeAll()
        monitor = AudioPathMonitor()
        pathChange = nil
        pathChangeDue = nil
        lastHeard = now
        isSilent = false
    }

    /// The payload types that the peer expects.
    var payloadType: UInt8? { facts?.payloadType }
    var eventPayloadType: UInt8? { facts?.eventPayloadType }

    /// The timestamp of audio that begins `now` after whatever was sent before.
    func resumption(at now: Instant) -> UInt32 { stream.resumption(at: now, after: facts?.packetTicks ?? 0) }

    /// A packet of the source is not forwarded: closes the gap that its number would leave.
    mutating func skipRelayed() { relayOffset?.sequence &-= 1 }

    /// The next relayed packet continues the outgoing stream without a gap.
    mutating func breakRelay() { relayOffset = nil }

    // MARK: From the peer

    /// True when `accept` and `acceptReport` decrypt what they are given in place.
    var decrypts: Bool { protection.decrypts }

    /// Checks a datagram from the RTP socket and counts it, decrypting it if need be; nil when it is not to be passed on.
    mutating func accept(
        _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, at now: Instant
    ) -> Accepted? {
        guard let facts else { return drop() }
        guard latch.mayAdmit(source, facts.signalled, at: now) else { return dropStranger(source) }
        let size = protection.decrypts ? protection.unprotectRTP(datagram) : datagram.count
        guard let size else {
            counters.notAuthentic += 1
            monitor.notAuthentic()
            return drop()
        }
        let packet = UnsafeRawBufferPointer(rebasing: datagram[..<size])
        guard let header = try? RTPHeader(parsing: packet) else { return drop() }
        let isEvent = header.payloadType == facts.eventReceivePayloadType
        let isAudio = header.payloadType == facts.receivePayloadType
        let isNoise = header.payloadType == ComfortNoise.payloadType && facts.takesComfortNoise
        guard isEvent || isAudio || isNoise else { return dropUnexpected() }
        guard latch.admits(source, header, facts.signalled, at: now) else { return dropStranger(source) }
        guard rate.admits(at: now), !isEvent || eventRate.admits(at: now) else { return drop() }
        if header.ssrc == stream.ssrc, isLooped(source, at: now) { return drop() }
        let arrival = reception.receive(header, at: now, measuresJitter: !isEvent)
        if arrival == .outlier { return drop() }
        counters.bytesReceived += UInt64(size)
        lastHeard = now
        isSilent = false
        if isNoise || facts.isOpus && isAudio && header.payloadSize <= Self.opusPauseBytes {
            monitor.heardComfort(at: now)
        } else {
            monitor.heardSpeech(at: now)
        }
        guard facts.receives, arrival != .duplicate else { return nil }
        return isEvent ? .event(header, arrival) : isAudio ? .audio(header, arrival) : .comfortNoise(header, arrival)
    }

    /// What `accept` passed on could not be decoded.
    mutating func countUndecodable() {
        counters.dropped += 1
        counters.undecodable += 1
        monitor.undecodable()
    }

    /// What `accept` passed on came after its place was filled.
    mutating func countDiscarded(_ header: RTPHeader) { reception.discard(sequence: header.sequence) }

    private mutating func drop() -> Accepted? {
        counters.dropped += 1
        return nil
    }

    @discardableResult
    mutating func dropStranger(_ source: Endpoint) -> Accepted? {
        counters.fromStrangers += 1
        monitor.refused(source)
        return drop()
    }

    private mutating func dropUnexpected() -> Accepted? {
        counters.undecodable += 1
        monitor.unexpected()
        return drop()
    }

    /// A believed packet bears the SSRC that we send with: true when it is our own (RFC 3550 section 8.2). For a
    /// collision our stream goes on under another SSRC.
    private mutating func isLooped(_ source: Endpoint, at now: Instant) -> Bool {
        guard conflicts.judge(source.address, at: now) == .collision else {
            counters.looped += 1
            return true
        }
        if abandoned.count < SSRCConflicts.capacity { abandoned.append(stream.ssrc) }
        var entropy = Entropy(spares)
        spares = SeededGenerator(seed: entropy.next())
        stream = OutgoingStream(continuing: stream, clockRate: stream.clockRate, entropy: &entropy)
        relayOffset = nil
        rtcp.forgetReports()
        nextReport = now
        return false
    }

    /// True for RTCP that comes by the RTP port because both share it (RFC 5761).
    func isReport(_ datagram: UnsafeRawBufferPointer) -> Bool {
        facts?.isMultiplexed == true && DatagramKind(datagram) == .rtcp
    }

    /// Takes over a datagram from the RTCP socket when it comes from the host that the peer's media comes from: always from
    /// where reports were agreed to come from, else from one source.
    mutating func acceptReport(_ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, at now: Instant) {
        guard let facts, source.address == latch.destination(signalled: facts.signalled.media)?.address,
            rtcpSource?.address != source.address || rtcpSource == source || source == signalledReports
                || facts.isMultiplexed
        else {
            counters.fromStrangers += 1
            counters.dropped += 1
            return
        }
        let size = protection.decrypts ? protection.unprotectRTCP(datagram) : datagram.count
        guard let size else {
            counters.notAuthentic += 1
            counters.dropped += 1
            return
        }
        let report = UnsafeRawBufferPointer(rebasing: datagram[..<size])
        guard (try? rtcp.receive(report, localSSRC: stream.ssrc, at: now)) != nil else {
            counters.dropped += 1
            return
        }
        if rtcp.isOwnSource, isLooped(source, at: now) { return counters.dropped += 1 }
        rtcpSource = source
    }

    // MARK: To the peer

    /// Where RTP goes now; nil when nothing may be sent: not configured, on hold, or no address yet.
    var destination: Endpoint? {
        guard let facts, facts.sends else { return nil }
        return latch.destination(signalled: facts.signalled.media)
    }

    /// Where RTCP goes: the port it came from, the signalled one, or RTP's plus one; nil for a peer behind NAT that
    /// has not sent any. Where both share a port, that of RTP.
    private var reportDestination: Endpoint? {
        if let facts, facts.isMultiplexed { return latch.destination(signalled: facts.signalled.media) }
        guard let facts, let remote = latch.destination(signalled: facts.signalled.media) else { return nil }
        if let rtcpSource, rtcpSource.address == remote.address { return rtcpSource }
        return remote == facts.signalled.media ? signalledReports : nil
    }

    /// The port that was signalled for RTCP, or RTP's plus one.
    private var signalledReports: Endpoint? {
        if let remoteRTCP = facts?.remoteRTCP { return remoteRTCP }
        guard let media = facts?.signalled.media, media.port < UInt16.max else { return nil }
        return Endpoint(address: media.address, port: media.port + 1)
    }

    /// Forwards what the other side sent in the same codec, with our SSRC and this stream's own numbers. Gaps and
    /// reordering of the source stay visible; breaks of the source do not.
    ///
    /// Header extensions, contributing sources and padding end here: the numbers of extensions are agreed per leg (RFC
    /// 8285 section 5) and none are, contributing sources have their names in reports that end here too, and padding
    /// belongs to the cipher of the leg.
    mutating func relay(
        _ header: RTPHeader, arrival: ReceptionStatistics.Arrival, isEvent: Bool, isNoise: Bool = false,
        payload: UnsafeRawBufferPointer, at now: Instant, output: inout PacketBatch
    ) {
        guard let facts, let destination else { return }
        let (offset, isNew) = relayOffset(of: header, arrival: arrival, at: now)
        let audio = isNoise ? ComfortNoise.payloadType : facts.payloadType
        guard let payloadType = isEvent ? facts.eventPayloadType : audio else {
            skipRelayed()  // the peer knows no telephone events
            return
        }
        let outgoing = RTPHeader(
            marker: header.marker || isNew, payloadType: payloadType, sequence: header.sequence &+ offset.sequence,
            timestamp: header.timestamp &+ offset.timestamp, ssrc: stream.ssrc)
        guard RTPHeader.sizeBytes + payload.count <= output.packetBytes, let slot = output.reserve() else { return }
        UnsafeMutableRawBufferPointer(rebasing: slot[RTPHeader.sizeBytes...]).copyMemory(from: payload)
        send(
            outgoing, payloadBytes: payload.count, isEvent: isEvent, in: slot, to: destination, at: now, output: &output
        )
    }

    private mutating func relayOffset(
        of header: RTPHeader, arrival: ReceptionStatistics.Arrival, at now: Instant
    ) -> (Offset, isNew: Bool) {
        if let relayOffset, arrival != .first { return (relayOffset, false) }
        let offset = Offset(
            sequence: stream.nextSequence &- header.sequence,
            timestamp: resumption(at: now) &- header.timestamp)
        relayOffset = offset
        return (offset, true)
    }

    /// Sends a description of silence, under our next number, to a peer that has agreed to it.
    mutating func sendNoise(
        _ noise: UnsafeRawBufferPointer, timestamp: UInt32, at now: Instant, output: inout PacketBatch
    ) {
        guard let facts, facts.sendsComfortNoise, !noise.isEmpty, let destination,
            RTPHeader.sizeBytes + noise.count <= output.packetBytes, let slot = output.reserve()
        else { return }
        UnsafeMutableRawBufferPointer(rebasing: slot[RTPHeader.sizeBytes...]).copyMemory(from: noise)
        let header = stream.nextHeader(payloadType: ComfortNoise.payloadType, timestamp: timestamp, marker: false)
        send(header, payloadBytes: noise.count, in: slot, to: destination, at: now, output: &output)
    }

    /// Where in our stream a packet belongs for which something else will be sent.
    mutating func relayedTimestamp(
        of header: RTPHeader, arrival: ReceptionStatistics.Arrival, at now: Instant
    ) -> UInt32 {
        header.timestamp &+ relayOffset(of: header, arrival: arrival, at: now).0.timestamp
    }

    /// Something else was sent for packets of the source: the one of this number gets our next one.
    mutating func resumeRelay(with sequence: UInt16) { relayOffset?.sequence = stream.nextSequence &- sequence }

    /// Completes and keeps the packet whose payload stands in `slot` already.
    mutating func send(
        _ header: RTPHeader, payloadBytes: Int, isEvent: Bool = false, in slot: UnsafeMutableRawBufferPointer,
        to destination: Endpoint, at now: Instant, output: inout PacketBatch
    ) {
        if header.payloadType == facts?.payloadType {
            history.append(UnsafeRawBufferPointer(rebasing: slot[RTPHeader.sizeBytes...].prefix(payloadBytes)))
        }
        guard (try? header.write(into: slot)) != nil,
            let size = protection.protectRTP(slot, size: RTPHeader.sizeBytes + payloadBytes)
        else { return }
        output.commit(size: size, side: side, to: destination)
        stream.sent(header, payloadBytes: payloadBytes, isEvent: isEvent, at: now)
    }

    /// Writes the report that is due, if there is something to say and somewhere to send it.
    mutating func report(isLast: Bool = false, at now: Instant, output: inout PacketBatch) {
        nextReport = now + Self.reportInterval
        sendFarewells(output: &output)
        guard reception.cumulativeReceived > 0 || stream.packetsSent > 0, let destination = reportDestination,
            let slot = output.reserve()
        else { return }
        let sender = stream.makeSenderInfo(at: now)
        let metrics = voipMetrics
        let size = try? rtcp.write(
            into: slot, ssrc: stream.ssrc, sender: sender, reception: &reception, metrics: metrics, isLast: isLast,
            at: now)
        if let size { commitReport(slot, size: size, to: destination, output: &output) }
    }

    /// BYE for the SSRCs that were given up (RFC 3550 section 8.2).
    private mutating func sendFarewells(output: inout PacketBatch) {
        guard !abandoned.isEmpty else { return }
        for ssrc in abandoned {
            guard let destination = reportDestination, let slot = output.reserve(),
                let size = try? rtcp.writeGoodbye(into: slot, ssrc: ssrc)
            else { break }
            commitReport(slot, size: size, to: destination, output: &output)
        }
        abandoned.removeAll()
    }

    private func commitReport(
        _ slot: UnsafeMutableRawBufferPointer, size: Int, to destination: Endpoint, output: inout PacketBatch
    ) {
        guard let protected = protection.protectRTCP(slot, size: size) else { return }
        output.commit(size: protected, side: side, isRTCP: facts?.isMultiplexed != true, to: destination)
    }

    // MARK: Silence

    /// When the peer will have been silent for `limit`; nil when nothing is awaited, or silence was reported.
    func silenceDeadline(limit: Duration) -> Instant? {
        guard let facts, facts.receives, !isSilent else { return nil }
        return lastHeard + limit
    }

    mutating func markSilent() { isSilent = true }

    // MARK: Whether the peer is heard

    /// Whether what the peer says goes anywhere; on hold it is not missed.
    mutating func expectAudio(_ isRouted: Bool, at now: Instant) {
        let isExpected = isRouted && facts.map { $0.receives && $0.sends } ?? false
        guard let path = monitor.expect(isExpected, at: now) else { return }
        pathChange = path
        pathChangeDue = now
    }

    /// Whether the peer is heard.
    var path: AudioPath { monitor.path }

    /// When `watch` has work.
    var watchDeadline: Instant? { pathChangeDue ?? monitor.nextDeadline }

    mutating func watch(at now: Instant) {
        pathChangeDue = nil
        if let path = monitor.deadline(at: now) { pathChange = path }
    }

    /// A change of the path, once; to be asked for after `watch`.
    mutating func takePathChange() -> AudioPath? {
        defer { pathChange = nil }
        return pathChange
    }
}
