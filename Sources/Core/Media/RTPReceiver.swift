package import Primitives
package import RTP

/// The receiving half of an endpoint that plays audio itself: packets in, samples out at the endpoint's own pace, with
/// reordering, adaptive playout delay and concealment; keys come out as events, and a peer that falls silent is stood in
/// for by the background noise that it describes (RFC 3389).
///
/// The delay is changed, and another clock of the sender's made up for, by cutting out or putting in pitch periods
/// (`TimeScaler`): at once when more delay is needed, at leisure when less will do.
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
    /// Frames between two cuts; a delay that is more than 100 ms too long is cut faster.
    private static let framesPerCut = 5
    private static let framesPerUrgentCut = 2
    private static let urgent = Duration.milliseconds(100)
    /// One that is too short by more is made longer even where it can be heard: packets are about to come late.
    private static let short = Duration.milliseconds(-15)
    /// More than 120 ms at 48 kHz.
    private static let decodedAtMost = 5_760 + 960

    package private(set) var payloadType: UInt8
    package private(set) var telephoneEventPayloadType: UInt8?
    package private(set) var reception: ReceptionStatistics
    /// Frames that had to be concealed.
    package private(set) var concealedFrames: UInt64 = 0
    package private(set) var dropped: UInt64 = 0
    /// Samples cut out and put in, at the decoder's rate.
    package private(set) var samplesCut: UInt64 = 0
    package private(set) var samplesAdded: UInt64 = 0
    private var decoder: any AudioDecoder
    package private(set) var playout: PlayoutBuffer
    private var scaler: TimeScaler
    private var framesSinceCut = 0
    private var codec: AudioCodec
    private let initialDelay: Duration
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
        self.codec = codec
        initialDelay = delay
        playout = PlayoutBuffer(clockRate: codec.clockRate, delay: delay)
        scaler = TimeScaler(rate: decoder.rate)
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
        self.codec = codec
        playout = PlayoutBuffer(clockRate: codec.clockRate, delay: initialDelay)
        scaler = TimeScaler(rate: decoder.rate)
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
            playout.insert(.event, sequence: header.sequence)
            guard let event = try? TelephoneEvent(parsing: payload) else { return drop() }
            if let lastEvent, lastEvent == (event.event, header.timestamp) { return .eventContinues }
            lastEvent = (event.event, header.timestamp)
            return .event(event.event)
        }
        guard isAudio else {
            guard let described = ComfortNoise(parsing: payload) else { return drop() }
            comingNoise = described
            playout.insert(.comfortNoise, sequence: header.sequence)
            return .comfortNoise
        }
        let kept = playout.insert(
            sequence: header.sequence, timestamp: header.timestamp, payload: payload, at: now)
        switch kept {
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
        var written = 0
        playout.block = .nanoseconds(Int64(output.count) * 1_000_000_000 / Int64(decoder.rate))
        while written < output.count {
            let played = now + .nanoseconds(Int64(written) * 1_000_000_000 / Int64(decoder.rate))
            if pending.isEmpty, !refill(at: played) { break }
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
        let review = StreamReview(
            reception, codec: codec, ptime: sender.ptime, roundTrip: rtcp.roundTrip, buffer: playout.depth)
        return try? rtcp.write(
            into: buffer, ssrc: sender.stream.ssrc, sender: sender.makeSenderInfo(at: now), reception: &reception,
            metrics: review.metrics, isLast: isLast, at: now)
    }

    /// What a frame of the playout buffer has become.
    private enum Refill { case audio(Int), concealed(Int), standIn(Int), silence(Int), nothing }

    /// True when `pending` has samples again; the first of them plays at `played`.
    private mutating func refill(at played: Instant) -> Bool {
        let count: Int
        let frame = takeFrame(at: played)
        if playout.lastMark == .comfortNoise, let comingNoise {
            noise.update(comingNoise)
            self.comingNoise = nil
            isQuiet = true
        }
        switch frame {
        case .audio(let decoded):
            isQuiet = false
            lastSamples = decoded
            playout.advance(ticks: decoded * codec.clockRate / decoder.rate)
            count = scale(decoded)
        case .concealed(let samples):
            concealedFrames += 1
            playout.advance(ticks: samples * codec.clockRate / decoder.rate)
            count = samples
        case .standIn(let samples):
            concealedFrames += 1
            count = samples
        case .silence(let samples):
            Self.silence(&pcm, samples, isQuiet, &noise)
            count = samples
        case .nothing: count = 0
        }
        pending = 0..<count
        return count > 0
    }

    private mutating func takeFrame(at played: Instant) -> Refill {
        let decoder = decoder
        let last = lastSamples
        let clockRate = codec.clockRate
        return pcm.withUnsafeMutableBufferPointer { pcm in
            playout.take(at: played) { frame -> Refill in
                let whole = UnsafeMutableBufferPointer(rebasing: pcm[..<last])
                switch frame {
                case .empty: return .nothing
                case .payload(let payload):
                    if let decoded = decoder.decode(payload, into: pcm), decoded > 0 { return .audio(decoded) }
                    decoder.conceal(into: whole, next: nil)
                    return .concealed(last)
                case .lost(let next):
                    decoder.conceal(into: whole, next: next)
                    return .concealed(last)
                case .starved:
                    decoder.conceal(into: whole, next: nil)
                    return .standIn(last)
                case .pause(let ticks): return .silence(max(1, min(last, ticks * decoder.rate / clockRate)))
                }
            }
        }
    }

    /// Makes the frame in `pcm` shorter or longer if the playout delay asks for it; how many samples it has then.
    private mutating func scale(_ count: Int) -> Int {
        framesSinceCut += 1
        let surplus = playout.surplus
        guard surplus != .zero else { return count }
        let isUrgent = surplus < Self.short || surplus > Self.urgent
        guard framesSinceCut >= (isUrgent ? Self.framesPerUrgentCut : Self.framesPerCut) else { return count }
        let scaled = pcm.withUnsafeMutableBufferPointer {
            surplus > .zero
                ? scaler.shorten($0, count: count, isUrgent: isUrgent)
                : scaler.lengthen($0, count: count, isUrgent: isUrgent)
        }
        if scaled == count { return count }
        framesSinceCut = 0
        if scaled < count { samplesCut += UInt64(count - scaled) } else { samplesAdded += UInt64(scaled - count) }
        return scaled
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
