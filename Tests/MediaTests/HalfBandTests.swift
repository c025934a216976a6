import Foundation
import Media
import Testing

@Suite struct HalfBandTests {
    private func widened(_ input: [Int16]) -> [Int16] {
        var filter = HalfBand.Interpolator()
        var output = [Int16](repeating: 0, count: 2 * input.count)
        var start = 0
        // Blocks of any size make the same of it.
        for size in [1, 7, 80, 200, input.count] where start < input.count {
            let end = min(start + size, input.count)
            input[start..<end].withUnsafeBufferPointer { samples in
                output[2 * start..<2 * end].withUnsafeMutableBufferPointer { filter.process(samples, into: $0) }
            }
            start = end
        }
        return output
    }

    private func narrowed(_ input: [Int16]) -> [Int16] {
        var filter = HalfBand.Decimator()
        var output = [Int16](repeating: 0, count: input.count / 2)
        var start = 0
        for size in [1, 7, 80, 200, output.count] where start < output.count {
            let end = min(start + size, output.count)
            input[2 * start..<2 * end].withUnsafeBufferPointer { samples in
                output[start..<end].withUnsafeMutableBufferPointer { filter.process(samples, into: $0) }
            }
            start = end
        }
        return output
    }

    private func tone(_ hertz: Double, rate: Int, count: Int) -> [Int16] {
        (0..<count).map { Int16((16_000 * sin(2 * .pi * hertz * Double($0) / Double(rate))).rounded()) }
    }

    /// The amplitude at `hertz` relative to 16000, in decibels, over the settled part.
    private func level(_ pcm: [Int16], at hertz: Double, rate: Int) -> Double {
        let settled = pcm[(pcm.count - rate / 10)...]
        var (real, imaginary) = (0.0, 0.0)
        for (index, sample) in settled.enumerated() {
            let angle = 2 * .pi * hertz * Double(index) / Double(rate)
            real += Double(sample) * cos(angle)
            imaginary += Double(sample) * sin(angle)
        }
        let amplitude = 2 * (real * real + imaginary * imaginary).squareRoot() / Double(settled.count)
        return 20 * log10(max(amplitude, 1e-3) / 16_000)
    }

    @Test(arguments: [100.0, 300, 1_000, 2_000, 3_000, 3_400])
    func `the telephone band passes flat in both directions, and its image stays out`(hertz: Double) {
        let wide = widened(tone(hertz, rate: 8_000, count: 1_600))
        #expect(abs(level(wide, at: hertz, rate: 16_000)) < 0.05)
        #expect(level(wide, at: 8_000 - hertz, rate: 16_000) < -60)
        let narrow = narrowed(tone(hertz, rate: 16_000, count: 3_200))
        #expect(abs(level(narrow, at: hertz, rate: 8_000)) < 0.05)
    }

    @Test(arguments: [4_600.0, 5_000, 6_000, 7_000, 7_900])
    func `what lies above the telephone band does not fold back into it`(hertz: Double) {
        let narrow = narrowed(tone(hertz, rate: 16_000, count: 3_200))
        #expect(level(narrow, at: 8_000 - hertz, rate: 8_000) < -60)
    }

    @Test func `the phase is linear: the response to an impulse mirrors itself about 27 samples`() {
        var impulse = [Int16](repeating: 0, count: 60)
        impulse[0] = 32_000
        let response = widened(impulse)
        #expect(response[27] == 32_000)
        #expect((0...27).allSatisfy { response[27 - $0] == response[27 + $0] })
        #expect(response[55...].allSatisfy { $0 == 0 })
        #expect(HalfBand.taps.reduce(0, +) == 8_192)
    }

    @Test func `full scale of the worst shape is clamped, not turned over`() {
        // The signs of the taps, so that every product adds up.
        let signs = (HalfBand.taps + HalfBand.taps.reversed()).map { $0 < 0 ? Int16.min : Int16.max }
        #expect(widened(signs)[54] == Int16.max)
        var pairs = signs.flatMap { [$0, $0] }
        pairs[2 * 14] = Int16.max
        #expect(narrowed(pairs)[27] == Int16.max)
        #expect(narrowed(pairs.map { $0 == Int16.max ? Int16.min : Int16.max })[27] == Int16.min)
    }
}
