import Applications
import Foundation
import Media
import Primitives
import Settings
import SoundStore
import Testing

/// Voice messages on a disk.
@Suite struct MessageStoreTests {
    private final class Scratch {
        let path = NSTemporaryDirectory() + "/messages-\(UUID().uuidString)"
        deinit { try? FileManager.default.removeItem(atPath: path) }

        var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
    }

    private var limits: SoundLimits {
        var limits = SoundLimits()
        limits.recordingReserveBytes = 0
        return limits
    }

    private func message(_ number: Int64, caller: String = "+49 30/123") -> VoiceMessage {
        VoiceMessage(
            id: MessageID(box: "101", number: number), caller: caller, left: UnixTime(milliseconds: number), seconds: 0,
            isNew: number != 0)
    }

    /// A message of so many seconds, in its file.
    private func leave(_ message: VoiceMessage, _ seconds: Int, as id: UInt64, in store: MessageStore) throws {
        #expect(try store.run(.begin(RecordingID(id), message)) == nil)
        var recorder = Recorder(rate: 8_000, layout: .mixed)
        for _ in 0..<seconds {
            [Int16](repeating: 5, count: 8_000).withUnsafeBufferPointer { recorder.write(a: $0, b: nil, count: 8_000) }
            while let block = recorder.takeBlock() { #expect(store.take(block, of: RecordingID(id)) == nil) }
        }
        #expect(store.end(RecordingID(id)) == .written(RecordingID(id), seconds: seconds))
    }

    @Test func `a message is written, found again, heard, and deleted`() throws {
        let scratch = Scratch()
        let first = MessageStore(directory: scratch.path, limits: limits)
        #expect(first.find().messages.isEmpty)
        try leave(message(1_234), 3, as: 1, in: first)
        #expect(scratch.names == ["101_1234_n_4930123.wav"])
        let store = MessageStore(directory: scratch.path, limits: limits)
        let found = store.find()
        #expect(found.refusals.isEmpty && found.messages.map(\.seconds) == [3] && found.messages[0].isNew)
        #expect(found.messages[0].caller == "4930123" && found.messages[0].id == message(1_234).id)
        guard case .loaded(_, for: CallerID(7), let clip?)? = try store.run(.load(message(1_234).id, for: CallerID(7)))
        else {
            Issue.record("the message cannot be heard")
            return
        }
        #expect(clip.duration == .seconds(3))
        #expect(try store.run(.markHeard(message(1_234).id)) == nil)
        #expect(scratch.names == ["101_1234_o_4930123.wav"])
        #expect(try store.run(.delete(message(1_234).id)) == nil)
        #expect(scratch.names.isEmpty)
        #expect(
            try store.run(.load(message(1_234).id, for: CallerID(7)))
                == .loaded(message(1_234).id, for: CallerID(7), nil))
    }

    @Test func `a new greeting replaces the old one`() throws {
        let scratch = Scratch()
        let store = MessageStore(directory: scratch.path, limits: limits)
        _ = store.find()
        try leave(message(0, caller: ""), 1, as: 1, in: store)
        try leave(message(0, caller: ""), 2, as: 2, in: store)
        #expect(scratch.names == ["101_0_o_.wav"])
        #expect(MessageStore(directory: scratch.path, limits: limits).find().messages.map(\.seconds) == [2])
    }

    @Test func `a recording without audio leaves nothing, other files are let alone`() throws {
        let scratch = Scratch()
        let store = MessageStore(directory: scratch.path, limits: limits)
        _ = store.find()
        _ = try store.run(.begin(RecordingID(1), message(9)))
        guard case .notWritten? = store.end(RecordingID(1)) else {
            Issue.record("nothing was told")
            return
        }
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: "\(scratch.path)/holiday.wav"))
        #expect(store.find().messages.isEmpty && scratch.names == ["holiday.wav"])
        #expect(store.end(RecordingID(99)) == nil)
    }

    @Test func `prompts of each language and the owner's are one library`() throws {
        let scratch = Scratch()
        try FileManager.default.createDirectory(atPath: scratch.path + "/de", withIntermediateDirectories: true)
        let wav = WAVWriter.file([Int16](repeating: 0, count: 80), rate: 8_000)
        try Data(wav).write(to: URL(fileURLWithPath: "\(scratch.path)/de/goodbye.wav"))
        let (library, problems) = PromptDirectory.read(spoken: scratch.path, uploaded: scratch.path + "/own")
        #expect(library.count == 1 && problems.count == 2, "two languages are not there")
        #expect(library.playlist(of: [.said(.goodbye, .german)]).missing.isEmpty)
        #expect(library.playlist(of: [.said(.goodbye, .english)]).missing == ["en/goodbye"])
    }
}
