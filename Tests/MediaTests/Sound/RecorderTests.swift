import Media
import Testing

@Suite struct RecorderTests {
    private func write(_ recorder: inout Recorder, a: [Int16]?, b: [Int16]?, count: Int) {
        (a ?? []).withUnsafeBufferPointer { left in
            (b ?? []).withUnsafeBufferPointer { right in
                recorder.write(a: a == nil ? nil : left, b: b == nil ? nil : right, count: count)
            }
        }
    }

    private func take(_ recorder: inout Recorder) throws -> RecordingBlock {
        let block = recorder.takeBlock()
        return try #require(block)
    }

    @Test func `sides stay aligned while one is silent, has less or has more`() throws {
        var recorder = Recorder(rate: 8_000, layout: .perSide)
        let one = [Int16](repeating: 1, count: 160)
        let two = [Int16](repeating: 2, count: 200)
        write(&recorder, a: one, b: nil, count: 160)
        write(&recorder, a: nil, b: two, count: 160)
        write(&recorder, a: Array(one[..<80]), b: two, count: 160)
        write(&recorder, a: nil, b: nil, count: 160)
        write(&recorder, a: one, b: two, count: 160)
        recorder.finish()
        let block = try take(&recorder)
        #expect(block.frames == 800)
        #expect(block.channels == 2)
        let left = stride(from: 0, to: 1_600, by: 2).map { block.samples[$0] }
        let right = stride(from: 1, to: 1_600, by: 2).map { block.samples[$0] }
        func run(_ value: Int16, _ count: Int) -> [Int16] { [Int16](repeating: value, count: count) }
        #expect(left == run(1, 160) + run(0, 160) + run(1, 80) + run(0, 240) + run(1, 160))
        #expect(right == run(0, 160) + run(2, 320) + run(0, 160) + run(2, 160))
        let none = recorder.takeBlock()
        #expect(none == nil)
    }

    @Test func `mixed sides are added and kept within bounds`() throws {
        var recorder = Recorder(rate: 16_000, layout: .mixed)
        write(&recorder, a: [1_000, 30_000, -30_000, 5], b: [200, 30_000, -30_000], count: 4)
        recorder.finish()
        let block = try take(&recorder)
        #expect(block.samples == [1_200, 32_767, -32_768, 5])
    }

    @Test(arguments: RecordingLayout.allCases, [160, 8_000, 20_011])
    func `blocks of a second follow each other without a gap`(layout: RecordingLayout, chunk: Int) throws {
        var recorder = Recorder(rate: 8_000, layout: layout)
        var next = 0
        var taken: [RecordingBlock] = []
        while next < 50_000 {
            let samples = (0..<chunk).map { Int16(truncatingIfNeeded: next + $0) }
            write(&recorder, a: samples, b: nil, count: chunk)
            next += chunk
            while let block = recorder.takeBlock() { taken.append(block) }
        }
        recorder.finish()
        while let block = recorder.takeBlock() { taken.append(block) }
        #expect(taken.dropLast().allSatisfy { $0.frames == 8_000 && $0.lostBefore == 0 })
        #expect(taken.map(\.start) == (0..<taken.count).map { $0 * 8_000 })
        #expect(taken.reduce(0) { $0 + $1.frames } == next)
        #expect(recorder.frames == next)
        let left = taken.flatMap { block in
            stride(from: 0, to: block.samples.count, by: block.channels).map { block.samples[$0] }
        }
        #expect(left == (0..<next).map { Int16(truncatingIfNeeded: $0) })
    }

    @Test func `what nobody takes is lost, counted and told, and the rest keeps its place`() throws {
        var recorder = Recorder(rate: 8_000, layout: .mixed)
        let limit = SoundLimits.waitingRecordingBlocks
        for second in 0..<limit + 3 {
            write(&recorder, a: [Int16](repeating: Int16(second), count: 8_000), b: nil, count: 8_000)
        }
        #expect(recorder.lostFrames == 24_000)
        for second in 0..<limit {
            let block = try take(&recorder)
            #expect(block.start == second * 8_000)
            #expect(block.lostBefore == 0)
        }
        let none = recorder.takeBlock()
        #expect(none == nil)
        write(&recorder, a: [Int16](repeating: 99, count: 8_000), b: nil, count: 8_000)
        write(&recorder, a: [Int16](repeating: 98, count: 100), b: nil, count: 100)
        recorder.finish()
        let after = try take(&recorder)
        #expect(after.lostBefore == 24_000)
        #expect(after.start == (limit + 3) * 8_000)
        #expect(after.samples[0] == 99)
        let last = try take(&recorder)
        #expect(last.frames == 100)
        #expect(last.lostBefore == 0)
        #expect(recorder.duration == .seconds(limit + 4) + .microseconds(12_500))
    }

    @Test func `the end of a recording is kept even when too many blocks wait`() {
        var recorder = Recorder(rate: 8_000, layout: .mixed)
        write(&recorder, a: nil, b: nil, count: 8_000 * SoundLimits.waitingRecordingBlocks + 50)
        recorder.finish()
        recorder.finish()
        var blocks = 0
        while recorder.takeBlock() != nil { blocks += 1 }
        #expect(blocks == SoundLimits.waitingRecordingBlocks + 1)
    }
}
