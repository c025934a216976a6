import Foundation
import Media
import SoundStore
import Testing

/// A directory that goes away with it.
private final class Scratch {
    let path: String

    init() {
        path = NSTemporaryDirectory() + "/sound-\(UUID().uuidString)"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func put(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
    }
}

/// No demands on the machine's disk.
private var limits: SoundLimits {
    var limits = SoundLimits()
    limits.recordingReserveBytes = 0
    return limits
}

@Suite struct RecordingFileTests {
    /// Seconds of a recorder that counts up, as blocks.
    private func blocks(_ seconds: Int, layout: RecordingLayout = .mixed, skipping: Range<Int> = 0..<0)
        -> [RecordingBlock]
    {
        var recorder = Recorder(rate: 8_000, layout: layout)
        var blocks: [RecordingBlock] = []
        for second in 0..<seconds {
            let samples = [Int16](repeating: Int16(second + 1), count: 8_000)
            samples.withUnsafeBufferPointer { recorder.write(a: $0, b: nil, count: 8_000) }
            if !skipping.contains(second) { while let block = recorder.takeBlock() { blocks.append(block) } }
        }
        recorder.finish()
        while let block = recorder.takeBlock() { blocks.append(block) }
        return blocks
    }

    @Test(arguments: RecordingLayout.allCases)
    func `a recording becomes a file that plays`(layout: RecordingLayout) throws {
        let scratch = Scratch()
        let file = try RecordingFile(
            directory: scratch.path + "/new", name: "call-1", rate: 8_000, channels: layout.channels, limits: limits)
        for block in blocks(3, layout: layout) { try file.append(block) }
        let summary = try file.finish()
        #expect(summary.duration == .seconds(3))
        #expect(summary.lost == .zero)
        let bytes = try scratch.bytes("new/call-1.wav")
        #expect(bytes.count == summary.bytes)
        let audio = try WAVReader.read(bytes)
        #expect(audio.channels == layout.channels)
        #expect(audio.frames == 24_000)
        #expect(audio.samples[8_000 * layout.channels] == 2)
        #expect(throws: SoundFileError.closed(path: file.path)) { try file.finish() }
        #expect(throws: SoundFileError.closed(path: file.path)) { try file.append(blocks(1, layout: layout)[0]) }
    }

    @Test func `a power cut leaves what was safe, and a reader sees no more`() throws {
        let scratch = Scratch()
        var policy = RecordingFile.Policy()
        policy.secondsBetweenSyncs = 5
        let file = try RecordingFile(
            directory: scratch.path, name: "cut", rate: 8_000, channels: 1, limits: limits, policy: policy)
        #expect(throws: WAVError.self) { try WAVReader.read(try scratch.bytes("cut.wav")) }
        var heard: [Int] = []
        for block in blocks(13) {
            try file.append(block)
            heard.append(try WAVReader.read(try scratch.bytes("cut.wav")).frames / 8_000)
        }
        #expect(heard == [1, 1, 1, 1, 1, 6, 6, 6, 6, 6, 11, 11, 11])
    }

    @Test func `what was lost on the way is silence of the same length`() throws {
        let scratch = Scratch()
        let file = try RecordingFile(directory: scratch.path, name: "gap", rate: 8_000, channels: 1, limits: limits)
        let waiting = SoundLimits.waitingRecordingBlocks
        // Nobody takes seconds 1 to 8: those beyond the queue are lost.
        for block in blocks(12, skipping: 1..<9) { try file.append(block) }
        let summary = try file.finish()
        #expect(summary.duration == .seconds(12))
        #expect(summary.lost > .zero)
        let samples = try WAVReader.read(try scratch.bytes("gap.wav")).samples
        #expect(samples[8_000 * waiting] == Int16(waiting + 1))
        #expect(samples[8_000 * 8] == 0)
        #expect(samples[8_000 * 11] == 12)
    }

