import Primitives
import RTP

/// Keys that a side is pressing for us, while somebody waits for them.
struct DigitCollection {
    private var collector: DigitCollector
    private var reader: TelephoneEventReader
    private var detector: InBandDigitDetector?
    /// Of `detector`.
    private var rate = 0

    init(_ rules: DigitRules, of description: MediaStreamDescription?, at now: Instant) {
        collector = DigitCollector(rules, at: now)
        let clock = description.map { TelephoneEventClock($0) } ?? TelephoneEventClock(audio: 8_000, event: 8_000)
        reader = TelephoneEventReader(clock)
    }

    var nextDeadline: Instant? { collector.nextDeadline }

    /// A key that begins with this packet.
    mutating func read(_ payload: UnsafeRawBufferPointer, _ header: RTPHeader) -> Digit? {
        guard let event = try? TelephoneEvent(parsing: payload) else { return nil }
        let reading = reader.read(event, header)
        return reading.isNew ? reading.digit : nil
    }

    /// A key that is heard in the audio.
    mutating func listen(_ pcm: UnsafeBufferPointer<Int16>, rate: Int) -> Digit? {
        if detector == nil || self.rate != rate {
            detector = InBandDigitDetector(rate: rate)
            self.rate = rate
        }
        return detector?.process(pcm)
    }

    mutating func take(_ digit: Digit, at now: Instant) -> DigitCollector.Outcome? { collector.take(digit, at: now) }

    mutating func handleDeadline(at now: Instant) -> DigitCollector.Outcome? { collector.handleDeadline(at: now) }
}
