package import Primitives
package import RTP

/// The sending half of an endpoint that makes audio itself: frames in, packets out, and keys as telephone events.
package struct RTPSender {
    /// Keys waiting to be sent; more are refused.
    package static let queuedEvents = KeySender.queued

    package private(set) var payloadType: UInt8
    package private(set) var telephoneEventPayloadType: UInt8?
    /// Samples that each call of `packet` takes, at the encoder's rate.
    package private(set) var frameSamples: Int
    /// How often `packet` is to be called.
    package private(set) var ptime: Duration
    package private(set) var stream: OutgoingStream
    private var encoder: any AudioEncoder
    private var ticksPerFrame: UInt32
    private var timestamp: UInt32
    private var marker = true
    private var keys: KeySender

    /// `ptime` must be a length that the codec has; `encoder.rate` sets the rate of the samples. Events begin at a
    /// timestamp of the audio; their durations count in `telephoneEventClockRate`, if nil in the codec's clock.
    package init(
        codec: AudioCodec, payloadType: UInt8, telephoneEventPayloadType: UInt8? = nil,
        telephoneEventClockRate: Int? = nil, ptime: Duration = .milliseconds(20), encoder: any AudioEncoder,
        entropy: inout Entropy
    ) {
        self.payloadType = payloadType
        self.telephoneEventPayloadType = telephoneEventPayloadType
        self.encoder = encoder
        frameSamples = max(1, ptime.ticks(rate: encoder.rate))
        ticksPerFrame = UInt32(clamping: ptime.ticks(rate: codec.clockRate))
        keys = KeySender(ptime: ptime, clockRate: telephoneEventClockRate ?? codec.clockRate)
        self.ptime = ptime
        stream = OutgoingStream(clockRate: codec.clockRate, entropy: &entropy)
        timestamp = stream.timestamp(at: .origin)
    }

    /// Goes on with another codec, payload type or packet time, as a new description asks for: the same stream, or under
    /// another clock the next one. A key that is being sent ends at once; those that wait are kept.
    package mutating func change(
        to codec: AudioCodec, payloadType: UInt8, telephoneEventPayloadType: UInt8?, telephoneEventClockRate: Int,
        ptime: Duration, encoder: any AudioEncoder, entropy: inout Entropy, at now: Instant
    ) {
        self.payloadType = payloadType
        self.telephoneEventPayloadType = telephoneEventPayloadType
        self.encoder = encoder
        self.ptime = ptime
        frameSamples = max(1, ptime.ticks(rate: encoder.rate))
        ticksPerFrame = UInt32(clamping: ptime.ticks(rate: codec.clockRate))
        keys.change(ptime: ptime, clockRate: telephoneEventClockRate)
        if stream.clockRate != codec.clockRate {
            stream = OutgoingStream(continuing: stream, clockRate: codec.clockRate, entropy: &entropy)
            timestamp = stream.timestamp(at: now)
        }
        marker = true
    }

    /// Queues a key: its packets replace the audio of the next frames. False without a payload type for events, or
    /// when too many wait.
    package mutating func press(_ event: UInt8, for duration: Duration = .milliseconds(100)) -> Bool {
        telephoneEventPayloadType != nil && keys.press(event, for: duration)
    }

    /// True while keys wait or are being sent.
    package var isSendingEvents: Bool { keys.isActive }

    /// The packet of one frame interval: audio, or the event in progress. Returns the datagram's size, nil when the
    /// frame has the wrong length or the datagram no room; time goes on either way.
    package mutating func packet(
        _ pcm: UnsafeBufferPointer<Int16>, at now: Instant, into datagram: UnsafeMutableRawBufferPointer
    ) -> Int? {
        defer { timestamp &+= ticksPerFrame }
        guard datagram.count > RTPHeader.sizeBytes else { return nil }
        let body = UnsafeMutableRawBufferPointer(rebasing: datagram[RTPHeader.sizeBytes...])
        if let type = telephoneEventPayloadType, let key = keys.next(at: timestamp) {
            guard (try? key.event.write(into: body)) != nil else { return nil }
            let header = stream.nextHeader(payloadType: type, timestamp: key.timestamp, marker: key.isFirst)
            return finish(header, size: TelephoneEvent.sizeBytes, isEvent: true, at: now, datagram: datagram)
        }
        guard pcm.count == frameSamples, let size = encoder.encode(pcm, into: body) else {
            marker = true
            return nil
        }
        let header = stream.nextHeader(payloadType: payloadType, timestamp: timestamp, marker: marker)
        marker = false
        return finish(header, size: size, isEvent: false, at: now, datagram: datagram)
    }

    /// As above, with arrays: for tests and simulators.
    package mutating func packet(_ pcm: [Int16], at now: Instant) -> [UInt8]? {
        var datagram = [UInt8](repeating: 0, count: Limits().rtpPacketBytes)
        let size = pcm.withUnsafeBufferPointer { samples in
            datagram.withUnsafeMutableBytes { packet(samples, at: now, into: $0) }
        }
        guard let size else { return nil }
        datagram.removeLast(datagram.count - size)
        return datagram
    }

    /// What the peer reports as lost, for encoders that protect.
    package func expectLoss(percent: Int) { encoder.expectLoss(percent: percent) }

    /// For a sender report; nil when nothing was sent since the last one.
    package mutating func makeSenderInfo(at now: Instant) -> RTCPSenderInfo? { stream.makeSenderInfo(at: now) }

    private mutating func finish(
        _ header: RTPHeader, size: Int, isEvent: Bool, at now: Instant, datagram: UnsafeMutableRawBufferPointer
    ) -> Int? {
        guard (try? header.write(into: datagram)) != nil else { return nil }
        stream.sent(header, payloadBytes: size, isEvent: isEvent, at: now)
        return RTPHeader.sizeBytes + size
    }
}