    @Test func `the size limit ends a recording, and what is there stays`() throws {
        let scratch = Scratch()
        var limits = limits
        limits.recordingBytes = 44 + 2 * 16_000 + 15_999
        let file = try RecordingFile(directory: scratch.path, name: "full", rate: 8_000, channels: 1, limits: limits)
        let blocks = blocks(3)
        try file.append(blocks[0])
        try file.append(blocks[1])
        #expect(throws: SoundFileError.recordingFull(path: file.path, limitBytes: limits.recordingBytes)) {
            try file.append(blocks[2])
        }
        #expect(try file.finish().duration == .seconds(2))
        #expect(try WAVReader.read(try scratch.bytes("full.wav")).frames == 16_000)
    }

    @Test func `the disk's reserve is kept`() throws {
        let scratch = Scratch()
        var limits = limits
        limits.recordingReserveBytes = .max
        do {
            _ = try RecordingFile(directory: scratch.path, name: "x", rate: 8_000, channels: 1, limits: limits)
            Issue.record("it was begun")
        } catch {
            guard case .diskReserve(_, let free, .max) = error else { throw error }
            #expect(free > 0)
            #expect("\(error)".contains("remove old recordings"))
        }
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/x.wav"))
    }

    @Test(arguments: [
        "", ".", "..", "a/b", "../a", ".hidden", "a b", "ä", "a.wav", "a\0b", String(repeating: "a", count: 65),
    ])
    func `a name that could lead elsewhere is refused`(name: String) {
        #expect(throws: SoundFileError.invalidName(name)) {
            try RecordingFile(directory: "/nowhere", name: name, rate: 8_000, channels: 1)
        }
    }

    @Test func `a file that is there, or a link, is not written over`() throws {
        let scratch = Scratch()
        try scratch.put("old.wav", [1, 2, 3])
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path + "/link.wav", withDestinationPath: scratch.path + "/elsewhere.wav")
        for name in ["old", "link"] {
            #expect(throws: SoundFileError.alreadyThere(path: "\(scratch.path)/\(name).wav")) {
                try RecordingFile(directory: scratch.path, name: name, rate: 8_000, channels: 1, limits: limits)
            }
        }
        #expect(try scratch.bytes("old.wav") == [1, 2, 3])
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/elsewhere.wav"))
    }

    @Test func `a directory that cannot be made is named`() throws {
        do {
            _ = try RecordingFile(directory: "/proc/none", name: "x", rate: 8_000, channels: 1, limits: limits)
            Issue.record("it was begun")
        } catch { #expect("\(error)".contains("/proc/none")) }
    }
}

@Suite struct RecordingStoreTests {
    private let block = {
        var recorder = Recorder(rate: 16_000, layout: .perSide)
        recorder.write(a: nil, b: nil, count: 16_000)
        return recorder.takeBlock()
    }()

    @Test func `recordings go each to its own file, and end once`() throws {
        let scratch = Scratch()
        let block = try #require(block)
        let store = RecordingStore(directory: scratch.path, limits: limits)
        for (id, name) in [(1, "one"), (2, "two"), (3, "three")] {
            try store.begin(RecordingID(UInt64(id)), name: name)
        }
        #expect(store.take(block, of: RecordingID(1)) == nil)
        #expect(store.take(block, of: RecordingID(2)) == nil)
        #expect(store.take(block, of: RecordingID(1)) == nil)
        #expect(store.take(block, of: RecordingID(9)) == nil)
        guard case .finished(let summary) = store.end(RecordingID(1)) else {
            Issue.record("it did not finish")
            return
        }
        #expect(summary.path == scratch.path + "/one.wav")
        #expect(summary.duration == .seconds(2))
        #expect(store.end(RecordingID(1)) == nil)
        #expect(store.end(RecordingID(3)) == .empty)
        #expect(store.endAll().map(\.0) == [RecordingID(2)])
        #expect(store.count == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == ["one.wav", "two.wav"])
    }

