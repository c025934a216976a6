/// Stands in for lost 8 kHz audio by repeating the last pitch period, fading out (the idea of ITU-T G.711 Appendix I,
/// without its overlap-add and its added delay).
struct PitchConcealment {
    /// Longest period looked for: 66 Hz.
    private static let longest = 120
    /// Shortest: 400 Hz. A higher tone shows up at a multiple of its period.
    private static let shortest = 20
    private static let compared = 80
    private static let historySize = longest + compared
    /// Full level for 10 ms, then down to nothing over 50 ms.
    private static let held = 80
    private static let faded = 400

    private var history = [Int16](repeating: 0, count: historySize)
    private var period = 0
    private var concealed = 0

    init() {}

    /// Keeps the end of good audio.
    mutating func remember(_ pcm: UnsafeBufferPointer<Int16>) {
        concealed = 0
        let kept = min(pcm.count, Self.historySize)
        let older = Self.historySize - kept
        history.withUnsafeMutableBufferPointer { history in
            for index in 0..<older { history[index] = history[index + kept] }
            for index in 0..<kept { history[older + index] = pcm[pcm.count - kept + index] }
        }
    }

    /// Continues the audio; a longer gap continues the fade where the last call left it.
    mutating func fill(_ pcm: UnsafeMutableBufferPointer<Int16>) {
        if concealed == 0 { period = bestPeriod() }
        for index in 0..<pcm.count {
            let phase = concealed % period
            let source = Int(history[Self.historySize - period + phase])
            let gain = max(0, min(Self.faded, Self.faded + Self.held - concealed))
            pcm[index] = Int16(truncatingIfNeeded: source * gain / Self.faded)
            concealed += 1
        }
    }

    /// The lag with the highest normalised correlation, the shorter one when two are equal.
    private func bestPeriod() -> Int {
        var best = Self.longest
        var bestScore = -Double.infinity
        history.withUnsafeBufferPointer { history in
            let start = Self.historySize - Self.compared
            for lag in Self.shortest...Self.longest {
                var correlation = 0
                var energy = 0
                for index in start..<Self.historySize {
                    let past = Int(history[index - lag])
                    correlation += Int(history[index]) * past
                    energy += past * past
                }
                guard correlation > 0, energy > 0 else { continue }
                let score = Double(correlation) * Double(correlation) / Double(energy)
                if score > bestScore * 1.000_001 {
                    bestScore = score
                    best = lag
                }
            }
        }
        return best
    }
}
