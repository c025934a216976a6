import Primitives
import RTP

/// One direction of a call whose sides differ in codec or packet time: decodes and encodes on arrival.
///
/// Between the codecs stand samples at the highest rate that both can make use of: 16 kHz between G.722 and Opus, 8 kHz
/// as soon as one side is G.711. A codec that has another rate of its own converts inside.
/// Order of things for a packet: conceal what is missing before it, decode it, encode every full frame. There is no
/// playout delay; only packets of a network that reorders wait for each other (`ReorderWindow`), and one that comes after
/// its place was concealed is dropped.
struct Transcoder {
    /// What a transcoder is made for; another key needs another one.
    struct Key: Equatable, Sendable {
        var source: AudioCodec
        var sink: AudioCodec
        var sourceEvents: TelephoneEventClock
        var sinkEvents: TelephoneEventClock
        /// Samples per second between the codecs.
        var rate: Int
        /// Samples at `rate` in an outgoing packet.
        var frameSamples: Int
        var keys: KeyCrossing
        /// What the sink wants of Opus.
        var opus: OpusParameters?

        init(from source: MediaStreamDescription, to sink: MediaStreamDescription) {
            self.source = source.codec
            self.sink = sink.codec
            sourceEvents = TelephoneEventClock(source)
            sinkEvents = TelephoneEventClock(sink)
            opus = sink.codec == .opus ? sink.opus : nil
            rate = min(
                source.codec.sampleRate, sink.codec.sampleRate, Transcoder.highestRate,
                OpusParameters.sampleRate(opus?.maxPlaybackRate ?? 48_000),
                OpusParameters.sampleRate(source.opus?.maxCaptureRate ?? 48_000))
            frameSamples = Transcoder.frameSamples(sink.codec, ptime: sink.ptime, rate: rate)
            keys = KeyCrossing(from: source, to: sink)
        }
    }
    /// What became of packets that were given to it, beside audio.
    struct Outcome {
        /// Payloads that could not be decoded.
        var undecodable = 0
        /// The packet came after its place was filled.
        var isLate = false
        /// Packets wait for others.
        var isHolding = false
    }
    /// Speech has little above 8 kHz, and no pair of codecs here carries more across.
    private static let highestRate = 16_000

    let key: Key
    let rate: Int
    /// No more than 120 ms of a gap are concealed; the rest becomes a pause.
    private let concealedAtMost: Int
    /// An event that begins further from the audio around it counts in a timeline of its own (see `eventStart`).
    private let farthestEvent: Int
    /// A timestamp that runs further ahead starts the timeline anew.
    private let farthestJump: Int
    private let decoder: any AudioDecoder
    private let encoder: any AudioEncoder
    let pcm: SampleBuffer
    var count = 0
    private(set) var isSynchronised = false
    private var marker = true
    /// The source has said that it falls silent: what is missing then is no speech to be made up for.
    private var isQuiet = false
    /// Source timestamp of the sample after the last decoded one.
    var expected: UInt32 = 0
    private var lastSamples: Int
    /// Outgoing timestamp of `pcm[0]`.
    private var start: UInt32 = 0
    private var events: EventMapper
    /// For a sink that takes no telephone events.
    var tones: EventTones?
    /// For a source that sends none.
    private var inBand: InBandKeys?
    private var window: ReorderWindow
    var made: MadeAudio

    init(_ key: Key, codecs: any CodecFactory) throws(MediaFailure) {
        self.key = key
        rate = key.rate
        window = ReorderWindow(clockRate: key.source.clockRate)
        made = MadeAudio(rate: key.rate)
        decoder = try codecs.makeDecoder(key.source, rate: rate)
        encoder = try codecs.makeEncoder(key.sink, rate: rate, for: key.opus)
        concealedAtMost = rate * 120 / 1_000
        farthestEvent = rate
        farthestJump = 60 * rate
        lastSamples = rate / 50
        // 200 ms are more than a datagram of G.711 or G.722 can hold, and than the 120 ms of Opus.
        pcm = SampleBuffer(count: key.frameSamples + rate / 5)
        events = EventMapper(source: key.sourceEvents, sink: key.sinkEvents)
        switch key.keys {
        case .asTheyAre: break
        case .toTones: tones = EventTones(key.sourceEvents, rate: rate)
        case .toEvents: inBand = InBandKeys(rate: rate, clockRate: key.sinkEvents.event)
        }
    }

