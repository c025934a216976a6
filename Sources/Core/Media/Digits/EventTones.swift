import Primitives
import RTP

/// The tones of the telephone events of a stream (RFC 4733 section 2.5.2): how much of them each packet asks for.
///
/// A tone is as long as its event, but long enough to be recognised. What a packet of the event reports is played with
/// that packet, so packets of the event that were lost delay the tone and do not shorten it.
struct EventTones: Sendable {
    /// What a packet asks for.
    struct Part: Sendable {
        /// A tone begins with it.
        var isNew: Bool
        /// So many samples more.
        var samples: Int
        /// With them, the tone ends.
        var isEnd: Bool
    }
    /// One packet asks for 1/5 s at most: a peer may say that a key lasts 8 s already.
    private static let atOnce = 5
    /// Updates of an event come every 50 ms at least (section 2.5.1.2); audio from 1/16 s later is no part of it.
    private static let lapse = 16

    private let clock: TelephoneEventClock
    private let rate: Int
    private var reader: TelephoneEventReader
    private var tones: DigitTones?
    private var produced = 0
    /// The source's timestamp behind the key, as far as is known.
    private var end: UInt32 = 0
    /// A key has ended, and audio of before `end` may still come.
    private var isCovered = false

    /// Samples of the tones at `rate`.
    init(_ clock: TelephoneEventClock, rate: Int) {
        self.clock = clock
        self.rate = rate
        reader = TelephoneEventReader(clock)
    }

    /// Takes a packet of an event; nil when there is nothing to play for it, as for a hook flash.
    mutating func take(_ event: TelephoneEvent, _ header: RTPHeader) -> Part? {
        let reading = reader.read(event, header)
        if reading.isNew {
            tones = reading.digit.flatMap { $0.tones == nil ? nil : DigitTones($0, rate: rate, length: nil) }
            produced = 0
            isCovered = false
        }
        guard tones != nil else { return nil }
        end = header.timestamp &+ UInt32(truncatingIfNeeded: clock.timestampTicks(UInt64(event.duration)))
        var target = Int(min(UInt64(reading.ticks) * UInt64(rate) / UInt64(clock.event), UInt64(Int32.max)))
        let shortest = DigitTones.shortest.ticks(rate: rate)
        if reading.hasEnded, target < shortest {
            end &+= UInt32(clamping: (shortest - target) * clock.audio / rate)
            target = shortest
        }
        let samples = max(0, min(target - produced, rate / Self.atOnce))
        produced += samples
        if reading.hasEnded { tones?.stop(after: samples) }
        return Part(isNew: reading.isNew, samples: samples, isEnd: reading.hasEnded)
    }

    /// Fills `pcm` with what follows of the tone; behind its end with silence.
    mutating func read(into pcm: UnsafeMutableBufferPointer<Int16>) {
        let written = tones?.read(into: pcm) ?? 0
        pcm[written...].update(repeating: 0)
    }

    /// The tone is over.
    mutating func finish() {
        tones = nil
        isCovered = true
    }

    enum Overlap { case none, overlapped, lapsed }

    /// Audio while a key is pressed gives way to its tone. When it is from so much later that the key must have been let go
    /// unheard, the tone is over.
    mutating func overlap(with header: RTPHeader) -> Overlap {
        let ahead = Int(Int32(bitPattern: header.timestamp &- end))
        if tones == nil {
            guard isCovered else { return .none }
            if ahead < 0, ahead > -clock.audio { return .overlapped }
            isCovered = false
            return .none
        }
        guard ahead > clock.audio / Self.lapse || ahead < -8 * clock.audio else { return .overlapped }
        reader.giveUp()
        tones = nil
        return .lapsed
    }

    /// Another stream of the source.
    mutating func reset() {
        reader.reset()
        tones = nil
        isCovered = false
    }
}
