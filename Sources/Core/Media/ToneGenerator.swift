/// A continuous sine wave in 16-bit samples, by rotating a point on the unit circle.
package struct ToneGenerator: Sendable {
    package let frequency: Double
    package let amplitude: Double
    private let step: (cosine: Double, sine: Double)
    private var point: (cosine: Double, sine: Double) = (1, 0)

    /// `frequency` in Hz below half of `rate`; `amplitude` is the peak, 0...32767.
    package init(frequency: Double, amplitude: Double = 8_000, rate: Int = 8_000) {
        self.frequency = frequency
        self.amplitude = max(0, min(32_767, amplitude))
        step = UnitCircle.point(turns: frequency / Double(rate))
    }

    package mutating func fill(_ pcm: UnsafeMutableBufferPointer<Int16>) {
        for index in 0..<pcm.count {
            pcm[index] = Int16((point.sine * amplitude).rounded())
            point = (
                point.cosine * step.cosine - point.sine * step.sine,
                point.sine * step.cosine + point.cosine * step.sine
            )
        }
        // One Newton step towards radius 1 undoes the rounding of this block.
        let correction = (3 - point.cosine * point.cosine - point.sine * point.sine) / 2
        point = (point.cosine * correction, point.sine * correction)
    }

    package mutating func samples(_ count: Int) -> [Int16] {
        var pcm = [Int16](repeating: 0, count: count)
        pcm.withUnsafeMutableBufferPointer { fill($0) }
        return pcm
    }
}
