import Media

/// What reaches a telephone's loudspeaker.
package enum Heard: Equatable, Sendable {
    case nothing
    /// Who is heard, by name, in order.
    case voices([String])
    /// A tone of the appliance's: dial tone, confirmation, ringback.
    case tone
    /// Something else of the appliance's: music, a prompt.
    case sound
}

extension Heard: CustomStringConvertible {
    package var description: String {
        switch self {
        case .nothing: "nothing"
        case .voices(let names): names.joined(separator: " and ")
        case .tone: "a tone"
        case .sound: "music or a prompt"
        }
    }
}

/// Tells telephones apart by ear: each speaks with a tone of its own, which is sought in windows of 200 ms.
struct Ear {
    /// Every telephone's tone in Hz, by its number. They lie between keys, tones of the network, and music.
    static let voices: [Double] = [1_800, 1_900, 2_000, 2_250, 2_350, 2_450, 2_750, 2_850, 1_700, 2_150]
    /// Of the countries without an entry of their own (E.180).
    private static let callTone = 425.0
    private static let windowSamples = 1_600
    /// Root mean square below which there is silence.
    private static let silence = 20.0
    /// The part of a window's energy that makes a voice one that is heard.
    private static let share = 0.12

    private let window: [Double] = (0..<Self.windowSamples).map {
        (1 - UnitCircle.point(turns: Double($0) / Double(Self.windowSamples)).cosine) / 2
    }
    private var pending: [Int16] = []
    private(set) var heard = Heard.nothing
    private(set) var windows = 0

    init() { pending.reserveCapacity(Self.windowSamples) }

    /// `names`: whose voices there are, in their order; asked for once a window.
    mutating func listen(to samples: [Int16], _ names: () -> [String]) {
        for sample in samples {
            pending.append(sample)
            guard pending.count == Self.windowSamples else { continue }
            heard = judge(names())
            windows += 1
            pending.removeAll(keepingCapacity: true)
        }
    }

    private func judge(_ names: [String]) -> Heard {
        var shaped = [Double](repeating: 0, count: Self.windowSamples)
        var energy = 0.0
        var (gain, gainSquared) = (0.0, 0.0)
        for index in 0..<Self.windowSamples {
            shaped[index] = Double(pending[index]) * window[index]
            energy += shaped[index] * shaped[index]
            gain += window[index]
            gainSquared += window[index] * window[index]
        }
        guard (energy / gainSquared).squareRoot() > Self.silence else { return .nothing }
        func share(of hertz: Double) -> Double {
            2 * Self.power(of: shaped, at: hertz) / (gain * gain) / (energy / gainSquared)
        }
        let voices = names.indices.filter { share(of: Self.voices[$0]) > Self.share }.map { names[$0] }
        guard voices.isEmpty else { return .voices(voices.sorted()) }
        return share(of: Self.callTone) > 0.5 ? .tone : .sound
    }

    /// Goertzel: the squared magnitude of the spectrum at `hertz`.
    private static func power(of samples: [Double], at hertz: Double) -> Double {
        let coefficient = 2 * UnitCircle.point(turns: hertz / Double(ToneDetector.rate)).cosine
        var (last, older) = (0.0, 0.0)
        samples.withUnsafeBufferPointer { buffer in
            var index = 0
            while index < buffer.count {
                let now = buffer[index] + coefficient * last - older
                (older, last) = (last, now)
                index += 1
            }
        }
        return last * last + older * older - coefficient * last * older
    }
}
