import Media
import Primitives
import Testing

@Suite struct ToneTests {
    @Test(arguments: [300.0, 425, 697, 1_000, 1_003, 1_633, 2_345.5, 3_000, 3_395])
    func `a pure tone is found within three hertz`(frequency: Double) throws {
        var generator = ToneGenerator(frequency: frequency, amplitude: 5_000)
        var detector = ToneDetector()
        for _ in 0..<20 { detector.process(generator.samples(160)) }
        let tone = try #require(detector.tone)
        #expect(abs(tone.frequency - frequency) <= 3)
        #expect(tone.share > 0.95)
        #expect(abs(tone.level - 5_000 / 2.0.squareRoot()) < 60)
        #expect(detector.windows == 2)
    }

    @Test func `noise has no dominant tone and silence none at all`() throws {
        var random = SeededGenerator(seed: 5)
        var detector = ToneDetector()
        let noise = (0..<ToneDetector.windowSamples).map { _ in Int16.random(in: -8_000...8_000, using: &random) }
        #expect(detector.process(noise) == true)
        #expect(try #require(detector.tone).share < 0.1)
        detector.process([Int16](repeating: 0, count: ToneDetector.windowSamples))
        #expect(detector.tone == nil)
    }

    @Test func `of two tones the stronger is named with its share`() throws {
        let strong = ToneGenerator(frequency: 1_200, amplitude: 6_000).all(1_600)
        let weak = ToneGenerator(frequency: 2_000, amplitude: 3_000).all(1_600)
        var detector = ToneDetector()
        detector.process(zip(strong, weak).map { $0 + $1 })
        let tone = try #require(detector.tone)
        #expect(abs(tone.frequency - 1_200) <= 2)
        #expect(abs(tone.share - 0.8) < 0.02)
    }

    @Test func `a tone keeps its level for an hour`() {
        var generator = ToneGenerator(frequency: 997, amplitude: 10_000)
        var block = [Int16](repeating: 0, count: 8_000)
        for _ in 0..<60 { block.withUnsafeMutableBufferPointer { generator.fill($0) } }
        #expect((9_995...10_000).contains(block.max() ?? 0))
    }
}

extension ToneGenerator {
    fileprivate func all(_ count: Int) -> [Int16] {
        var copy = self
        return copy.samples(count)
    }
}

@Suite struct PlayoutBufferTests {
    private func insert(_ buffer: inout PlayoutBuffer, _ sequence: UInt16, at milliseconds: Int) -> Bool {
        [UInt8(truncatingIfNeeded: sequence)].withUnsafeBytes {
            buffer.insert(sequence: sequence, payload: $0, at: .origin + .milliseconds(milliseconds))
        }
    }

    private func take(_ buffer: inout PlayoutBuffer, at milliseconds: Int) -> String {
        buffer.take(at: .origin + .milliseconds(milliseconds)) { frame in
            switch frame {
            case .payload(let bytes): "\(bytes[0])"
            case .lost(let next): next.map { "lost before \($0[0])" } ?? "lost"
            case .empty: "-"
            }
        }
    }

    @Test func `payloads play in order from forty milliseconds on`() {
        var buffer = PlayoutBuffer()
        let arrived: [(UInt16, Int)] = [(1, 0), (0, 5), (3, 20), (2, 30)]
        for (sequence, time) in arrived { #expect(insert(&buffer, sequence, at: time)) }
        #expect(take(&buffer, at: 39) == "-")
        #expect((0..<5).map { take(&buffer, at: 40 + 20 * $0) } == ["0", "1", "2", "3", "-"])
    }

    @Test func `a gap is named with the payload behind it, and its late filler is discarded`() {
        var buffer = PlayoutBuffer()
        for sequence: UInt16 in [65_534, 0, 3] { #expect(insert(&buffer, sequence, at: 0)) }
        #expect(
            (0..<6).map { take(&buffer, at: 40 + 20 * $0) } == [
                "254", "lost before 0", "0", "lost", "lost before 3", "3",
            ])
        #expect(!insert(&buffer, 1, at: 160))
        #expect(buffer.discarded == 1)
        #expect(buffer.count == 0)
    }

    @Test func `it fills up again after it ran dry`() {
        var buffer = PlayoutBuffer()
        #expect(insert(&buffer, 5, at: 0))
        #expect(take(&buffer, at: 40) == "5")
        #expect(take(&buffer, at: 60) == "-")
        #expect(insert(&buffer, 6, at: 100))
        #expect(take(&buffer, at: 120) == "-")
        #expect(take(&buffer, at: 140) == "6")
    }

    @Test func `duplicates, oversize and a jump are handled`() {
        var buffer = PlayoutBuffer(capacity: 8, payloadBytes: 4)
        #expect(insert(&buffer, 1, at: 0))
        #expect(!insert(&buffer, 1, at: 0))
        let isKept = [UInt8](repeating: 0, count: 5).withUnsafeBytes {
            buffer.insert(sequence: 2, payload: $0, at: .origin)
        }
        #expect(!isKept)
        #expect(insert(&buffer, 1_000, at: 0))
        #expect(buffer.count == 1)
        #expect(take(&buffer, at: 40) == "232")
        for sequence: UInt16 in 0..<8 { _ = insert(&buffer, 1_001 + sequence, at: 50) }
        #expect(!insert(&buffer, 1_000, at: 50))
        #expect(buffer.count == 8)
    }

    @Test func `no order of arrivals traps it`() {
        var random = SeededGenerator(seed: 9)
        var buffer = PlayoutBuffer()
        var base: UInt16 = 65_000
        for step in 0..<20_000 {
            base &+= UInt16.random(in: 0...2, using: &random)
            let wild = Int.random(in: 0..<50, using: &random) == 0
            let sequence =
                wild ? UInt16.random(in: 0...65_535, using: &random) : base &- UInt16.random(in: 0...6, using: &random)
            _ = insert(&buffer, sequence, at: step * 10)
            if Bool.random(using: &random) { _ = take(&buffer, at: step * 10) }
            #expect(buffer.count <= 16)
        }
    }
}

@Suite struct PortPoolTests {
    @Test func `even ports are handed out in turn and rest for five seconds`() throws {
        var pool = try #require(PortPool(range: 20_001...20_008))
        #expect(pool.pairCount == 3)
        #expect((0..<4).map { _ in pool.take(at: .origin) } == [20_002, 20_004, 20_006, nil])
        pool.release(20_004, at: .origin)
        pool.release(20_004, at: .origin + .seconds(60))
        pool.release(20_005, at: .origin)
        #expect(pool.take(at: .origin + .milliseconds(4_999)) == nil)
        #expect(pool.take(at: .origin + .seconds(5)) == 20_004)
    }

    @Test func `workers share a range without overlap`() throws {
        var taken: [UInt16] = []
        for worker in 0..<3 {
            var pool = try #require(PortPool(range: 10_000...10_015, worker: worker, of: 3))
            while let port = pool.take(at: .origin) { taken.append(port) }
        }
        #expect(taken.sorted() == stride(from: 10_000, to: 10_016, by: 2).map { UInt16($0) })
    }

    @Test(arguments: [5_001...5_002, 65_535...65_535, 0...0] as [ClosedRange<UInt16>])
    func `a range without a pair makes no pool`(range: ClosedRange<UInt16>) {
        #expect(PortPool(range: range) == nil)
    }

    @Test func `the top of the port space is usable`() throws {
        var pool = try #require(PortPool(range: 65_534...65_535))
        #expect(pool.take(at: .origin) == 65_534)
    }
}
