package import Applications
package import Media
import Primitives
package import Settings

/// Recordings of calls: who is recorded, what is announced, what becomes of the files.
extension CallControl {
    /// Who is recorded, and how that is announced.
    package struct RecordingRules: Sendable {
        /// Users and groups whose calls are always recorded.
        package var always: Set<String> = []
        /// The key by which one consents.
        package var consent: Digit?
        package var language = Language.english
        package var retentionDays = 30

        package init(_ settings: ApplianceSettings) {
            let office = settings.features.office
            always = Set(office.recordedGroups)
            for user in settings.users where user.features.recording == .always { always.insert(user.extension) }
            consent = office.recordingConsent?.first.flatMap { Digit($0) }
            language = settings.applications.language
            retentionDays = office.recordingDays
        }
    }

    /// What is kept, the oldest first.
    package var recordedCalls: [VoiceMessage] { recordings.all }

    /// False: there is no such recording.
    package mutating func deleteRecording(_ id: MessageID, _ context: inout CallContext) -> Bool {
        defer { takeRecordingCommands(&context) }
        return recordings.delete(id)
    }

    /// Begins, or ends, the recording of the user's call (`id` nil: the one on hold, else the newest); false: there is none
    /// that could be.
    package mutating func toggleRecording(by user: String, in id: UInt64? = nil, _ context: inout CallContext) -> Bool {
        guard mixes, let found = held(by: user, in: id), let call = call(found.call), !call.isEmergency else {
            return false
        }
        guard !call.isRecording else {
            withCall(found.call, &context) { $0.endRecording(&$1) }
            return true
        }
        let announcement = announcement
        var isBegun = false
        withCall(found.call, &context) {
            isBegun = $0.beginRecording(for: user, askedBy: found.leg, announcement, &$1)
        }
        return isBegun
    }

    /// A conversation has begun: it is recorded if one of its ends, or the group that was called, always is.
    mutating func recordIfAlways(_ id: UInt64, _ context: inout CallContext) {
        guard mixes, !recordingRules.always.isEmpty, let call = call(id), !call.isEmergency else { return }
        let users = MediaSide.allCases.compactMap { side in call.bridge[side] }
            .filter { call.participants[$0].line == nil }.map { call.legs[$0].party.number }
        var names = users
        if case .group(let party, _) = call.destination { names.append(party.number) }
        guard let user = names.first(where: { recordingRules.always.contains($0) }) else { return }
        let announcement = announcement
        withCall(id, &context) { _ = $0.beginRecording(for: user, askedBy: nil, announcement, &$1) }
    }

    mutating func record(_ id: UInt64, user: String, with other: String, _ context: inout CallContext) {
        let recording = recordings.begin(user, with: other, at: context.wall)
        takeRecordingCommands(&context)
        withCall(id, &context) { $0.recordingBegins(as: recording, &$1) }
    }

    private var announcement: CallRecording.Announcement {
        let language = recordingRules.language
        var wanted: [Prompt] = [.said(.callRecorded, language)]
        if let key = recordingRules.consent {
            wanted += [.said(.pressToConsent, language), .digits(String(key.character), language)]
        }
        let playlist = prompts.playlist(of: wanted, messages: [:], country: sounds.country).playlist
        return CallRecording.Announcement(playlist: playlist, consent: recordingRules.consent)
    }

    mutating func takeRecordingCommands(_ context: inout CallContext) {
        for command in recordings.commands { context.effects.append(.messages(command)) }
        recordings.commands = []
    }

    mutating func recordingsDeadline(_ context: inout CallContext) {
        guard let due = recordings.nextDeadline, context.now >= due else { return }
        recordings.sweep(at: context.now, wall: context.wall)
        takeRecordingCommands(&context)
    }
}
