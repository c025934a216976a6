package import Media
package import Primitives

/// The recordings of calls: what is kept, and for how long. What is to be done with files gathers in `commands`, which its
/// owner takes out. Who has consented, and whether that was asked, is the call's business.
package struct CallRecordings: Sendable {
    /// When one more would be kept, the oldest goes.
    package static let most = 1_000
    /// What is shorter says nothing.
    package static let shortestSeconds = 1
    private static let retentionCheck = Duration.seconds(3_600)
    /// Numbers of recordings begin here, behind those of messages.
    private static let firstNumber: UInt64 = 1 << 48

    /// The oldest first.
    package private(set) var all: [VoiceMessage] = []
    private var running: [RecordingID: VoiceMessage] = [:]
    private var retentionDays: Int
    private var lastID = Self.firstNumber
    private var lastNumber: Int64 = 0
    /// From the beginning: it is looked at once.
    private var nextCheck = Instant.origin
    package var commands: [MessageCommand] = []

    /// - Parameter retentionDays: 0: for ever.
    package init(retentionDays: Int) { self.retentionDays = retentionDays }

    /// It is looked at once for what is too old now.
    package mutating func adopt(retentionDays: Int) {
        if retentionDays != self.retentionDays { nextCheck = .origin }
        self.retentionDays = retentionDays
    }

    /// What the disk holds.
    package mutating func found(_ messages: [VoiceMessage]) {
        all += messages.filter { message in message.id.isRecording && !all.contains { $0.id == message.id } }
        all.sort { $0.id.number < $1.id.number }
        lastNumber = max(lastNumber, all.last?.id.number ?? 0)
    }

    /// A recording of that user's call with `other` that is about to begin.
    package mutating func begin(_ user: String, with other: String, at wall: UnixTime) -> RecordingID {
        lastID += 1
        lastNumber = max(lastNumber + 1, wall.milliseconds)
        let message = VoiceMessage(
            id: .recording(of: user, number: lastNumber), caller: other, left: wall, seconds: 0, isNew: false)
        running[RecordingID(lastID)] = message
        commands.append(.begin(RecordingID(lastID), message))
        return RecordingID(lastID)
    }

    /// Something about files; of others than recordings' nothing is taken. What is to be logged.
    package mutating func handle(_ event: MessageEvent) -> String? {
        switch event {
        case .found(let messages): found(messages)
        case .written(let id, let seconds):
            guard var message = running.removeValue(forKey: id) else { return nil }
            message.seconds = seconds
            guard seconds >= Self.shortestSeconds else {
                commands.append(.delete(message.id))
                return nil
            }
            all.append(message)
            if all.count > Self.most { commands.append(.delete(all.removeFirst().id)) }
        case .notWritten(let id, let why):
            guard let message = running.removeValue(forKey: id) else { return nil }
            return "the recording \(message.id) was not written: \(why)"
        case .loaded: break
        }
        return nil
    }

    /// False: there is no such recording.
    package mutating func delete(_ id: MessageID) -> Bool {
        guard let index = all.firstIndex(where: { $0.id == id }) else { return false }
        all.remove(at: index)
        commands.append(.delete(id))
        return true
    }

    package var nextDeadline: Instant? { all.isEmpty || retentionDays == 0 ? nil : nextCheck }

    /// Deletes what has been kept for long enough.
    package mutating func sweep(at now: Instant, wall: UnixTime) {
        guard now >= nextCheck else { return }
        nextCheck = now + Self.retentionCheck
        guard retentionDays > 0 else { return }
        let limit = Duration.seconds(retentionDays * 86_400)
        for message in all where wall - message.left > limit { _ = delete(message.id) }
    }
}