    @Test func `a recording that reaches a limit is told once and keeps what it has`() throws {
        let scratch = Scratch()
        let block = try #require(block)
        var limits = limits
        limits.recordings = 1
        limits.recordingBytes = 70_000
        let store = RecordingStore(directory: scratch.path, limits: limits)
        try store.begin(RecordingID(1), name: "one")
        #expect(throws: SoundFileError.tooManyRecordings(path: scratch.path + "/two.wav", limit: 1)) {
            try store.begin(RecordingID(2), name: "two")
        }
        #expect(throws: SoundFileError.invalidName("../x")) { try store.begin(RecordingID(3), name: "../x") }
        #expect(store.take(block, of: RecordingID(1)) == nil)
        guard case .failed(.recordingFull, let summary) = store.take(block, of: RecordingID(1)) else {
            Issue.record("the limit did not hold")
            return
        }
        #expect(summary?.duration == .seconds(1))
        #expect(store.take(block, of: RecordingID(1)) == nil)
        #expect(store.end(RecordingID(1)) == nil)
        #expect(try WAVReader.read(try scratch.bytes("one.wav")).frames == 16_000)
    }
}

@Suite struct ClipLibraryTests {
    private func wav(_ seconds: Int, rate: Int = 8_000) -> [UInt8] {
        WAVWriter.file([Int16](repeating: 7, count: seconds * rate), rate: rate)
    }

    @Test func `sounds are found by name, others are refused with the reason`() throws {
        let scratch = Scratch()
        try scratch.put("welcome.wav", wav(1))
        try scratch.put("music_1.wav", wav(2, rate: 16_000))
        try scratch.put("studio.wav", wav(1, rate: 48_000))
        try scratch.put("README.txt", Array("not a sound".utf8))
        try scratch.put(".part.wav", [])
        try scratch.put("broken.wav", Array("RIFFxxxxWAVE".utf8))
        try scratch.put("with space.wav", wav(1))
        try FileManager.default.createDirectory(
            atPath: scratch.path + "/folder.wav", withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path + "/link.wav", withDestinationPath: scratch.path + "/welcome.wav")
        let library = try ClipLibrary(directory: scratch.path)
        #expect(library.clips.map(\.name) == ["music_1", "studio", "welcome"])
        #expect(library["welcome"]?.duration == .seconds(1))
        #expect(library["music_1"]?.rate == 16_000)
        #expect(library["studio"]?.samples.count == 16_000)
        #expect(library["missing"] == nil)
        #expect(library.refusals.map(\.file) == ["broken.wav", "folder.wav", "link.wav", "with space.wav"])
        #expect(library.refusals.map(\.reason)[1...2].allSatisfy { "\($0)".contains("no plain file") })
        #expect("\(library.refusals[0].reason)".contains("broken.wav is damaged"))
    }

    @Test func `count, seconds, bytes of a file and of all are limited`() throws {
        let scratch = Scratch()
        for name in ["a", "b", "c"] { try scratch.put("\(name).wav", wav(1)) }
        try scratch.put("long.wav", wav(3))
        var limits = SoundLimits()
        limits.clips = 2
        #expect(try ClipLibrary(directory: scratch.path, limits: limits).clips.map(\.name) == ["a", "b"])
        limits = SoundLimits()
        limits.clipLibraryBytes = 48_000
        var library = try ClipLibrary(directory: scratch.path, limits: limits)
        #expect(library.clips.count == 3)
        #expect(
            library.refusals.map(\.reason) == [.tooMuchMemory(path: "\(scratch.path)/long.wav", limitBytes: 48_000)])
        limits = SoundLimits()
        limits.clipSeconds = 2
        library = try ClipLibrary(directory: scratch.path, limits: limits)
        #expect(
            library.refusals.map(\.reason) == [.wav(path: "\(scratch.path)/long.wav", .tooLong(seconds: 3, limit: 2))])
        limits.clipFileBytes = 20_000
        library = try ClipLibrary(directory: scratch.path, limits: limits)
        #expect(
            library.refusals.map(\.reason) == [
                .wav(path: "\(scratch.path)/long.wav", .tooManyBytes(20_001, limit: 20_000))
            ])
    }

    @Test func `a directory that is not there is an error that names it`() {
        do {
            _ = try ClipLibrary(directory: "/nowhere/at/all")
            Issue.record("it was read")
        } catch { #expect("\(error)" == "cannot list /nowhere/at/all: No such file or directory") }
        #expect(ClipLibrary().clips.isEmpty)
    }
}
