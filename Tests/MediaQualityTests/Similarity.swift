import Foundation
import Synchronization

/// How alike two signals sound, after ViSQOL (Hines et al., "ViSQOL: an objective speech quality model", 2015).
///
/// Both are spread out over time and 16 or 21 bands of the mel scale, in decibels above a floor 45 dB below the loudest
/// that was said. Patches of 200 ms in which something is said are laid over the heard where they fit best, within
/// `reach`, so that a playout which stretches and cuts is judged by what it sounds like. In each patch, 3 x 3 cells at a
/// time, the neurogram similarity index is what level and shape have in common: 1 for the same, 0 for nothing. A score
/// of ours: comparable between codecs and networks here, and not with the opinion scores of ITU-T P.800.
struct Similarity {
    /// The mean of all patches.
    let mean: Double
    /// That of the worst patch.
    let least: Double

    private static let range: Float = 45
    private static let patchFrames = 20
    /// Frames of what was heard lie closer, so that patches can be laid exactly enough.
    private static let stepsPerFrame = 2

    /// `heard` lags behind `said` by about `lag` samples, and each patch by up to `reach` more or less.
    init(heard: [Int16], said: [Int16], rate: Int, lag: Int, reach: Int = 0) {
        let filters = BandFilters.of(rate: rate)
        let (bands, hop) = (filters.count, rate / 100)
        let reference = filters.reference(said, hop: hop)
        let floor = (reference.max() ?? 0) - Self.range
        let spoken = reference.map { max(0, $0 - floor) }
        let other = filters.levels(of: heard, from: lag - reach, hop: hop / Self.stepsPerFrame)
            .map { max(0, $0 - floor) }
        let shifts = 2 * reach / (hop / Self.stepsPerFrame)
        var scores: [Double] = []
        spoken.withUnsafeBufferPointer { spoken in
            other.withUnsafeBufferPointer { other in
                let frames = spoken.count / bands
                for start in stride(from: 0, through: frames - Self.patchFrames, by: Self.patchFrames / 2) {
                    let patch = UnsafeBufferPointer(
                        rebasing: spoken[start * bands..<(start + Self.patchFrames) * bands])
                    // A patch without speech says nothing.
                    guard Self.loudFrames(patch, bands) > Self.patchFrames / 2 else { continue }
                    let first = start * Self.stepsPerFrame
                    let most = min(shifts, other.count / bands - first - Self.patchFrames * Self.stepsPerFrame)
                    guard most >= 0 else { continue }
                    var best = (place: first, distance: Float.infinity)
                    for place in first...first + most {
                        let distance = Self.distance(patch, other, place, bands)
                        if distance < best.distance { best = (place, distance) }
                    }
                    scores.append(Self.index(patch, other, best.place, bands))
                }
            }
        }
        mean = scores.reduce(0, +) / Double(max(1, scores.count))
        least = scores.min() ?? 0
    }

    private static func loudFrames(_ patch: UnsafeBufferPointer<Float>, _ bands: Int) -> Int {
        (0..<patchFrames).filter { frame in (0..<bands).contains { patch[frame * bands + $0] > 20 } }.count
    }

    /// How far a patch is from what was heard at a place: every other frame is enough to find it.
    private static func distance(
        _ patch: UnsafeBufferPointer<Float>, _ other: UnsafeBufferPointer<Float>, _ at: Int, _ bands: Int
    ) -> Float {
        var sum: Float = 0
        var frame = 0
        while frame < patchFrames {
            let (x, y) = (frame * bands, (at + frame * stepsPerFrame) * bands)
            var band = 0
            while band < bands {
                let difference = patch[x + band] - other[y + band]
                sum += difference < 0 ? -difference : difference
                band += 1
            }
            frame += 2
        }
        return sum
    }

    /// Luminance and structure of two neurograms, by cells weighted as in the paper.
    private static func index(
        _ patch: UnsafeBufferPointer<Float>, _ other: UnsafeBufferPointer<Float>, _ at: Int, _ bands: Int
    ) -> Double {
        let weights: [Float] = [0.0113, 0.0838, 0.0113, 0.0838, 0.6193, 0.0838, 0.0113, 0.0838, 0.0113]
        let (small, shape) = (0.01 * range * 0.01 * range, 0.03 * range * 0.03 * range / 2)
        var sum = 0.0
        weights.withUnsafeBufferPointer { weights in
            var frame = 1
            while frame + 1 < patchFrames {
                var band = 1
                while band + 1 < bands {
                    var (x, y, xx, yy, xy): (Float, Float, Float, Float, Float) = (0, 0, 0, 0, 0)
                    var cell = 0
                    while cell < 9 {
                        let (row, column) = (frame + cell / 3 - 1, band + cell % 3 - 1)
                        let p = patch[row * bands + column]
                        let q = other[(at + row * stepsPerFrame) * bands + column]
                        let weight = weights[cell]
                        x += weight * p
                        y += weight * q
                        xx += weight * p * p
                        yy += weight * q * q
                        xy += weight * p * q
                        cell += 1
                    }
                    let (spread, heard) = (max(0, xx - x * x), max(0, yy - y * y))
                    let luminance = (2 * x * y + small) / (x * x + y * y + small)
                    sum += Double(luminance * (xy - x * y + shape) / ((spread * heard).squareRoot() + shape))
                    band += 1
                }
                frame += 1
            }
        }
        return sum / Double((patchFrames - 2) * (bands - 2))
    }
}

