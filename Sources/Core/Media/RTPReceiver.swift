package import Primitives
package import RTP

/// The receiving half of an endpoint that plays audio itself: packets in, samples out at the endpoint's own pace
/// (`AudioPlayout`); keys come out as events.
package struct RTPReceiver {
    package enum Received: Hashable, Sendable {
        case audio
        /// The first packet seen of a telephone event.
        case event(UInt8)
        /// The peer falls silent, or describes its silence anew.
        case comfortNoise
        /// A further packet of an event already told of.
        case eventContinues
        /// Not RTP, another payload type, an outlier or a duplicate.
        case dropped
    }

    package private(set) var payloadType: UInt8
    package private(set) var telephoneEventPayloadType: UInt8?
    package private(set) var reception: ReceptionStatistics
    package private(set) var dropped: UInt64 = 0
    private var audio: AudioPlayout
    private var keys: TelephoneEventReader
    private var takesComfortNoise: Bool

    package init(
        codec: AudioCodec, payloadType: UInt8, telephoneEventPayloadType: UInt8? = nil, decoder: any AudioDecoder,
        delay: Duration = .milliseconds(40)
    ) {
        self.payloadType = payloadType
        self.telephoneEventPayloadType = telephoneEventPayloadType
        reception = ReceptionStatistics(clockRate: codec.clockRate)
        audio = AudioPlayout(codec: codec, decoder: decoder, delay: delay)
        keys = TelephoneEventReader(clockRate: codec.clockRate)
        takesComfortNoise = codec.clockRate == 8_000
    }

    /// Frames that had to be concealed.
    package var concealedFrames: UInt64 { audio.concealedFrames }
    /// Samples cut out and put in, at the decoder's rate.
    package var samplesCut: UInt64 { audio.samplesCut }
    package var samplesAdded: UInt64 { audio.samplesAdded }
    package var playout: PlayoutBuffer { audio.playout }

    /// Goes on with another codec or payload type, as a new description asks for. What waits to be played is of the old
    /// codec and is dropped; the statistics go on.
    package mutating func change(
        to codec: AudioCodec, payloadType: UInt8, telephoneEventPayloadType: UInt8?, decoder: any AudioDecoder
    ) {
        self.payloadType = payloadType
        self.telephoneEventPayloadType = telephoneEventPayloadType
        reception.setClockRate(codec.clockRate)
        audio.change(to: codec, decoder: decoder)
        keys = TelephoneEventReader(clockRate: codec.clockRate)
        takesComfortNoise = codec.clockRate == 8_000
    }

    /// Takes a datagram from the RTP port.
    package mutating func receive(_ datagram: UnsafeRawBufferPointer, at now: Instant) -> Received {
        guard let header = try? RTPHeader(parsing: datagram) else { return drop() }
        let isEvent = header.payloadType == telephoneEventPayloadType
        let isAudio = header.payloadType == payloadType
        let isNoise = header.payloadType == ComfortNoise.payloadType && takesComfortNoise
        guard isEvent || isAudio || isNoise else { return drop() }
        let arrival = reception.receive(header, at: now, measuresJitter: !isEvent)
        switch arrival {
        case .outlier, .duplicate: return drop()
        case .first: keys.reset()
        case .next, .late: break
        }
        let payload = header.payload(of: datagram)
        if isEvent {
            audio.event(header, arrival: arrival)
            guard let event = try? TelephoneEvent(parsing: payload) else { return drop() }
            return keys.read(event, header).isNew ? .event(event.event) : .eventContinues
        }
        guard isAudio else {
            return audio.comfortNoise(header, arrival: arrival, payload: payload) ? .comfortNoise : drop()
        }
        switch audio.audio(header, arrival: arrival, payload: payload, at: now) {
        case .kept: return .audio
        case .late:
            reception.discard(sequence: header.sequence)
            return .audio
        case .duplicate, .tooBig: return drop()
        }
    }

    package mutating func receive(_ datagram: [UInt8], at now: Instant) -> Received {
        datagram.withUnsafeBytes { receive($0, at: now) }
    }

    /// Fills all of `pcm` (at the decoder's rate; any length); returns how many samples came from the network or
    /// stand for lost ones. The rest is silence, or the peer's comfort noise.
    package mutating func read(into output: UnsafeMutableBufferPointer<Int16>, at now: Instant) -> Int {
        audio.read(into: output, at: now)
    }

    package mutating func read(_ count: Int, at now: Instant) -> (pcm: [Int16], heard: Int) {
        var samples = [Int16](repeating: 0, count: count)
        let heard = samples.withUnsafeMutableBufferPointer { read(into: $0, at: now) }
        return (samples, heard)
    }

    /// The report block for RTCP; starts the next reporting interval.
    package mutating func makeReport() -> RTCPReportBlock? { reception.makeReport() }

    /// Writes a compound report of an endpoint's two halves; returns its size, nil when the buffer is too small.
    package mutating func writeReport(
        _ rtcp: inout RTCPSession, sender: inout RTPSender, isLast: Bool = false,
        into buffer: UnsafeMutableRawBufferPointer, at now: Instant
    ) -> Int? {
        let review = StreamReview(
            reception, codec: audio.codec, ptime: sender.ptime, roundTrip: rtcp.roundTrip, buffer: playout.depth)
        return try? rtcp.write(
            into: buffer, ssrc: sender.stream.ssrc, sender: sender.makeSenderInfo(at: now), reception: &reception,
            metrics: review.metrics, isLast: isLast, at: now)
    }

    private mutating func drop() -> Received {
        dropped += 1
        return .dropped
    }
}
