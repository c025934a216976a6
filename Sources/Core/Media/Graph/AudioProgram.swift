/// What one side of a session hears.
package enum AudioProgram: Hashable, Sendable {
    /// The other side, relayed or transcoded (or itself, after `MediaCommand.setEcho`): what a session begins with.
    case peer
    /// Nothing: no packets are sent but reports.
    case silence
    /// Prompts, music or tones; at their end `MediaEvent.played`, and then what is said here.
    case playing(Playlist, then: Afterwards)
    /// Speaks into a room and hears all others in it.
    case room(RoomID, RoomParticipation)
    /// Hears what goes on in another session, without being heard there.
    case listening(Listening)

    /// What a side hears when there is nothing more to play.
    package enum Afterwards: Hashable, Sendable { case peer, silence }
}

/// Names a room in which several sides hear each other.
package struct RoomID: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// How a side takes part in a room. Setting another one mutes, unmutes, or makes louder.
package struct RoomParticipation: Hashable, Sendable {
    /// False: muted, heard by nobody.
    package var mayTalk: Bool
    /// False: hears nothing of the room.
    package var mayHear: Bool
    /// How much louder (or, negative, less loud) than it speaks it is heard; within `gainRange`.
    package var gainDecibels: Int

    package static let gainRange = -30...20

    package init(mayTalk: Bool = true, mayHear: Bool = true, gainDecibels: Int = 0) {
        self.mayTalk = mayTalk
        self.mayHear = mayHear
        self.gainDecibels = gainDecibels
    }
}

/// A fork: what of another session is heard.
package struct Listening: Hashable, Sendable {
    package var session: MediaSessionID
    /// Whose voices are heard.
    package var said: Set<MediaSide>
    /// Of whom that is heard which it hears beside a voice: prompts, music, tones and rooms (early media).
    package var heard: Set<MediaSide>

    /// Both voices, unless said otherwise: monitoring.
    package init(to session: MediaSessionID, said: Set<MediaSide> = [.a, .b], heard: Set<MediaSide> = []) {
        self.session = session
        self.said = said
        self.heard = heard
    }
}

/// A side of a session, as one among those in a room.
package struct RoomMember: Hashable, Sendable {
    package var session: MediaSessionID
    package var side: MediaSide

    package init(_ session: MediaSessionID, _ side: MediaSide) {
        self.session = session
        self.side = side
    }
}

/// How a key was heard.
package enum DigitSource: Hashable, Sendable {
    /// As a telephone event (RFC 4733).
    case event
    /// As two tones in the audio (ITU-T Q.23).
    case inBand
}

/// Why a command was not carried out; what ran before goes on.
package enum MediaRefusal: Error, Hashable, Sendable {
    case tooManyRooms(limit: Int)
    case roomFull(RoomID, limit: Int)
    /// There is nobody of this name to listen to, or it is the session that would listen.
    case notToBeHeard(MediaSessionID)
    /// The session is being recorded already.
    case alreadyRecorded(RecordingID)
    case notRecorded(RecordingID)
    /// More keys wait to be sent than `limit`, or they are none.
    case keysRefused(limit: Int)
    case codecUnavailable(AudioCodec)
    /// rtpengine has no such thing (`media.backend: rtpengine`).
    case unavailable
    /// The session's other side is in a room, or listens, on another worker; a session is on one.
    case otherSideElsewhere
}

extension MediaRefusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .otherSideElsewhere:
            "the session's other side is bound to other sessions, far from these; let it leave them first"
        case .tooManyRooms(let limit): "\(limit) rooms are in use, which is the limit; wait until one is left by all"
        case .roomFull(let room, let limit): "room \(room.value) has \(limit) participants, which is the limit"
        case .notToBeHeard(let session): "session \(session.value) cannot be listened to; it is not open, or the same"
        case .alreadyRecorded(let recording):
            "the session is being recorded already as \(recording.value); stop that first"
        case .notRecorded(let recording): "recording \(recording.value) does not run; it may have ended"
        case .keysRefused(let limit): "keys are 0 to 16, and at most \(limit) may wait to be sent; try again later"
        case .unavailable: "rtpengine plays, mixes, records and collects nothing; set media.backend to builtin for that"
        case .codecUnavailable(let codec): "codec \(codec.rawValue) cannot be decoded or encoded here; offer another"
        }
    }
}
