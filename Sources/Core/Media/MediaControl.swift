/// Names one media session (the two streams of a call) between call control and the media workers.
package struct MediaSessionID: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// The two ends of a media session.
package enum MediaSide: Int, Hashable, Sendable, CaseIterable {
    case a = 0
    case b = 1
    package var other: MediaSide { self == .a ? .b : .a }
}

/// What call control asks of the media workers. Answers come back as `MediaEvent`.
package enum MediaCommand: Hashable, Sendable {
    /// Bind two RTP/RTCP port pairs. Answered by `.opened` or `.failed`.
    case open(MediaSessionID)
    /// The same for a call for help: neither the machine's load nor what other sessions take is in its way.
    case openForHelp(MediaSessionID)
    /// Set or replace one side's description. Media flows once both sides are configured (or `setEcho`). A description
    /// whose `remote` differs from the last one resets symmetric latching, see `SymmetricLatch`: the signalled endpoint
    /// is believed at once, another source only after a proof.
    case configure(MediaSessionID, MediaSide, MediaStreamDescription)
    /// Side `a` hears what it says; side `b` is unused.
    case setEcho(MediaSessionID)
    /// What that side hears from now on; it may be set before the side is configured.
    case hear(MediaSessionID, MediaSide, AudioProgram)
    /// Only the so many loudest of a room are mixed; nil: all. Nothing for a room that nobody is in.
    case gate(RoomID, loudest: Int?)
    /// Record what both sides say, in blocks (`.recorded`), until `.stopRecording` or the session's end.
    case record(MediaSessionID, RecordingID, RecordingLayout)
    case stopRecording(MediaSessionID, RecordingID)
    /// Tell the keys that a side presses, and what they come to (`.digit`, `.collected`). Replaces a collection under way.
    case collect(MediaSessionID, MediaSide, DigitRules)
    case stopCollecting(MediaSessionID, MediaSide)
    /// Press keys (event codes 0...16, RFC 4733 section 3.2) towards a side: as telephone events, or as tones if it takes
    /// none. While they sound the side hears nothing else.
    case sendDigits(MediaSessionID, MediaSide, [UInt8])
    /// Release the ports (into quarantine). Answered by `.closed` with the final statistics.
    case close(MediaSessionID)

    /// The session that the command is for; nil for one to a room.
    package var session: MediaSessionID? {
        switch self {
        case .open(let id), .openForHelp(let id), .configure(let id, _, _), .setEcho(let id), .hear(let id, _, _),
            .record(let id, _, _),
            .stopRecording(let id, _), .collect(let id, _, _), .stopCollecting(let id, _), .sendDigits(let id, _, _),
            .close(let id):
            id
        case .gate: nil
        }
    }
}

/// What media workers report.
package enum MediaEvent: Hashable, Sendable {
    /// Local RTP ports for side a and b; RTCP is port + 1.
    case opened(MediaSessionID, portA: UInt16, portB: UInt16)
    case failed(MediaSessionID, MediaFailure)
    /// A command was not carried out, and the session goes on as it was.
    case refused(MediaSessionID, MediaRefusal)
    /// No RTP from that side for `Limits.mediaSilence`; reported once per silence.
    case silent(MediaSessionID, MediaSide)
    /// A side is not heard, or is heard again; each change once.
    case audioPath(MediaSessionID, MediaSide, AudioPath)
    /// How both sides stand, every five seconds or so while media flow, and when a party leaves a side to another one.
    case figures(MediaSessionID, a: StreamStatistics, b: StreamStatistics)
    /// What a side heard has been played to its end.
    case played(MediaSessionID, MediaSide)
    /// The session that a side listened to is gone; it hears silence now.
    case listeningEnded(MediaSessionID, MediaSide)
    /// A side has pressed a key, while keys are collected.
    case digit(MediaSessionID, MediaSide, Digit, how: DigitSource)
    /// Enough was pressed, or not in time; the collection has ended.
    case collected(MediaSessionID, MediaSide, DigitCollector.Outcome)
    case recorded(RecordingID, RecordingBlock)
    /// No more blocks follow.
    case recordingEnded(RecordingID)
    /// Who is heard in a room, when it changes, at most once a second.
    case speaking(RoomID, [RoomMember])
    case closed(MediaSessionID, a: StreamStatistics, b: StreamStatistics)

    /// The session that the event is about; nil for what is about a room or a recording.
    package var session: MediaSessionID? {
        switch self {
        case .opened(let id, _, _), .failed(let id, _), .refused(let id, _), .silent(let id, _),
            .audioPath(let id, _, _), .figures(let id, _, _), .played(let id, _), .listeningEnded(let id, _),
            .digit(let id, _, _, _), .collected(let id, _, _), .closed(let id, _, _):
            id
        case .recorded, .recordingEnded, .speaking: nil
        }
    }
}
