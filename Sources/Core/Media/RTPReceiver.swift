package import Primitives
package import RTP

/// The receiving half of an endpoint that plays audio itself: packets in, samples out at the endpoint's own pace, with
/// reordering, playout delay and concealment; keys come out as events, and a peer that falls silent is stood in for by
/// the background noise that it describes (RFC 3389).
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
    /// More than 120 ms at 48 kHz.
    private static let decodedAtMost = 5_760 + 960

    package private(set) var payloadType: UInt8
    package private(set) var telephoneEventPayloadType: UInt8?
    package private(set) var reception: ReceptionStatistics
    /// Frames that had to be concealed.
    package private(set) var concealedFrames: UInt64 = 0
    package private(set) var dropped: UInt64 = 0
    private var decoder: any AudioDecoder
    private var playout: PlayoutBuffer
    private var pcm: [Int16]
    private var pending = 0..<0
    private var lastSamples: Int
    private var lastEvent: (event: UInt8, timestamp: UInt32)?
    private var takesComfortNoise: Bool
    /// Received, but what was said before is still to be played.
    private var comingNoise: ComfortNoise?
    private var noise: ComfortNoiseGenerator
    private var isQuiet = false

    package init(
        codec: AudioCodec, payloadType: UInt8, telephoneEventPayloadType: UInt8? = nil, decoder: any AudioDecoder,
        delay: Duration = .milliseconds(40)
    ) {
        self.payloadType = payloadType
        self.telephoneEventPayloadType = telephoneEventPayloadType
        self.decoder = decoder
        reception = ReceptionStatistics(clockRate: codec.clockRate)
        playout = PlayoutBuffer(delay: delay)
        pcm = [Int16](repeating: 0, count: Self.decodedAtMost)
        lastSamples = decoder.rate / 50
        takesComfortNoise = codec.clockRate == 8_000
        noise = ComfortNoiseGenerator(rate: decoder.rate)
    }

    /// Goes on with another codec or payload type, as a new description asks for. What waits to be played is of the old
    /// codec and is dropped; the statistics go on.
    package mutating func change(
        to codec: AudioCodec, payloadType: UInt8, telephoneEventPayloadType: UInt8?, decoder: any AudioDecoder
    ) {
        self.payloadType = payloadType
        self.telephoneEventPayloadType = telephoneEventPayloadType
        self.decoder = decoder
        reception.setClockRate(codec.clockRate)
        playout.removeAll()
        pending = 0..<0
        lastSamples = decoder.rate / 50
        lastEvent = nil
        takesComfortNoise = codec.clockRate == 8_000
        comingNoise = nil
        noise = ComfortNoiseGenerator(rate: decoder.rate)
        isQuiet = false
    }

    /// Takes a datagram from the RTP port.
    package mutating func receive(_ datagram: UnsafeRawBufferPointer, at now: Instant) -> Received {
        guard let header = try? RTPHeader(parsing: datagram) else { return drop() }
        let isEvent = header.payloadType == telephoneEventPayloadType
        let isAudio = header.payloadType == payloadType
        let isNoise = header.payloadType == ComfortNoise.payloadType && takesComfortNoise
        guard isEvent || isAudio || isNoise else { return drop() }
        switch reception.receive(header, at: now, measuresJitter: !isEvent) {
        case .outlier, .duplicate: return drop()
        case .first: playout.removeAll()
        case .next, .late: break
        }
        let payload = header.payload(of: datagram)
        if isEvent {
            // An empty payload keeps the place, so that the event is not taken for a loss.
            playout.insert(sequence: header.sequence, payload: UnsafeRawBufferPointer(start: nil, count: 0), at: now)
            guard let event = try? TelephoneEvent(parsing: payload) else { return drop() }
            if let lastEvent, lastEvent == (event.event, header.timestamp) { return .eventContinues }
            lastEvent = (event.event, header.timestamp)
            return .event(event.event)
        }
        guard isAudio else {
            guard let described = ComfortNoise(parsing: payload) else { return drop() }
            comingNoise = described
            playout.insert(sequence: header.sequence, payload: UnsafeRawBufferPointer(start: nil, count: 0), at: now)
            return .comfortNoise
        }
        playout.insert(sequence: header.sequence, payload: payload, at: now)
        return .audio
    }

    package mutating func receive(_ datagram: [UInt8], at now: Instant) -> Received {
        datagram.withUnsafeBytes { receive($0, at: now) }
    }

    /// Fills all of `pcm` (at the decoder's rate; any length); returns how many samples came from the network or
    /// stand for lost ones. The rest is silence, or the peer's comfort noise.
    package mutating func read(into output: UnsafeMutableBufferPointer<Int16>, at now: Instant) -> Int {
        var written = 0
        while written < output.count {
            if pending.isEmpty, !refill(at: now) { break }
            let count = min(pending.count, output.count - written)
            for index in 0..<count { output[written + index] = pcm[pending.lowerBound + index] }
            pending = pending.lowerBound + count..<pending.upperBound
            written += count
        }
        Self.silence(UnsafeMutableBufferPointer(rebasing: output[written...]), isQuiet, &noise)
        return written
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
        try? rtcp.write(
            into: buffer, ssrc: sender.stream.ssrc, sender: sender.makeSenderInfo(at: now), reception: &reception,
            isLast: isLast, at: now)
    }

    /// True when `pending` has samples again.
    private mutating func refill(at now: Instant) -> Bool {
        let decoder = decoder
        let last = lastSamples
        var conceals = false
        var isSilent = false
        let isQuiet = isQuiet
        let count = pcm.withUnsafeMutableBufferPointer { pcm in
            playout.take(at: now) { frame -> Int in
                switch frame {
                case .empty: return 0
                case .payload(let payload):
                    if payload.isEmpty {
                        isSilent = true
                        return last
                    }
                    if let decoded = decoder.decode(payload, into: pcm), decoded > 0 { return decoded }
                    conceals = true
                    decoder.conceal(into: UnsafeMutableBufferPointer(rebasing: pcm[..<last]), next: nil)
                    return last
                case .lost where isQuiet:
                    isSilent = true
                    return last
                case .lost(let next):
                    conceals = true
                    let following = next.flatMap { $0.isEmpty ? nil : $0 }
                    decoder.conceal(into: UnsafeMutableBufferPointer(rebasing: pcm[..<last]), next: following)
                    return last
                }
            }
        }
        if conceals { concealedFrames += 1 }
        if isSilent {
            if let comingNoise {
                noise.update(comingNoise)
                self.isQuiet = true
            }
            comingNoise = nil
            Self.silence(&pcm, count, self.isQuiet, &noise)
        } else if count > 0 {
            self.isQuiet = false
            lastSamples = count
        }
        pending = 0..<count
        return count > 0
    }

    /// What is heard of a peer that sends nothing.
    private static func silence(
        _ output: UnsafeMutableBufferPointer<Int16>, _ isQuiet: Bool, _ noise: inout ComfortNoiseGenerator
    ) {
        if isQuiet { noise.fill(output) } else { output.update(repeating: 0) }
    }

    private static func silence(
        _ pcm: inout [Int16], _ count: Int, _ isQuiet: Bool, _ noise: inout ComfortNoiseGenerator
    ) {
        pcm.withUnsafeMutableBufferPointer {
            silence(UnsafeMutableBufferPointer(rebasing: $0[..<count]), isQuiet, &noise)
        }
    }

    private mutating func drop() -> Received {
        dropped += 1
        return .dropped
    }
}
