import Primitives
import RTP

/// Keys of a relayed stream whose sink takes them in another way than its source sends them.
///
/// ```text
/// events of the source ──▶ EventTones ──▶ encoder of the sink's codec ──▶ audio, in the place of the events
/// audio of the source ──▶ decoder ──▶ InBandKeys ──▶ events, in the place of the audio while a key sounds
/// ```
/// All other audio is relayed as it is. Our numbers go on without a gap.
struct RelayedKeys {
    /// What this was made for; another key needs another one.
    struct Key: Equatable, Sendable {
        var codec: AudioCodec
        var crossing: KeyCrossing
        var sourceEvents: TelephoneEventClock
        var sinkEvents: TelephoneEventClock
        var ptime: Duration
        var opus: OpusParameters?

        init(from source: MediaStreamDescription, to sink: MediaStreamDescription) {
            codec = sink.codec
            crossing = KeyCrossing(from: source, to: sink)
            sourceEvents = TelephoneEventClock(source)
            sinkEvents = TelephoneEventClock(sink)
            ptime = sink.ptime
            opus = sink.opus
        }
    }

    /// Samples per second: the tones of keys lie below 2 kHz.
    private static let rate = 8_000

    let key: Key
    private var sounder: Sounder?
    private var tap: Tap?

    /// Nil when keys cross as they are, or there is no codec to make or hear them with.
    init?(_ key: Key, codecs: any CodecFactory) {
        self.key = key
        switch key.crossing {
        case .asTheyAre: return nil
        case .toTones:
            guard let encoder = try? codecs.makeEncoder(key.codec, rate: Self.rate, for: key.opus) else { return nil }
            sounder = Sounder(key, encoder)
        case .toEvents:
            guard let decoder = try? codecs.makeDecoder(key.codec, rate: Self.rate) else { return nil }
            tap = Tap(key, decoder)
        }
    }

    /// Takes what came from the source. True when it was dealt with; else it is to be relayed.
    mutating func take(
        _ accepted: MediaLeg.Accepted, _ datagram: UnsafeRawBufferPointer, at now: Instant, sink: inout MediaLeg,
        output: inout PacketBatch
    ) -> Bool {
        switch accepted {
        case .event(let header, let arrival):
            guard let event = try? TelephoneEvent(parsing: header.payload(of: datagram)) else { return false }
            return sounder?.take(event, header, arrival, at: now, sink: &sink, output: &output) ?? false
        case .audio(let header, let arrival):
            let payload = header.payload(of: datagram)
            if sounder != nil {
                return sounder?.givesWay(header, arrival, at: now, sink: &sink, output: &output) ?? false
            }
            return tap?.take(payload, header, arrival, at: now, sink: &sink, output: &output) ?? false
        case .comfortNoise(let header, let arrival):
            return tap?.pause(header, arrival, at: now, sink: &sink, output: &output) ?? false
        }
    }
}

extension RelayedKeys {
    /// Tones instead of events.
    private struct Sounder {
        private var tones: EventTones
        private let encoder: any AudioEncoder
        private let frame: SampleBuffer
        private var count = 0
        private let ticksPerFrame: UInt32
        /// The outgoing timestamp of `frame`.
        private var start: UInt32 = 0
        /// The last packet that was stood in for: an older one that comes late has no number any more.
        private var last: UInt16?
        private var made: MadeAudio

        init(_ key: Key, _ encoder: any AudioEncoder) {
            self.encoder = encoder
            tones = EventTones(key.sourceEvents, rate: encoder.rate)
            made = MadeAudio(rate: encoder.rate)
            let ptime = max(.milliseconds(10), min(.milliseconds(60), key.ptime))
            frame = SampleBuffer(count: ptime.ticks(rate: encoder.rate))
            ticksPerFrame = UInt32(clamping: ptime.ticks(rate: key.codec.clockRate))
        }

        mutating func take(
            _ event: TelephoneEvent, _ header: RTPHeader, _ arrival: ReceptionStatistics.Arrival, at now: Instant,
            sink: inout MediaLeg, output: inout PacketBatch
        ) -> Bool {
            if arrival == .first { tones.reset() }
            let place = sink.relayedTimestamp(of: header, arrival: arrival, at: now)
            if made.takesMore(at: now), let part = tones.take(event, header) {
                made.add(part.samples)
                if part.isNew {
                    flush(at: now, sink: &sink, output: &output)
                    start = place
                    sink.history.lead(encoder)
                }
                sound(part.samples, at: now, sink: &sink, output: &output)
                if part.isEnd {
                    flush(at: now, sink: &sink, output: &output)
                    tones.finish()
                }
            }
            if arrival != .late { resume(behind: header, sink: &sink) }
            return true
        }

