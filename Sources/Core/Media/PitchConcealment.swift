/// Stands in for lost audio by repeating the last pitch period, fading out (the idea of ITU-T G.711 Appendix I, without
/// the delay that its overlap-add before a gap costs).
struct PitchConcealment {
    /// Longest period looked for, in samples: 66 Hz.
    private let longest: Int
    /// Shortest: 400 Hz. A higher tone shows up at a multiple of its period.
    private let shortest: Int
    private let compared: Int
    /// Full level for 10 ms, then down to nothing over 50 ms.
    private let held: Int
    private let faded: Int
    /// How long real audio takes over from what stood in for it: 4 ms.
    private let blended: Int

    private var history: [Int16]
    private var period = 0
    private var concealed = 0

    /// For samples at `rate`.
    init(rate: Int) {
        longest = rate * 15 / 1_000
        shortest = rate / 400
        compared = rate / 100
        held = rate / 100
        faded = rate / 20
        blended = rate / 250
        history = [Int16](repeating: 0, count: longest + compared)
    }

    /// Takes over from concealment, if there was any, to the good audio in `pcm`, and keeps the end of it.
    mutating func resume(_ pcm: UnsafeMutableBufferPointer<Int16>) {
        if concealed > 0 {
            let count = min(blended, pcm.count)
            for index in 0..<count {
                let standIn = Int(next())
                pcm[index] = Int16(truncatingIfNeeded: (standIn * (count - index) + Int(pcm[index]) * index) / count)
            }
            concealed = 0
        }
        let size = history.count
        let kept = min(pcm.count, size)
        let older = size - kept
        history.withUnsafeMutableBufferPointer { history in
            for index in 0..<older { history[index] = history[index + kept] }
            for index in 0..<kept { history[older + index] = pcm[pcm.count - kept + index] }
        }
    }

    /// Continues the audio; a longer gap continues the fade where the last call left it.
    mutating func fill(_ pcm: UnsafeMutableBufferPointer<Int16>) {
        if concealed == 0 { period = bestPeriod() }
        for index in 0..<pcm.count { pcm[index] = next() }
    }

    private mutating func next() -> Int16 {
        let source = Int(history[history.count - period + concealed % period])
        let gain = max(0, min(faded, faded + held - concealed))
        concealed += 1
        return Int16(truncatingIfNeeded: source * gain / faded)
    }

    /// The lag with the highest normalised correlation, the shorter one when two are equal.
    private func bestPeriod() -> Int {
        var best = longest
        var bestScore = -Double.infinity
        history.withUnsafeBufferPointer { history in
            let start = history.count - compared
            for lag in shortest...longest {
                var correlation = 0
                var energy = 0
                for index in start..<history.count {
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