/// Windows of 20 ms, transformed and gathered in triangular bands of equal width on the mel scale.
final class BandFilters: Sendable {
    private let size: Int
    private let windowSamples: Int
    private let window: [Float]
    private let cosines: [Float]
    private let sines: [Float]
    private let reversed: [Int]
    private let bands: [Band]

    private struct Band {
        /// The first bin, and the weights from there on.
        let first: Int
        let weights: [Float]

        func level(_ real: UnsafeMutableBufferPointer<Float>, _ imaginary: UnsafeMutableBufferPointer<Float>) -> Float {
            weights.withUnsafeBufferPointer { weights in
                var sum: Float = 1
                var index = 0
                while index < weights.count {
                    let (x, y) = (real[first + index], imaginary[first + index])
                    sum += weights[index] * (x * x + y * y)
                    index += 1
                }
                return 10 * log10(sum)
            }
        }
    }

    var count: Int { bands.count }

    private static let narrow = BandFilters(rate: 8_000, bands: 16, highest: 3_400)
    private static let wide = BandFilters(rate: 16_000, bands: 21, highest: 6_800)

    static func of(rate: Int) -> BandFilters { rate > 8_000 ? wide : narrow }

    private init(rate: Int, bands count: Int, highest: Double) {
        let size = rate > 8_000 ? 512 : 256
        self.size = size
        let samples = rate / 50
        windowSamples = samples
        window = (0..<samples).map { Float(0.5 - 0.5 * cos(2 * .pi * (Double($0) + 0.5) / Double(samples))) }
        cosines = (0..<size / 2).map { Float(cos(2 * .pi * Double($0) / Double(size))) }
        sines = (0..<size / 2).map { Float(-sin(2 * .pi * Double($0) / Double(size))) }
        let bits = size.trailingZeroBitCount
        reversed = (0..<size).map { index in
            (0..<bits).reduce(0) { $0 | (index >> $1 & 1) << (bits - 1 - $1) }
        }
        func mel(_ hertz: Double) -> Double { 2_595 * log10(1 + hertz / 700) }
        func hertz(_ mel: Double) -> Double { 700 * (pow(10, mel / 2_595) - 1) }
        let (low, step) = (mel(80), (mel(highest) - mel(80)) / Double(count + 1))
        bands = (0..<count).map { band in
            let edges = (0...2).map { hertz(low + step * Double(band + $0)) * Double(size) / Double(rate) }
            let bins = Int(edges[0].rounded(.up))...Int(edges[2].rounded(.down))
            let weights = bins.map { bin in
                let place = Double(bin)
                return Float(
                    place < edges[1]
                        ? (place - edges[0]) / (edges[1] - edges[0]) : (edges[2] - place) / (edges[2] - edges[1]))
            }
            return Band(first: bins.lowerBound, weights: weights)
        }
    }

    /// The levels of what has been said so far: all that is heard is held against the same few seconds.
    private let references = Mutex<[(said: [Int16], levels: [Float])]>([])

    func reference(_ said: [Int16], hop: Int) -> [Float] {
        let known = references.withLock { $0.first { $0.said == said }?.levels }
        if let known { return known }
        let levels = levels(of: said, from: 0, hop: hop)
        references.withLock { $0.append((said, levels)) }
        return levels
    }

    /// Decibels, band by band and frame by frame; before the beginning there is silence.
    func levels(of samples: [Int16], from first: Int, hop: Int) -> [Float] {
        var levels: [Float] = []
        var real = [Float](repeating: 0, count: size)
        var imaginary = real
        samples.withUnsafeBufferPointer { samples in
            real.withUnsafeMutableBufferPointer { real in
                imaginary.withUnsafeMutableBufferPointer { imaginary in
                    var start = first
                    while start + windowSamples <= samples.count {
                        transform(samples, start, real, imaginary)
                        for band in bands { levels.append(band.level(real, imaginary)) }
                        start += hop
                    }
                }
            }
        }
        return levels
    }

    /// A Fourier transform by halves. Plain loops over pointers: tests are not optimised.
    private func transform(
        _ samples: UnsafeBufferPointer<Int16>, _ start: Int, _ real: UnsafeMutableBufferPointer<Float>,
        _ imaginary: UnsafeMutableBufferPointer<Float>
    ) {
        window.withUnsafeBufferPointer { window in
            reversed.withUnsafeBufferPointer { reversed in
                var index = 0
                while index < size {
                    let from = reversed[index]
                    let place = start + from
                    real[index] = from < windowSamples && place >= 0 ? Float(samples[place]) * window[from] : 0
                    imaginary[index] = 0
                    index += 1
                }
            }
        }
        cosines.withUnsafeBufferPointer { cosines in
            sines.withUnsafeBufferPointer { sines in
                var half = 1
                while half < size {
                    let turn = size / (2 * half)
                    var group = 0
                    while group < size {
                        var step = 0
                        while step < half {
                            let (c, s) = (cosines[step * turn], sines[step * turn])
                            let (low, high) = (group + step, group + step + half)
                            let x = real[high] * c - imaginary[high] * s
                            let y = real[high] * s + imaginary[high] * c
                            real[high] = real[low] - x
                            imaginary[high] = imaginary[low] - y
                            real[low] += x
                            imaginary[low] += y
                            step += 1
                        }
                        group += 2 * half
                    }
                    half *= 2
                }
            }
        }
    }
}