        /// Whether audio of the source is not to be relayed, because a tone sounds in its place.
        mutating func givesWay(
            _ header: RTPHeader, _ arrival: ReceptionStatistics.Arrival, at now: Instant, sink: inout MediaLeg,
            output: inout PacketBatch
        ) -> Bool {
            if arrival == .first {
                tones.reset()
                count = 0
                last = nil
            }
            if arrival == .late { return last.map { (1..<100).contains($0 &- header.sequence) } ?? false }
            switch tones.overlap(with: header) {
            case .none: return false
            case .overlapped:
                resume(behind: header, sink: &sink)
                return true
            case .lapsed:
                flush(at: now, sink: &sink, output: &output)
                sink.resumeRelay(with: header.sequence)
                return false
            }
        }

        private mutating func resume(behind header: RTPHeader, sink: inout MediaLeg) {
            last = header.sequence
            sink.resumeRelay(with: header.sequence &+ 1)
        }

        private mutating func sound(
            _ samples: Int, at now: Instant, sink: inout MediaLeg, output: inout PacketBatch
        ) {
            var left = samples
            while left > 0 {
                let chunk = min(left, frame.count - count)
                tones.read(into: frame[count..<count + chunk])
                count += chunk
                left -= chunk
                if count == frame.count { send(at: now, sink: &sink, output: &output) }
            }
        }

        /// Sends what is begun, with silence behind it.
        private mutating func flush(at now: Instant, sink: inout MediaLeg, output: inout PacketBatch) {
            guard count > 0 else { return }
            frame[count..<frame.count].update(repeating: 0)
            send(at: now, sink: &sink, output: &output)
        }

        private mutating func send(at now: Instant, sink: inout MediaLeg, output: inout PacketBatch) {
            defer {
                count = 0
                start &+= ticksPerFrame
            }
            guard let destination = sink.destination, let payloadType = sink.payloadType, let slot = output.reserve()
            else { return }
            let bytes = encoder.encode(
                UnsafeBufferPointer(frame[0..<frame.count]),
                into: UnsafeMutableRawBufferPointer(rebasing: slot[RTPHeader.sizeBytes...]))
            guard let bytes else { return }
            let header = sink.stream.nextHeader(payloadType: payloadType, timestamp: start, marker: false)
            sink.send(header, payloadBytes: bytes, in: slot, to: destination, at: now, output: &output)
        }
    }

    /// Events instead of tones.
    private struct Tap {
        /// 120 ms of Opus; of G.711 a datagram full.
        private static let decodedAtMost = 1_920
        /// Lost packets that are made up for, so that a key does not become two.
        private static let concealedAtMost = 3

        private var keys: InBandKeys
        private let decoder: any AudioDecoder
        private let pcm = SampleBuffer(count: decodedAtMost)
        private var lastSamples = RelayedKeys.rate / 50

        init(_ key: Key, _ decoder: any AudioDecoder) {
            self.decoder = decoder
            keys = InBandKeys(rate: RelayedKeys.rate, clockRate: key.sinkEvents.event)
        }

        mutating func take(
            _ payload: UnsafeRawBufferPointer, _ header: RTPHeader, _ arrival: ReceptionStatistics.Arrival,
            at now: Instant, sink: inout MediaLeg, output: inout PacketBatch
        ) -> Bool {
            switch arrival {
            case .late, .duplicate, .outlier: return keys.isSending
            case .first: break
            case .next(let missing):
                for _ in 0..<min(missing, Self.concealedAtMost) {
                    let lost = pcm[0..<lastSamples]
                    decoder.conceal(into: lost, next: nil)
                    keys.listen(to: UnsafeBufferPointer(lost))
                }
            }
            guard let decoded = decoder.decode(payload, into: pcm[0..<pcm.count]), decoded > 0 else { return false }
            lastSamples = decoded
            guard let press = keys.take(UnsafeBufferPointer(pcm[0..<decoded]), at: header.timestamp) else {
                return false
            }
            var own = header
            own.timestamp = press.timestamp
            own.marker = press.isFirst
            withUnsafeTemporaryAllocation(byteCount: TelephoneEvent.sizeBytes, alignment: 4) { bytes in
                guard (try? press.event.write(into: bytes)) != nil else { return }
                sink.relay(
                    own, arrival: arrival, isEvent: true, payload: UnsafeRawBufferPointer(bytes), at: now,
                    output: &output)
            }
            return true
        }

        /// The source falls silent: what is left of an event goes out at once. True when there was anything.
        mutating func pause(
            _ header: RTPHeader, _ arrival: ReceptionStatistics.Arrival, at now: Instant, sink: inout MediaLeg,
            output: inout PacketBatch
        ) -> Bool {
            guard keys.isSending, arrival != .late else { return false }
            while let press = keys.pause(at: header.timestamp) {
                var own = header
                own.timestamp = press.timestamp
                let place = sink.relayedTimestamp(of: own, arrival: arrival, at: now)
                sink.send(press, timestamp: place, at: now, output: &output)
            }
            sink.resumeRelay(with: header.sequence &+ 1)
            return true
        }
    }
}
