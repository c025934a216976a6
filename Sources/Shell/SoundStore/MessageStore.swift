package import Applications
package import Media
import Primitives

/// The files of voice messages, one directory for all boxes. A file's name says all that is known of its message, so a
/// message is there when its file is, and there is nothing to go out of step with it:
///
///     101_1800000000123_n_49301234567.wav    a new message for 101, when it was begun (ms), from whom
///     101_1800000000123_o_49301234567.wav    the same, heard
///     101_0_o_.wav                           the greeting of 101
///
/// Its calls wait for the disk; it is used from one thread, or one serial queue, that does nothing else.
package final class MessageStore {
    private let directory: String
    private let limits: SoundLimits
    private let recordings: RecordingStore
    private var names: [MessageID: String] = [:]
    private var recording: [RecordingID: MessageID] = [:]

    package init(directory: String, limits: SoundLimits = SoundLimits()) {
        self.directory = directory
        self.limits = limits
        recordings = RecordingStore(directory: directory, limits: limits)
    }

    /// What is there, and what cannot be read of it; once, before anything else.
    package func find() -> (messages: [VoiceMessage], refusals: [SoundFileError]) {
        var messages: [VoiceMessage] = []
        var refusals: [SoundFileError] = []
        do throws(SoundFileError) { try SoundDirectory.make(directory) } catch { refusals.append(error) }
        let files = (try? SoundDirectory.names(directory)) ?? []
        for file in files where file.hasSuffix(SoundFileName.suffix) && !file.hasPrefix(".") {
            let name = String(file.dropLast(SoundFileName.suffix.count))
            guard var message = Self.message(named: name) else { continue }
            do throws(SoundFileError) {
                message.seconds = try Self.seconds(of: "\(directory)/\(file)")
                names[message.id] = name
                messages.append(message)
            } catch {
                refusals.append(error)
            }
        }
        return (messages, refusals)
    }

    /// Carries a command out; what is returned is to be told. A failure to delete or rename is thrown: the file stays.
    package func run(_ command: MessageCommand) throws(SoundFileError) -> MessageEvent? {
        switch command {
        case .begin(let id, let message):
            let name = Self.name(of: message)
            if message.id.number == 0 { try? delete(message.id) }
            do throws(SoundFileError) { try recordings.begin(id, name: name) } catch {
                return .notWritten(id, "\(error)")
            }
            names[message.id] = name
            recording[id] = message.id
            return nil
        case .delete(let id):
            try delete(id)
            return nil
        case .markHeard(let id):
            guard let name = names[id], var message = Self.message(named: name) else { return nil }
            message.isNew = false
            let new = Self.name(of: message)
            try SoundDirectory.rename(path(name), to: path(new))
            names[id] = new
            return nil
        case .load(let id, let caller):
            let clip = names[id].flatMap { try? ClipLibrary.read(path($0), limits: limits) }
            return .loaded(id, for: caller, clip)
        }
    }

    /// A block of a recording that may be a message's; what is returned is its end.
    package func take(_ block: RecordingBlock, of id: RecordingID) -> MessageEvent? {
        recordings.take(block, of: id).flatMap { told($0, of: id) }
    }

    /// No more blocks follow.
    package func end(_ id: RecordingID) -> MessageEvent? { recordings.end(id).flatMap { told($0, of: id) } }

    /// Ends what is being written, at shutdown.
    package func close() { _ = recordings.endAll() }

    private func told(_ outcome: RecordingStore.Outcome, of id: RecordingID) -> MessageEvent? {
        guard let message = recording.removeValue(forKey: id) else { return nil }
        switch outcome {
        case .finished(let summary): return .written(id, seconds: Int(summary.duration.components.seconds))
        case .failed(_, .some(let summary)) where summary.duration >= .seconds(1):
            return .written(id, seconds: Int(summary.duration.components.seconds))
        case .failed(let error, _):
            names[message] = nil
            return .notWritten(id, "\(error)")
        case .empty:
            names[message] = nil
            return .notWritten(id, "no audio came")
        }
    }

    private func delete(_ id: MessageID) throws(SoundFileError) {
        guard let name = names.removeValue(forKey: id) else { return }
        try SoundDirectory.remove(path(name))
    }

    private func path(_ name: String) -> String { "\(directory)/\(name)\(SoundFileName.suffix)" }

    /// How long a file of ours is, by its header (`WAVWriter`): format at byte 20, data from byte 44 on.
    private static func seconds(of path: String) throws(SoundFileError) -> Int {
        let head = try SoundFileHandle.contents(of: path, limit: WAVWriter.headerBytes)
        guard head.count >= WAVWriter.headerBytes else { return 0 }
        func number(_ place: Int) -> Int { (0..<4).reduce(0) { $0 | Int(head[place + $1]) << (8 * $1) } }
        return number(28) > 0 ? number(40) / number(28) : 0
    }

    // MARK: Names

    /// Of the caller only digits are kept; whatever else a network says of itself has no place in a path.
    static func name(of message: VoiceMessage) -> String {
        let caller = message.caller.utf8.filter { (0x30...0x39).contains($0) }.prefix(20)
        let state = message.isNew ? "n" : "o"
        return "\(message.id.box)_\(message.id.number)_\(state)_\(String(decoding: caller, as: UTF8.self))"
    }

    /// Nil for a name that no message has.
    static func message(named name: String) -> VoiceMessage? {
        let parts = name.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 4, !parts[0].isEmpty, let number = Int64(parts[1]), (0..<1 << 52).contains(number),
            parts[2] == "n" || parts[2] == "o"
        else { return nil }
        return VoiceMessage(
            id: MessageID(box: String(parts[0]), number: number), caller: String(parts[3]),
            left: UnixTime(milliseconds: number), seconds: 0, isNew: parts[2] == "n")
    }
}
