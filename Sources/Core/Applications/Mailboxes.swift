package import Primitives
package import Settings

/// All mailboxes: what is in them, and who may listen. What is to be done with files gathers in `commands`, boxes whose
/// lamps change in `changed`; their owner takes both out.
package struct Mailboxes: Sendable {
    package enum LogIn: Hashable, Sendable {
        case accepted, refused
        /// Too many wrong PINs; nobody gets in for a while, not even with the right one.
        case locked
    }
    private struct Box: Sendable {
        var settings: MailboxSettings
        /// The oldest first.
        var messages: [VoiceMessage] = []
        var hasGreeting = false
        /// Of wrong PINs, whoever gave them.
        var lock = PINLock()

        /// What is on the disk, its greeting too.
        var files: [VoiceMessage] {
            guard hasGreeting else { return messages }
            let id = MessageID.greeting(of: settings.extension)
            return messages + [VoiceMessage(id: id, caller: "", left: UnixTime(seconds: 0), seconds: 0, isNew: false)]
        }
    }

    /// What is shorter is somebody who hung up.
    package static let shortestMessageSeconds = 2
    private static let retentionCheck = Duration.seconds(3_600)

    private(set) var settings: VoicemailSettings
    private var boxes: [String: Box] = [:]
    /// Messages under way.
    private var recording: [String: Int] = [:]
    /// Messages of boxes that are not configured now: they are kept, and may come back.
    private var homeless: [VoiceMessage] = []
    private var lastNumber: Int64 = 0
    package var commands: [MessageCommand] = []
    package var changed: [String] = []
    private var nextCheck: Instant?

    package init(_ settings: VoicemailSettings) {
        self.settings = settings
        adopt(settings)
    }

    /// Boxes that go lose nothing of what is on the disk.
    package mutating func adopt(_ new: VoicemailSettings) {
        settings = new
        let known = homeless + boxes.keys.sorted().flatMap { boxes[$0]?.files ?? [] }
        let old = boxes
        boxes = [:]
        homeless = []
        for box in new.boxes {
            boxes[box.extension] = Box(settings: box)
            boxes[box.extension]?.lock = old[box.extension]?.lock ?? PINLock()
        }
        for message in known { add(message) }
        changed += Set(old.keys).union(boxes.keys).sorted()
    }

    // MARK: Views

    package func settings(of box: String) -> MailboxSettings? { boxes[box]?.settings }

    package func messages(in box: String) -> [VoiceMessage] { boxes[box]?.messages ?? [] }

    /// Of all boxes, by box.
    package var all: [VoiceMessage] { boxes.keys.sorted().flatMap { boxes[$0]?.messages ?? [] } }

    package func hasGreeting(_ box: String) -> Bool { boxes[box]?.hasGreeting ?? false }

    /// Those that have not been heard, and those that have; nil: there is no such box.
    package func counts(of box: String) -> (new: Int, old: Int)? {
        guard let messages = boxes[box]?.messages else { return nil }
        let new = messages.count(where: \.isNew)
        return (new, messages.count - new)
    }

    package func isFull(_ box: String) -> Bool {
        (boxes[box]?.messages.count ?? 0) + recording[box, default: 0] >= settings.messagesPerBox
    }

    // MARK: Messages

    /// What the disk holds.
    package mutating func found(_ messages: [VoiceMessage]) {
        let messages = messages.filter { !$0.id.isRecording }
        for message in messages.sorted(by: { $0.id < $1.id }) {
            lastNumber = max(lastNumber, message.id.number)
            add(message)
        }
        changed += Set(messages.map(\.id.box)).sorted()
    }

    private mutating func add(_ message: VoiceMessage) {
        guard boxes[message.id.box] != nil else {
            homeless.append(message)
            return
        }
        if message.id.number == 0 {
            boxes[message.id.box]?.hasGreeting = true
        } else if boxes[message.id.box]?.messages.contains(where: { $0.id == message.id }) == false {
            boxes[message.id.box]?.messages.append(message)
        }
    }

    /// A message that is about to be recorded; its number is one that no other has had.
    mutating func begin(_ box: String, isGreeting: Bool, caller: String, at wall: UnixTime) -> VoiceMessage {
        guard !isGreeting else {
            return VoiceMessage(id: .greeting(of: box), caller: caller, left: wall, seconds: 0, isNew: false)
        }
        lastNumber = max(lastNumber + 1, wall.milliseconds)
        recording[box, default: 0] += 1
        return VoiceMessage(
            id: MessageID(box: box, number: lastNumber), caller: caller, left: wall, seconds: 0, isNew: true)
    }

    /// It is in its file, or, `seconds` nil, is not. What is too short to say anything is deleted.
    mutating func ended(_ message: VoiceMessage, seconds: Int?) {
        if message.id.number > 0 { recording[message.id.box] = max(0, recording[message.id.box, default: 1] - 1) }
        guard let seconds else { return }
        guard seconds >= Self.shortestMessageSeconds else {
            commands.append(.delete(message.id))
            if message.id.number == 0 { boxes[message.id.box]?.hasGreeting = false }
            return
        }
        var message = message
        message.seconds = seconds
        add(message)
        changed.append(message.id.box)
    }

    package mutating func markHeard(_ id: MessageID) {
        guard let index = boxes[id.box]?.messages.firstIndex(where: { $0.id == id && $0.isNew }) else { return }
        boxes[id.box]?.messages[index].isNew = false
        commands.append(.markHeard(id))
        changed.append(id.box)
    }

    /// False: there is no such message.
    @discardableResult package mutating func delete(_ id: MessageID) -> Bool {
        guard let index = boxes[id.box]?.messages.firstIndex(where: { $0.id == id }) else { return false }
        boxes[id.box]?.messages.remove(at: index)
        commands.append(.delete(id))
        changed.append(id.box)
        return true
    }

    // MARK: PIN

    /// Whether who names that PIN may listen to the box. Of a box that is not there, or has no PIN, every PIN is wrong.
    package mutating func logIn(_ box: String, pin: String, at now: Instant) -> LogIn {
        guard let entry = boxes[box] else { return .refused }
        guard !entry.lock.isLocked(at: now) else { return .locked }
        guard let right = entry.settings.pin, right.matches(Secret(pin)) else {
            return boxes[box]?.lock.refused(at: now) == true ? .locked : .refused
        }
        boxes[box]?.lock.accepted()
        return .accepted
    }

    // MARK: Retention

    /// When messages are next looked at for their age.
    package var nextDeadline: Instant? { nextCheck }

    /// Deletes what has been kept for as long as its box keeps messages.
    package mutating func sweep(at now: Instant, wall: UnixTime) {
        guard nextCheck.map({ now >= $0 }) ?? true else { return }
        nextCheck = boxes.isEmpty ? nil : now + Self.retentionCheck
        for box in boxes.keys.sorted() {
            guard let entry = boxes[box], entry.settings.retentionDays > 0 else { continue }
            let limit = Duration.seconds(entry.settings.retentionDays * 86_400)
            for message in entry.messages where wall - message.left > limit { delete(message.id) }
        }
    }
}
