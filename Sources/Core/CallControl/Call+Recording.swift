import Applications
import Media
import Primitives

/// The recording of a call.
///
/// ```text
///            heard by those who      no key is asked for, or it was pressed
///  announcing ───────────────► (consenting) ───────────────────────────────► recording ── code ──► over
///      └─ too late, hold, somebody comes or goes ── 15 s without the key ──────────┴──────────────► over
/// ```
struct CallRecording: Sendable, Equatable {
    enum Stage: Sendable, Equatable {
        /// These sides have not heard the announcement to its end.
        case announcing(Set<MediaSide>, until: Instant)
        /// These have not pressed the key.
        case consenting(Set<MediaSide>, until: Instant)
        case recording(RecordingID)
    }
    /// What is asked of those who are told, besides.
    struct Announcement: Sendable, Equatable {
        var playlist: Playlist
        var consent: Digit?
    }
    /// Whose recording it is.
    let user: String
    let announcement: Announcement
    /// Who is told: everybody but the one who asked for it.
    let sides: Set<MediaSide>
    /// Between these legs; others have not been told.
    let parties: [MediaSide: Int]
    var stage: Stage

    static let patience = Duration.seconds(15)
    /// How long the workers may take to begin to play.
    static let tolerance = Duration.seconds(3)
    /// A program ends with a whole packet, which may be this much before its nominal end.
    static let framing = Duration.milliseconds(200)

    var until: Instant? {
        switch stage {
        case .announcing(_, let until), .consenting(_, let until): until
        case .recording: nil
        }
    }
}

extension Call {
    var isRecording: Bool { recording != nil }

    /// Begins to announce that the call is recorded, to all but `asking`; false when there is nobody to be told, or it is
    /// done already.
    mutating func beginRecording(
        for user: String, askedBy asking: Int?, _ announcement: CallRecording.Announcement, _ context: inout CallContext
    ) -> Bool {
        guard recording == nil, phase == .talking, service == nil, bridge.count == 2, transfer == nil, parked == nil
        else { return false }
        let sides = Set(MediaSide.allCases.filter { bridge[$0] != asking })
        guard sides.allSatisfy(hears) else { return false }
        let length = announcement.playlist.duration ?? .zero
        recording = CallRecording(
            user: user, announcement: announcement, sides: sides, parties: bridge,
            stage: .announcing(sides, until: context.now + length + CallRecording.tolerance))
        context.count("calls.recording-announced")
        configureHearing(&context)
        return true
    }

    /// What a side hears of the announcement; nil: what it would hear without.
    func recordingProgram(for side: MediaSide) -> AudioProgram? {
        guard let recording, case .announcing(let sides, _) = recording.stage, sides.contains(side) else { return nil }
        return .playing(recording.announcement.playlist, then: .peer)
    }

    /// The end of what a side heard: true when that was the announcement.
    mutating func announced(_ side: MediaSide, _ context: inout CallContext) -> Bool {
        guard let recording, case .announcing(var sides, let until) = recording.stage, sides.contains(side) else {
            return false
        }
        // The end of something that was played before came late.
        guard context.now >= until - CallRecording.tolerance - CallRecording.framing else { return true }
        sides.remove(side)
        self.recording?.stage = .announcing(sides, until: until)
        configureHearing(&context)
        guard sides.isEmpty else { return true }
        guard recording.announcement.consent != nil else {
            record(&context)
            return true
        }
        self.recording?.stage = .consenting(recording.sides, until: context.now + CallRecording.patience)
        for side in recording.sides.sorted(by: { $0.rawValue < $1.rawValue }) {
            context.effects.append(.media(.collect(MediaSessionID(id), side, ApplicationLeg.allKeys)))
        }
        return true
    }

    /// A key: true when it was the one that consents.
    mutating func consented(_ digit: Digit, on side: MediaSide, _ context: inout CallContext) -> Bool {
        guard let recording, case .consenting(var sides, let until) = recording.stage,
            digit == recording.announcement.consent, sides.remove(side) != nil
        else { return false }
        self.recording?.stage = .consenting(sides, until: until)
        listenForKeys(on: side, &context)
        if sides.isEmpty { record(&context) }
        return true
    }

