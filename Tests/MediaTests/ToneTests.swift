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

@Suite struct PortPoolTests {
    @Test func `even ports are handed out in turn and rest for five seconds`() throws {
        var pool = try #require(PortPool(range: 20_001...20_008))
        #expect(pool.pairCount == 3)
        #expect((0..<4).map { _ in pool.take(at: .origin) } == [20_002, 20_004, 20_006, nil])
        pool.release(20_004, at: .origin)
        pool.release(20_004, at: .origin + .seconds(60))
        pool.release(20_005, at: .origin)
        #expect(pool.take(at: .origin + .seconds(5)) == 20_004)
        #expect(pool.take(at: .origin + .seconds(5)) == nil)
    }

    @Test(
        arguments: [
            (0, [20_002, 20_004, 20_006]), (2, [20_006, 20_002, 20_004]), (.max, [20_002, 20_004, 20_006]),
        ] as [(UInt64, [UInt16])])
    func `the turn begins where it is told to, and leaves out none`(start: UInt64, ports: [UInt16]) throws {
        var pool = try #require(PortPool(range: 20_002...20_007, from: start))
        #expect((0..<3).map { _ in pool.take(at: .origin) } == ports)
        #expect(pool.take(at: .origin) == nil)
    }

    @Test func `when every free port rests the one that has rested longest serves`() throws {
        var pool = try #require(PortPool(range: 20_002...20_007))
        for _ in 0..<3 { _ = pool.take(at: .origin) }
        for (port, second) in [(20_006, 1), (20_002, 2), (20_004, 3)] {
            pool.release(UInt16(port), at: .origin + .seconds(second))
        }
        #expect(pool.take(at: .origin + .seconds(4)) == 20_006)
        #expect(pool.take(at: .origin + .seconds(4)) == 20_002)
        #expect(pool.take(at: .origin + .milliseconds(8_000)) == 20_004)
        #expect(pool.take(at: .origin + .seconds(9)) == nil)
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
