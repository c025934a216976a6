/// The two clocks of a stream that carries telephone events: that of its timestamps and that of event durations.
///
/// RFC 4733 section 2.1 gives events the clock of the audio whose SSRC and timestamps they share. Telephones that pair
/// Opus with telephone-event/8000 nevertheless keep one timeline, the audio's, and count only the duration field in the
/// event's clock; read and written that way here. Where both rates are equal, this is the RFC's own rule.
struct TelephoneEventClock: Equatable, Sendable {
    /// Hz of timestamps.
    let audio: Int
    /// Hz of durations.
    let event: Int

    init(audio: Int, event: Int) {
        self.audio = audio
        self.event = event
    }

    init(_ description: MediaStreamDescription) {
        self.init(audio: description.codec.clockRate, event: max(1, description.telephoneEventClockRate))
    }

    /// How far the timestamp moves on in `duration` ticks of an event, rounded down.
    func timestampTicks(_ duration: UInt64) -> UInt64 { duration * UInt64(audio) / UInt64(event) }
}
