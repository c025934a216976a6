import RTP

/// How keys get from one side to the other.
enum KeyCrossing: Equatable, Sendable {
    /// As telephone events, or as tones in the audio: what the one sends, the other takes.
    case asTheyAre
    /// Events of the source become tones: the sink knows no events.
    case toTones
    /// Tones of the source become events, which it does not send, and the sink takes.
    case toEvents

    init(from source: MediaStreamDescription, to sink: MediaStreamDescription) {
        self =
            switch (source.telephoneEventReceivePayloadType, sink.telephoneEventPayloadType) {
            case (nil, nil), (_?, _?): .asTheyAre
            case (_?, nil): .toTones
            case (nil, _?): .toEvents
            }
    }
}
