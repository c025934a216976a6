import Primitives
import RTP

/// Telephone events for the keys that are heard in audio: from when a key is recognised, some 40 ms after its beginning,
/// its tone gives way to an event for as long as it sounds. What was heard of it before passes as audio.
struct InBandKeys: Sendable {
    private let rate: Int
    private let clockRate: Int
    private var detector: InBandDigitDetector
    private var keys: KeySender
    private var pressed: Digit?

    /// - Parameters:
    ///   - rate: of the samples, 8000 or 16000.
    ///   - clockRate: of the events' durations.
    init(rate: Int, clockRate: Int) {
        self.rate = rate
        self.clockRate = clockRate
        detector = InBandDigitDetector(rate: rate)
        keys = KeySender(ptime: .milliseconds(20), clockRate: clockRate)
    }

    /// True while the audio gives way to an event.
    var isSending: Bool { keys.isSending }

    /// Listens to a packet's audio, of the time that begins at `timestamp`; the event that takes its place, or nil.
    mutating func take(_ pcm: UnsafeBufferPointer<Int16>, at timestamp: UInt32) -> KeySender.Packet? {
        if !keys.isActive {
            let length = Duration.nanoseconds(Int64(pcm.count) * 1_000_000_000 / Int64(rate))
            if length != keys.ptime { keys.change(ptime: length, clockRate: clockRate) }
        }
        listen(to: pcm)
        return keys.next(at: timestamp)
    }

    /// Listens to what stands in for a lost packet, in whose place nothing is sent.
    mutating func listen(to pcm: UnsafeBufferPointer<Int16>) {
        let digit = detector.process(pcm)
        if pressed != nil, detector.sounding != pressed {
            keys.release()
            pressed = nil
        }
        guard let digit else { return }
        // Of several in one packet, only the last one can sound still.
        let sounds = detector.sounding == digit
        if keys.press(digit.event, for: sounds ? nil : DigitTones.shortest), sounds { pressed = digit }
    }

    /// The audio pauses: the rest of an event under way, packet by packet; nil when there is none.
    mutating func pause(at timestamp: UInt32) -> KeySender.Packet? {
        if pressed != nil {
            keys.release()
            pressed = nil
            detector.reset()
        }
        return keys.isSending ? keys.next(at: timestamp) : nil
    }
}