    /// Everybody has been told: the owner of the calls names the recording.
    private mutating func record(_ context: inout CallContext) {
        guard let recording, recording.sides.allSatisfy(hears),
            let other = MediaSide.allCases.compactMap({ recording.parties[$0] })
                .first(where: { legs[$0].party.number != recording.user })
        else { return }
        wishes.append(.record(user: recording.user, with: isPrivate ? "" : legs[other].party.number))
    }

    /// Whether the party of a side is sent what is played to it: neither held nor holding.
    private func hears(_ side: MediaSide) -> Bool {
        guard let stream = bridge[side].flatMap({ legs[$0].media.stream }) else { return false }
        return stream.sends && stream.remote != nil
    }

    /// Who could not hear all of the announcement has not been told.
    mutating func checkAnnouncement(_ context: inout CallContext) {
        switch recording?.stage {
        case .announcing(let sides, _), .consenting(let sides, _):
            if !sides.allSatisfy(hears) { endRecording(&context) }
        case .recording, nil: break
        }
    }

    mutating func recordingBegins(as id: RecordingID, _ context: inout CallContext) {
        guard recording != nil else { return }
        recording?.stage = .recording(id)
        context.count("calls.recorded")
        context.effects.append(.media(.record(MediaSessionID(self.id), id, .perSide)))
    }

    /// Ends the recording, or what was to become one; nothing when there is none.
    mutating func endRecording(_ context: inout CallContext) {
        guard let recording else { return }
        self.recording = nil
        switch recording.stage {
        case .recording(let id): context.effects.append(.media(.stopRecording(MediaSessionID(self.id), id)))
        case .consenting(let sides, _):
            for side in sides.sorted(by: { $0.rawValue < $1.rawValue }) { listenForKeys(on: side, &context) }
        case .announcing: configureHearing(&context)
        }
    }

    mutating func recordingDeadline(_ context: inout CallContext) {
        guard let until = recording?.until, context.now >= until else { return }
        context.count("calls.recording-refused")
        endRecording(&context)
    }

    // MARK: Keys in a call

    /// Gathers the keys of a user's side, if they may mean something: codes begin with a star.
    mutating func listenForKeys(on side: MediaSide, _ context: inout CallContext) {
        guard phase == .talking else { return }
        let isUser = bridge[side].map { participants[$0].line == nil } ?? false
        let command: MediaCommand =
            takesKeys && isUser && bridge.count == 2
            ? .collect(MediaSessionID(id), side, Self.codeKeys) : .stopCollecting(MediaSessionID(id), side)
        context.effects.append(.media(command))
    }

    /// `#` ends a code, or two seconds without another key.
    private static let codeKeys = DigitRules(
        most: 32, terminators: [.pound], first: .seconds(86_400), between: .seconds(2))

    /// Both ends are there, whoever they are: keys and recordings are those of this conversation.
    mutating func conversationChanged(_ context: inout CallContext) {
        let parties = phase == .talking && service == nil && bridge.count == 2 ? bridge : [:]
        guard parties != conversation else { return }
        conversation = parties
        if recording != nil, recording?.parties != parties { endRecording(&context) }
        guard !parties.isEmpty else { return }
        if takesKeys, application == nil || application?.isConnected == true {
            for side in MediaSide.allCases { listenForKeys(on: side, &context) }
        }
        wishes.append(.talking)
    }

    /// What was pressed in a conversation.
    mutating func gathered(_ outcome: DigitCollector.Outcome, on side: MediaSide, _ context: inout CallContext) {
        guard let index = bridge[side], takesKeys else { return }
        if case .consenting? = recording?.stage {} else { listenForKeys(on: side, &context) }
        guard outcome.digits.first == .star, outcome.digits.count > 1, participants[index].line == nil else { return }
        let keys = String(outcome.digits.map(\.character))
        context.effects.append(.keys(keys, of: legs[index].party, in: id))
    }
}
