/// What tone dominates 8 kHz audio: one verdict per 200 ms window, over 300...3400 Hz.
///
/// Goertzel filters every 10 Hz behind a Hann window find the peak, finer ones around it the frequency.
package struct ToneDetector: Sendable {
    package struct Tone: Hashable, Sendable {
        /// Hz; right to a few for a pure tone.
        package var frequency: Double
        /// The part of the window's energy that lies in this tone, 0...1; near 1 for a pure tone, small for speech.
        package var share: Double
        /// Root mean square of the window's samples.
        package var level: Double
    }

    package static let rate = 8_000
    package static let windowSamples = 1_600
    private static let band = 300...3_400
    private static let coarseStep = 10
    private static let fineStep = 1

    private let window: [Double]
    private var pending: [Int16] = []
    /// The last finished window's verdict; nil before the first, and for a silent window.
    package private(set) var tone: Tone?
    package private(set) var windows = 0

    package init() {
        window = (0..<Self.windowSamples).map {
            (1 - UnitCircle.point(turns: Double($0) / Double(Self.windowSamples)).cosine) / 2
        }
        pending.reserveCapacity(Self.windowSamples)
    }

    /// Takes audio of any length; true when it finished at least one window, whose verdict is then in `tone`.
    @discardableResult
    package mutating func process(_ pcm: UnsafeBufferPointer<Int16>) -> Bool {
        let before = windows
        for sample in pcm {
            pending.append(sample)
            guard pending.count == Self.windowSamples else { continue }
            tone = judge()
            windows += 1
            pending.removeAll(keepingCapacity: true)
        }
        return windows != before
    }

    @discardableResult
    package mutating func process(_ pcm: [Int16]) -> Bool { pcm.withUnsafeBufferPointer { process($0) } }

    private func judge() -> Tone? {
        var shaped = [Double](repeating: 0, count: Self.windowSamples)
        var energy = 0.0
        var shapedEnergy = 0.0
        var gain = 0.0
        var gainSquared = 0.0
        for index in 0..<Self.windowSamples {
            let sample = Double(pending[index])
            shaped[index] = sample * window[index]
            energy += sample * sample
            shapedEnergy += shaped[index] * shaped[index]
            gain += window[index]
            gainSquared += window[index] * window[index]
        }
        guard shapedEnergy > 0 else { return nil }
        let coarse = peak(of: shaped, in: Self.band, step: Self.coarseStep)
        let around = max(Self.band.lowerBound, coarse.frequency - Self.coarseStep)
        let upTo = min(Self.band.upperBound, coarse.frequency + Self.coarseStep)
        let fine = peak(of: shaped, in: around...upTo, step: Self.fineStep)
        let share = 2 * fine.power / (gain * gain) / (shapedEnergy / gainSquared)
        return Tone(
            frequency: Double(fine.frequency), share: min(1, share),
            level: (energy / Double(Self.windowSamples)).squareRoot())
    }

    private func peak(of samples: [Double], in band: ClosedRange<Int>, step: Int) -> (frequency: Int, power: Double) {
        var best = (frequency: band.lowerBound, power: -1.0)
        for frequency in stride(from: band.lowerBound, through: band.upperBound, by: step) {
            let power = Self.power(of: samples, at: frequency)
            if power > best.power { best = (frequency, power) }
        }
        return best
    }

    /// Goertzel: the squared magnitude of the spectrum at `frequency`.
    private static func power(of samples: [Double], at frequency: Int) -> Double {
        let coefficient = 2 * UnitCircle.point(turns: Double(frequency) / Double(rate)).cosine
        var last = 0.0
        var older = 0.0
        samples.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            var index = 0
            // A plain loop: builds without optimisation spend most of a simulated call here.
            while index < buffer.count {
                let now = base[index] + coefficient * last - older
                older = last
                last = now
                index += 1
            }
        }
        return last * last + older * older - coefficient * last * older
    }
}