    /// Samples of a packet of `codec` that comes closest to `ptime` from below.
    static func frameSamples(_ codec: AudioCodec, ptime: Duration, rate: Int) -> Int {
        let samples = ptime.ticks(rate: rate)
        let shortest = rate / 100
        switch codec {
        case .opus: return [6, 4, 2].map { $0 * shortest }.first { $0 <= samples } ?? shortest
        case .pcmu, .pcma: return max(shortest, min(10 * shortest, samples))
        case .g722: return max(shortest, min(10 * shortest, samples / 2 * 2))
        }
    }

    /// How many samples so many ticks of the source's clock are.
    private func samples(ofTicks ticks: Int) -> Int { ticks * rate / key.source.clockRate }

    /// How far the source's timestamp moves on in so many samples.
    func sourceTicks(_ samples: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: samples * key.source.clockRate / rate)
    }

    /// How far the sink's timestamp moves on in so many samples.
    private func sinkTicks(_ samples: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: samples * key.sink.clockRate / rate)
    }

    /// After a pause (hold, an unknown destination): the next packet starts a talk spurt.
    mutating func desynchronise() {
        isSynchronised = false
        window.restart()
    }

    /// When packets that wait for others have waited long enough; nil when none do.
    var nextDeadline: Instant? { window.nextDeadline }

    /// The peer's last report: what it loses decides how much the encoder protects.
    func expectLoss(fractionOf256 fraction: UInt8) { encoder.expectLoss(percent: (Int(fraction) * 100 + 128) / 256) }

    /// Takes a packet of the source's codec.
    mutating func audio(
        _ header: RTPHeader, arrival: ReceptionStatistics.Arrival, payload: UnsafeRawBufferPointer, at now: Instant,
        sink: inout MediaLeg, output: inout PacketBatch
    ) -> Outcome {
        var outcome = Outcome()
        if tones != nil, isOverlapped(header) {
            giveWay(to: header.sequence, at: now, sink: &sink, output: &output)
            return outcome
        }
        switch arrival {
        case .duplicate, .outlier: return outcome
        case .first:
            release(at: nil, now: now, sink: &sink, output: &output, &outcome)
            desynchronise()
        case .next, .late: break
        }
        var verdict = window.admit(header, payload: payload, at: now)
        if verdict == .full {
            release(at: nil, now: now, sink: &sink, output: &output, &outcome)
            verdict = window.admit(header, payload: payload, at: now)
        }
        switch verdict {
        case .pass(var missing):
            // What was not meant for here, as during hold, is not missing.
            if case .next(let unseen) = arrival { missing = min(missing, unseen) }
            play(header, missing: missing, payload: payload, at: now, sink: &sink, output: &output, &outcome)
        case .late: outcome.isLate = true
        case .held, .full: break
        }
        if window.count > 0 { release(at: now, now: now, sink: &sink, output: &output, &outcome) }
        outcome.isHolding = window.count > 0
        return outcome
    }

    /// Plays what has waited long enough.
    mutating func handleDeadline(at now: Instant, sink: inout MediaLeg, output: inout PacketBatch) -> Outcome {
        var outcome = Outcome()
        release(at: now, now: now, sink: &sink, output: &output, &outcome)
        outcome.isHolding = window.count > 0
        return outcome
    }

    /// Plays what need not wait longer at `instant`, or all; what finds no room waits for the next occasion.
    private mutating func release(
        at instant: Instant?, now: Instant, sink: inout MediaLeg, output: inout PacketBatch, _ outcome: inout Outcome
    ) {
        while instant == nil || output.hasRoomForOneInput, let held = window.takeNext(at: instant) {
            play(
                held.header, missing: held.missing, payload: held.payload, at: now, sink: &sink, output: &output,
                &outcome)
        }
    }

    /// Fills what is missing before a packet, and decodes it.
    private mutating func play(
        _ header: RTPHeader, missing: Int, payload: UnsafeRawBufferPointer, at now: Instant, sink: inout MediaLeg,
        output: inout PacketBatch, _ outcome: inout Outcome
    ) {
        guard made.takesMore(at: now) else {
            isSynchronised = false
            outcome.undecodable += 1
            return
        }
        if isSynchronised {
            bridge(to: header, missing: missing, payload: payload, at: now, sink: &sink, output: &output)
        }
        if !isSynchronised { synchronise(to: header, at: now, sink: sink) }
        isQuiet = false
        if header.marker, count == 0 { marker = true }
        guard let decoded = decoder.decode(payload, into: pcm[count..<pcm.count]), decoded > 0 else {
            outcome.undecodable += 1
            return
        }
        expected = header.timestamp &+ sourceTicks(decoded)
        lastSamples = decoded
        made.add(decoded)
        count += decoded
        drain(at: now, sink: &sink, output: &output)
    }

    /// Before a packet that is no audio, nothing waits any longer.
    private mutating func giveWay(
        to sequence: UInt16, at now: Instant, sink: inout MediaLeg, output: inout PacketBatch
    ) {
        var outcome = Outcome()
        release(at: nil, now: now, sink: &sink, output: &output, &outcome)
        window.skip(sequence)
    }

    /// The source falls silent and says how its background sounds (RFC 3389). What is begun goes out; the pause that
    /// follows is passed on as one, with that background if the sink takes it.
    mutating func comfortNoise(
        _ header: RTPHeader, arrival: ReceptionStatistics.Arrival, payload: UnsafeRawBufferPointer, at now: Instant,
        sink: inout MediaLeg, output: inout PacketBatch
    ) {
        giveWay(to: header.sequence, at: now, sink: &sink, output: &output)
        guard case .next(let missing) = arrival, isSynchronised else { return }
        bridge(to: header, missing: missing, payload: nil, at: now, sink: &sink, output: &output)
        expected = header.timestamp
        pad(at: now, sink: &sink, output: &output)
        isQuiet = true
        // The spectrum is one of the source's samples: of another rate, only the level means the same.
        let isSame = key.source.sampleRate == key.sink.sampleRate
        let noise = isSame ? payload : UnsafeRawBufferPointer(rebasing: payload.prefix(1))
        if isSynchronised { sink.sendNoise(noise, timestamp: start, at: now, output: &output) }
    }

    /// Takes a telephone event of the source, and sends it under the sink's payload type and clocks.
    mutating func event(
        _ header: RTPHeader, payload: UnsafeRawBufferPointer, at now: Instant, sink: inout MediaLeg,
        output: inout PacketBatch
    ) -> Bool {
        giveWay(to: header.sequence, at: now, sink: &sink, output: &output)
        guard let event = try? TelephoneEvent(parsing: payload) else { return false }
        if tones != nil {
            sound(event, header, at: now, sink: &sink, output: &output)
            return true
        }
        guard let payloadType = sink.eventPayloadType, let destination = sink.destination else {
            return true
        }
        if events.isNew(event, timestamp: header.timestamp) {
            pad(at: now, sink: &sink, output: &output)
            let outgoing = eventStart(header.timestamp) ?? sink.stream.timestamp(at: now)
            events.begin(event, timestamp: header.timestamp, outgoingStart: outgoing)
        }
        guard let mapped = events.map(event), let slot = output.reserve() else { return true }
        let body = UnsafeMutableRawBufferPointer(rebasing: slot[RTPHeader.sizeBytes...])
        guard (try? mapped.event.write(into: body)) != nil else { return true }
        let outgoing = sink.stream.nextHeader(
            payloadType: payloadType, timestamp: mapped.timestamp, marker: header.marker)
        sink.send(
            outgoing, payloadBytes: TelephoneEvent.sizeBytes, isEvent: true, in: slot, to: destination, at: now,
            output: &output)
        return true
    }

    // MARK: Timeline

    mutating func synchronise(to header: RTPHeader, at now: Instant, sink: borrowing MediaLeg) {
        count = 0
        expected = header.timestamp
        start = sink.resumption(at: now)
        sink.history.lead(encoder)
        marker = true
        isSynchronised = true
    }

    /// The outgoing timestamp of an event that begins at a source timestamp; nil when there is no relation to the
    /// audio, as from a peer that counts events of another clock apart from it.
    private func eventStart(_ timestamp: UInt32) -> UInt32? {
        guard isSynchronised else { return nil }
        let samples = samples(ofTicks: Int(Int32(bitPattern: timestamp &- expected)))
        let sharesClock = key.sourceEvents.audio == key.sourceEvents.event
        guard abs(samples) <= (sharesClock ? farthestJump : farthestEvent) else { return nil }
        return start &+ sinkTicks(count + samples)
    }

    /// Fills or skips what lies between `expected` and this packet.
    mutating func bridge(
        to header: RTPHeader, missing: Int, payload: UnsafeRawBufferPointer?, at now: Instant, sink: inout MediaLeg,
        output: inout PacketBatch
    ) {
        var gap = samples(ofTicks: Int(Int32(bitPattern: header.timestamp &- expected)))
        if gap == 0 { return }
        guard gap > 0, gap <= farthestJump else {
            pad(at: now, sink: &sink, output: &output)
            isSynchronised = false
            return
        }
        if missing > 0, !isQuiet {
            let concealed = min(gap, concealedAtMost)
            conceal(concealed, next: concealed == gap ? payload : nil, at: now, sink: &sink, output: &output)
            gap -= concealed
        }
        if gap <= key.frameSamples {
            pcm[count..<count + gap].update(repeating: 0)
            count += gap
            drain(at: now, sink: &sink, output: &output)
        } else {
            let resumed = start &+ sinkTicks(count + gap)
            pad(at: now, sink: &sink, output: &output)
            start = resumed
            marker = true
        }
    }

    private mutating func conceal(
        _ samples: Int, next: UnsafeRawBufferPointer?, at now: Instant, sink: inout MediaLeg, output: inout PacketBatch
    ) {
        var left = samples
        while left > 0 {
            let chunk = min(left, lastSamples, concealedAtMost)
            decoder.conceal(into: pcm[count..<count + chunk], next: chunk == left ? next : nil)
            made.add(chunk)
            count += chunk
            left -= chunk
            drain(at: now, sink: &sink, output: &output)
        }
    }

    // MARK: Outgoing frames

    /// Sends what is left of a frame with silence behind it, which the source's timeline is then ahead by as well.
    mutating func pad(at now: Instant, sink: inout MediaLeg, output: inout PacketBatch) {
        guard count > 0, isSynchronised else { return }
        let silence = key.frameSamples - count
        pcm[count..<key.frameSamples].update(repeating: 0)
        count = key.frameSamples
        expected = expected &+ sourceTicks(silence)
        drain(at: now, sink: &sink, output: &output)
    }

    mutating func drain(at now: Instant, sink: inout MediaLeg, output: inout PacketBatch) {
        let size = key.frameSamples
        var consumed = 0
        while count - consumed >= size {
            encodeFrame(at: consumed, now: now, sink: &sink, output: &output)
            start = start &+ sinkTicks(size)
            consumed += size
        }
        guard consumed > 0 else { return }
        count -= consumed
        pcm.moveToFront(consumed..<consumed + count)
    }

    private mutating func encodeFrame(
        at offset: Int, now: Instant, sink: inout MediaLeg, output: inout PacketBatch
    ) {
        let size = key.frameSamples
        if let press = inBand?.take(UnsafeBufferPointer(pcm[offset..<offset + size]), at: start) {
            return sink.send(press, timestamp: press.timestamp, at: now, output: &output)
        }
        guard let destination = sink.destination, let payloadType = sink.payloadType,
            let slot = output.reserve()
        else { return }
        let bytes = encoder.encode(
            UnsafeBufferPointer(pcm[offset..<offset + size]),
            into: UnsafeMutableRawBufferPointer(rebasing: slot[RTPHeader.sizeBytes...]))
        guard let bytes else { return }
        if bytes <= MediaLeg.opusPauseBytes, key.opus?.usesDTX == true {
            marker = true  // nothing need be sent, and what follows begins a talk spurt (RFC 7587 section 3.1.3)
            return
        }
        let header = sink.stream.nextHeader(payloadType: payloadType, timestamp: start, marker: marker)
        sink.send(header, payloadBytes: bytes, in: slot, to: destination, at: now, output: &output)
        marker = false
    }
}
