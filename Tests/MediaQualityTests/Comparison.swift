import Foundation

/// How a signal compares with what it came from.
struct Comparison {
    /// How far the heard lags behind the said, in samples.
    let lag: Int
    /// Signal to noise in decibels, by segments of 20 ms in which something is said, each taken as -10...40.
    let segmentalSNR: Double
    /// How much louder than said, in decibels.
    let level: Double
    /// The largest second difference, as a multiple of the largest one that was said.
    let roughness: Double
    private let residual: [Double]

    /// Segments that touch one of the excluded ranges, in milliseconds of the said, do not count for the noise.
    init(heard: [Int16], said: [Int16], rate: Int, excluding: [Range<Int>] = []) {
        let heard = heard.map(Double.init)
        let said = said.map(Double.init)
        let lag = Self.lag(heard, said, most: rate / 50)
        self.lag = lag
        let count = min(said.count, heard.count - lag)
        let segment = rate / 50
        var (sum, segments) = (0.0, 0)
        var (loud, loudHeard) = (0.0, 0.0)
        for start in stride(from: 0, to: count - segment, by: segment) {
            var (signal, noise, power) = (0.0, 0.0, 0.0)
            for index in start..<start + segment {
                signal += said[index] * said[index]
                power += heard[index + lag] * heard[index + lag]
                noise += (heard[index + lag] - said[index]) * (heard[index + lag] - said[index])
            }
            guard signal / Double(segment) > 200 * 200 else { continue }
            let span = start * 1_000 / rate..<(start + segment) * 1_000 / rate
            guard !excluding.contains(where: { $0.overlaps(span) }) else { continue }
            loud += signal
            loudHeard += power
            sum += max(-10, min(40, 10 * log10(signal / max(1, noise))))
            segments += 1
        }
        segmentalSNR = sum / Double(max(1, segments))
        level = 10 * log10(max(1, loudHeard) / max(1, loud))
        roughness = Self.roughness(heard) / max(1, Self.roughness(said))
        residual = (0..<max(0, count)).map { heard[$0 + lag] - said[$0] }
    }

    /// How much rougher the error is where packets meet than between, as a ratio of root mean squares: a step, a doubled
    /// or a missing sample at the edges would stand out. Packets hold so many samples of what was heard.
    func edges(packetSamples: Int) -> Double {
        var (edge, edges, inner, inners) = (0.0, 0.0, 0.0, 0.0)
        var index = 1
        while index + 1 < residual.count {
            let bend = residual[index - 1] - 2 * residual[index] + residual[index + 1]
            // The bend of a step between two packets shows on both sides of it.
            let place = (index + lag) % packetSamples
            if place == 0 || place == packetSamples - 1 {
                edge += bend * bend
                edges += 1
            } else {
                inner += bend * bend
                inners += 1
            }
            index += 1
        }
        return ((edge / max(1, edges) + 1) / (inner / max(1, inners) + 1)).squareRoot()
    }

    private static func lag(_ heard: [Double], _ said: [Double], most: Int) -> Int {
        var best = (lag: 0, score: -Double.infinity)
        let step = 3
        for lag in 0...most {
            var score = 0.0
            var index = 0
            while index < said.count, index + lag < heard.count {
                score += said[index] * heard[index + lag]
                index += step
            }
            if score > best.score { best = (lag, score) }
        }
        return best.lag
    }

    private static func roughness(_ pcm: [Double]) -> Double {
        var most = 0.0
        var index = 1
        while index + 1 < pcm.count {
            most = max(most, abs(pcm[index - 1] - 2 * pcm[index] + pcm[index + 1]))
            index += 1
        }
        return most
    }
}
