/// What a comfort noise payload says (RFC 3389): how loud the background is at the other end, and its spectrum.
package struct ComfortNoise: Hashable, Sendable {
    /// The static payload type, for streams with a clock of 8000 (RFC 3551 section 6).
    package static let payloadType: UInt8 = 13
    /// Of a spectrum no more than this is taken in; the rest refines it without need.
    package static let coefficientsAtMost = 12

    /// 0...127, in decibels below the overload point; 127 is as good as silence.
    package var levelBelowOverload: Int
    /// Reflection coefficients of an all-pole model, quantised as in the payload: 127 is none; empty for white noise.
    package var coefficients: [UInt8]

    package init(levelBelowOverload: Int, coefficients: [UInt8] = []) {
        self.levelBelowOverload = min(127, max(0, levelBelowOverload))
        self.coefficients = Array(coefficients.prefix(Self.coefficientsAtMost))
    }

    /// Nil for an empty payload. The highest bit of the level is to be 0 and is not looked at (section 3.1).
    package init?(parsing payload: UnsafeRawBufferPointer) {
        guard let level = payload.first else { return nil }
        self.init(levelBelowOverload: Int(level & 0x7F), coefficients: Array(payload.dropFirst()))
    }

    /// The payload (section 3).
    package var payload: [UInt8] { [UInt8(levelBelowOverload)] + coefficients }

    /// What stands for `pcm`, as white noise of its level: for silence that is not worth coding.
    package init(measuring pcm: UnsafeBufferPointer<Int16>) {
        var power = 0.0
        for sample in pcm { power += Double(sample) * Double(sample) }
        power /= Double(max(1, pcm.count))
        // The overload point is that of a square wave at full scale: 0 dBov (section 3.1 and ITU-T G.100.1).
        var level = 0
        var reference = 32_768.0 * 32_768.0 / Self.halfStep
        while level < 127, power < reference {
            level += 1
            reference /= Self.step
        }
        self.init(levelBelowOverload: level)
    }

    /// The effective value (root of the mean square) that the level stands for, in 16-bit units.
    package var effectiveValue: Double {
        guard levelBelowOverload < 127 else { return 0 }
        var square = 32_768.0 * 32_768.0
        for _ in 0..<levelBelowOverload { square /= Self.step }
        return square.squareRoot()
    }

    /// A decibel, and half of one, as ratios of power.
    private static let step = 1.258_925_411_794_167_2
    private static let halfStep = 1.122_018_454_301_963_3
}

/// Makes the noise that a `ComfortNoise` describes: white noise through the all-pole lattice of its coefficients.
///
/// The same seed makes the same noise. Levels change within 20 ms, not at once.
package struct ComfortNoiseGenerator: Sendable {
    private var state: UInt64
    private var amplitude = 0.0
    private var target = 0.0
    private var reflections = [Double](repeating: 0, count: ComfortNoise.coefficientsAtMost)
    private var order = 0
    private var backward = [Double](repeating: 0, count: ComfortNoise.coefficientsAtMost + 1)
    /// The share of the way to `target` that a sample goes.
    private let approach: Double

    /// Silent until `update`; `rate` is that of the samples.
    package init(rate: Int, seed: UInt64 = 0x2545_F491_4F6C_DD1D) {
        state = seed | 1
        approach = 200 / Double(rate)
    }

    /// From now on, the noise is this.
    package mutating func update(_ noise: ComfortNoise) {
        order = noise.coefficients.count
        // An all-pole filter of these reflections raises the power by the reciprocal of this product.
        var rest = 1.0
        for index in 0..<order {
            // k = 258 (N - 127) / 32768 (section 3.2); 255 is no value and is taken for 254.
            let reflection = 258 * (Double(min(254, noise.coefficients[index])) - 127) / 32_768
            reflections[index] = reflection
            rest *= 1 - reflection * reflection
        }
        // An even distribution over -1...1 has a third of the power of its bounds.
        target = noise.effectiveValue * (3 * rest).squareRoot()
    }

    /// Fills all of `pcm`.
    package mutating func fill(_ pcm: UnsafeMutableBufferPointer<Int16>) {
        for index in pcm.indices {
            amplitude += (target - amplitude) * approach
            let sample = filtered(white() * amplitude)
            pcm[index] = Int16(max(-32_768, min(32_767, sample.rounded())))
        }
    }

    /// Evenly distributed over -1...1 (xorshift64*).
    private mutating func white() -> Double {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        let bits = Int64(bitPattern: state &* 0x2545_F491_4F6C_DD1D) >> 11
        return Double(bits) / Double(1 << 52)
    }

    /// One step of the all-pole lattice: forward from the highest order down, the delayed backward path beside it.
    private mutating func filtered(_ input: Double) -> Double {
        var forward = input
        for stage in stride(from: order - 1, through: 0, by: -1) {
            forward -= reflections[stage] * backward[stage]
            backward[stage + 1] = backward[stage] + reflections[stage] * forward
        }
        backward[0] = forward
        return forward
    }
}
