package import Primitives
package import RTP

/// Where received audio is played: payloads in at the network's pace, samples out at ours, with reordering, adaptive delay
/// and concealment; a peer that falls silent is stood in for by the background noise that it describes (RFC 3389).
///
/// The delay is changed, and another clock of the sender's made up for, by cutting out or putting in pitch periods
/// (`TimeScaler`): at once when more delay is needed, at leisure when less will do. Whoever owns it has looked at headers
/// and payload types. After set-up nothing is allocated. Copies share the decoder and its samples: keep one.
package struct AudioPlayout {
    /// Frames between two cuts; a delay that is more than 100 ms too long is cut faster.
    private static let framesPerCut = 5
    private static let framesPerUrgentCut = 2
    private static let urgent = Duration.milliseconds(100)
    /// One that is too short by more is made longer even where it can be heard: packets are about to come late.
    private static let short = Duration.milliseconds(-15)
    /// More than 120 ms at 48 kHz.
    private static let decodedAtMost = 5_760 + 960
    /// So long (of a second, a fraction) the first sample after a change of decoders approaches its value.
    private static let bridged = 400

    package private(set) var codec: AudioCodec
    /// Samples per second of what `read` gives.
    package private(set) var rate: Int
    /// Frames that had to be concealed.
    package private(set) var concealedFrames: UInt64 = 0
    /// Payloads that the decoder did not understand.
    package private(set) var undecodable: UInt64 = 0
    /// Samples cut out and put in, at `rate`.
    package private(set) var samplesCut: UInt64 = 0
    package private(set) var samplesAdded: UInt64 = 0
    package private(set) var playout: PlayoutBuffer
    private var decoder: any AudioDecoder
    private var scaler: TimeScaler
    private var framesSinceCut = 0
    private let initialDelay: Duration
    private let pcm = SampleBuffer(count: decodedAtMost)
    private var pending = 0..<0
    private var lastSamples: Int
    /// Received, but what was said before is still to be played.
    private var comingNoise: ComfortNoise?
    private var noise: ComfortNoiseGenerator
    private var isQuiet = false
    /// The last sample given, and for how many more it is faded out of after a change of decoders.
    private var lastSample: Int16 = 0
    private var bridging = 0

    /// `delay` holds until the network's jitter is known.
    package init(codec: AudioCodec, decoder: any AudioDecoder, delay: Duration = .milliseconds(40)) {
        self.codec = codec
        self.decoder = decoder
        rate = decoder.rate
        initialDelay = delay
        playout = PlayoutBuffer(clockRate: codec.clockRate, delay: delay)
        scaler = TimeScaler(rate: rate)
        lastSamples = rate / 50
        noise = ComfortNoiseGenerator(rate: rate)
    }

    /// Goes on with another codec: what waits is of the old one, and is dropped.
    package mutating func change(to codec: AudioCodec, decoder: any AudioDecoder) {
        self.codec = codec
        self.decoder = decoder
        rate = decoder.rate
        playout = PlayoutBuffer(clockRate: codec.clockRate, delay: initialDelay)
        scaler = TimeScaler(rate: rate)
        pending = 0..<0
        lastSamples = rate / 50
        comingNoise = nil
        noise = ComfortNoiseGenerator(rate: rate)
        isQuiet = false
        bridging = rate / Self.bridged
    }

    /// Goes on at another rate with a new decoder of the same codec: what waits is kept.
    package mutating func change(rateOf decoder: any AudioDecoder) {
        let old = rate
        self.decoder = decoder
        rate = decoder.rate
        scaler = TimeScaler(rate: rate)
        lastSamples = lastSamples * rate / old
        pending = 0..<0
        noise = ComfortNoiseGenerator(rate: rate)
        isQuiet = false
        bridging = rate / Self.bridged
    }

    // MARK: From the network

    /// Takes a payload of the codec; what `ReceptionStatistics` calls an outlier or a duplicate is not for here.
    package mutating func audio(
        _ header: RTPHeader, arrival: ReceptionStatistics.Arrival, payload: UnsafeRawBufferPointer, at now: Instant
    ) -> PlayoutBuffer.Insertion {
        begin(arrival)
        return playout.insert(sequence: header.sequence, timestamp: header.timestamp, payload: payload, at: now)
    }

    /// A telephone event took this place in the sequence: nothing is missing there.
    package mutating func event(_ header: RTPHeader, arrival: ReceptionStatistics.Arrival) {
        begin(arrival)
        playout.insert(.event, sequence: header.sequence)
    }

    /// From here on the peer is silent; false when the payload says nothing.
    package mutating func comfortNoise(
        _ header: RTPHeader, arrival: ReceptionStatistics.Arrival, payload: UnsafeRawBufferPointer
    ) -> Bool {
        begin(arrival)
        guard let described = ComfortNoise(parsing: payload) else { return false }
        comingNoise = described
        playout.insert(.comfortNoise, sequence: header.sequence)
        return true
    }

    private mutating func begin(_ arrival: ReceptionStatistics.Arrival) {
        if arrival == .first { playout.removeAll() }
    }

    // MARK: To the ear

    /// Fills all of `output` (at `rate`; any length); returns how many samples came from the network or stand for lost
    /// ones. The rest is silence, or the peer's comfort noise.
    package mutating func read(into output: UnsafeMutableBufferPointer<Int16>, at now: Instant) -> Int {
        var written = 0
        playout.block = .nanoseconds(Int64(output.count) * 1_000_000_000 / Int64(rate))
        while written < output.count {
            let played = now + .nanoseconds(Int64(written) * 1_000_000_000 / Int64(rate))
            if pending.isEmpty, !refill(at: played) { break }
            let count = min(pending.count, output.count - written)
            let source = pcm[pending.lowerBound..<pending.lowerBound + count]
            for index in 0..<count { output[written + index] = source[index] }
            pending = pending.lowerBound + count..<pending.upperBound
            written += count
        }
        silence(UnsafeMutableBufferPointer(rebasing: output[written...]))
        if bridging > 0 { bridge(output) }
        if let last = output.last { lastSample = last }
        return written
    }

    /// From the last sample of the old decoder to the first ones of the new, so that nothing clicks.
    private mutating func bridge(_ output: UnsafeMutableBufferPointer<Int16>) {
        let length = rate / Self.bridged
        for index in 0..<min(bridging, output.count) {
            let left = bridging - index
            output[index] = Int16(
                truncatingIfNeeded: (Int(lastSample) * left + Int(output[index]) * (length - left)) / length)
        }
        bridging = max(0, bridging - output.count)
    }

    /// What a frame of the playout buffer has become.
    private enum Refill { case audio(Int), unintelligible(Int), concealed(Int), standIn(Int), silence(Int), nothing }

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
            playout.advance(ticks: decoded * codec.clockRate / rate)
            count = scale(decoded)
        case .unintelligible(let samples), .concealed(let samples):
            if case .unintelligible = frame { undecodable += 1 }
            concealedFrames += 1
            playout.advance(ticks: samples * codec.clockRate / rate)
            count = samples
        case .standIn(let samples):
            concealedFrames += 1
            count = samples
        case .silence(let samples):
            silence(pcm[0..<samples])
            count = samples
        case .nothing: count = 0
        }
        pending = 0..<count
        return count > 0
    }

    private mutating func takeFrame(at played: Instant) -> Refill {
        let decoder = decoder
        let last = lastSamples
        let (rate, clockRate) = (rate, codec.clockRate)
        let all = pcm[0..<pcm.count]
        let whole = pcm[0..<last]
        return playout.take(at: played) { frame -> Refill in
            switch frame {
            case .empty: return .nothing
            case .payload(let payload):
                if let decoded = decoder.decode(payload, into: all), decoded > 0 { return .audio(decoded) }
                decoder.conceal(into: whole, next: nil)
                return .unintelligible(last)
            case .lost(let next):
                decoder.conceal(into: whole, next: next)
                return .concealed(last)
            case .starved:
                decoder.conceal(into: whole, next: nil)
                return .standIn(last)
            case .pause(let ticks): return .silence(max(1, min(last, ticks * rate / clockRate)))
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
        let all = pcm[0..<pcm.count]
        let scaled =
            surplus > .zero
            ? scaler.shorten(all, count: count, isUrgent: isUrgent)
            : scaler.lengthen(all, count: count, isUrgent: isUrgent)
        if scaled == count { return count }
        framesSinceCut = 0
        if scaled < count { samplesCut += UInt64(count - scaled) } else { samplesAdded += UInt64(scaled - count) }
        return scaled
    }

    /// What is heard of a peer that sends nothing.
    private mutating func silence(_ output: UnsafeMutableBufferPointer<Int16>) {
        if isQuiet { noise.fill(output) } else { output.update(repeating: 0) }
    }
}
