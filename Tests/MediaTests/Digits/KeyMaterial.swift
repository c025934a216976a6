import Foundation
import Media

/// Keys and things like keys as samples.
struct KeyMaterial {
    var rate = 8_000
    private var samples: [Double] = []
    private var generator = SystemlessGenerator()

    /// The peak of a sine wave of so many dBm0 in 16-bit samples.
    static func peak(_ dBm0: Double) -> Double { 22_301 * pow(10, dBm0 / 20) }

    init(rate: Int = 8_000) { self.rate = rate }

    /// Both tones of a key; `detuned` moves their frequencies, `dBm0` is the level of each.
    mutating func key(
        _ digit: Digit, _ milliseconds: Double, low: Double = -10, high: Double = -8, detuned: (Double, Double) = (0, 0)
    ) {
        guard let tones = digit.tones else { return }
        add(milliseconds) { time in
            Self.peak(low) * sin(2 * .pi * Double(tones.low) * (1 + detuned.0) * time)
                + Self.peak(high) * sin(2 * .pi * Double(tones.high) * (1 + detuned.1) * time + 1)
        }
    }

    mutating func tone(_ hertz: Double, _ milliseconds: Double, dBm0: Double = -10) {
        add(milliseconds) { Self.peak(dBm0) * sin(2 * .pi * hertz * $0) }
    }

    mutating func pause(_ milliseconds: Double) { add(milliseconds) { _ in 0 } }

    mutating func append(_ pcm: [Int16]) { samples += pcm.map(Double.init) }

    /// White noise over all that is there, of an effective value of so many dBm0.
    mutating func addNoise(dBm0: Double) {
        let amplitude = Self.peak(dBm0) / 2.0.squareRoot() * 3.0.squareRoot()
        for index in samples.indices { samples[index] += amplitude * generator.next() }
    }

    private mutating func add(_ milliseconds: Double, _ wave: (Double) -> Double) {
        for index in 0..<Int(milliseconds * Double(rate) / 1_000) { samples.append(wave(Double(index) / Double(rate))) }
    }

    var pcm: [Int16] { samples.map { Int16(max(-32_768, min(32_767, $0.rounded()))) } }

    /// What a detector hears in frames of that many milliseconds.
    static func heard(_ pcm: [Int16], rate: Int = 8_000, frame: Int = 20) -> [Digit] {
        var detector = InBandDigitDetector(rate: rate)
        var digits: [Digit] = []
        var start = 0
        while start < pcm.count {
            let end = min(pcm.count, start + rate * frame / 1_000)
            if let digit = detector.process(Array(pcm[start..<end])) { digits.append(digit) }
            start = end
        }
        return digits
    }

    var heard: [Digit] { Self.heard(pcm, rate: rate) }
}

/// Evenly distributed over -1...1, the same on every run.
struct SystemlessGenerator {
    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

    mutating func next() -> Double {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Double(state >> 11) / Double(1 << 52) - 1
    }
}
