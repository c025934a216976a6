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
        let lag = Self.lag(heard, said, most: rate / 50)
        self.lag = lag
        let count = max(0, min(said.count, heard.count - lag))
        let residual = [Double](unsafeUninitializedCapacity: count) { residual, initialised in
            Self.withBoth(heard, said) { heard, said in
                var index = 0
                while index < count {
                    residual[index] = Double(Int(heard[index + lag]) - Int(said[index]))
                    index += 1
                }
            }
            initialised = count
        }
        let segment = rate / 50
        var (sum, segments) = (0.0, 0)
        var (loud, loudHeard) = (0.0, 0.0)
        for start in stride(from: 0, to: count - segment, by: segment) {
            let signal = Self.energy(said, start, segment)
            guard signal / Double(segment) > 200 * 200 else { continue }
            let span = start * 1_000 / rate..<(start + segment) * 1_000 / rate
            guard !excluding.contains(where: { $0.overlaps(span) }) else { continue }
            var noise = 0.0
            for error in residual[start..<start + segment] { noise += error * error }
            loud += signal
            loudHeard += Self.energy(heard, start + lag, segment)
            sum += max(-10, min(40, 10 * log10(signal / max(1, noise))))
            segments += 1
        }
        segmentalSNR = sum / Double(max(1, segments))
        level = 10 * log10(max(1, loudHeard) / max(1, loud))
        roughness = Double(Self.roughness(heard)) / Double(max(1, Self.roughness(said)))
        self.residual = residual
    }

    /// How much rougher the error is where packets meet than between, as a ratio of root mean squares: a step, a doubled
    /// or a missing sample at the edges would stand out. Packets hold so many samples of what was heard.
    func edges(packetSamples: Int) -> Double {
        var (edge, edges, inner, inners) = (0.0, 0.0, 0.0, 0.0)
        residual.withUnsafeBufferPointer { residual in
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
        }
        return ((edge / max(1, edges) + 1) / (inner / max(1, inners) + 1)).squareRoot()
    }

    // Plain loops over pointers and in integers: tests are not optimised.

    private static func withBoth(
        _ heard: [Int16], _ said: [Int16],
        _ body: (UnsafePointer<Int16>, UnsafePointer<Int16>) -> Void
    ) {
        heard.withUnsafeBufferPointer { heard in
            said.withUnsafeBufferPointer { said in
                if let heard = heard.baseAddress, let said = said.baseAddress { body(heard, said) }
            }
        }
    }

    /// The sum of squares of `count` samples from `first` on.
    private static func energy(_ pcm: [Int16], _ first: Int, _ count: Int) -> Double {
        pcm.withUnsafeBufferPointer { pcm in
            guard let pcm = pcm.baseAddress else { return 0 }
            var sum = 0
            var index = first
            while index < first + count {
                let value = Int(pcm[index])
                sum &+= value &* value
                index &+= 1
            }
            return Double(sum)
        }
    }

    private static func lag(_ heard: [Int16], _ said: [Int16], most: Int) -> Int {
        var best = (lag: 0, score: Int.min)
        let step = 3
        withBoth(heard, said) { sound, word in
            var lag = 0
            while lag <= most {
                let end = min(said.count, heard.count - lag)
                var score = 0
                var index = 0
                while index < end {
                    score &+= Int(word[index]) &* Int(sound[index &+ lag])
                    index &+= step
                }
                if score > best.score { best = (lag, score) }
                lag += 1
            }
        }
        return best.lag
    }

    /// The largest second difference.
    private static func roughness(_ pcm: [Int16]) -> Int {
        pcm.withUnsafeBufferPointer { samples in
            guard let pcm = samples.baseAddress else { return 0 }
            var most = 0
            var index = 1
            while index &+ 1 < samples.count {
                let bend = Int(pcm[index &- 1]) &- 2 &* Int(pcm[index]) &+ Int(pcm[index &+ 1])
                most = max(most, bend < 0 ? 0 &- bend : bend)
                index &+= 1
            }
            return most
        }
    }
}
