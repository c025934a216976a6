/// A recorded sound: mono samples that never change. Two clips are the same only if they are one object, so that playlists
/// compare and travel at the price of a reference.
package final class AudioClip: Sendable, Hashable {
    /// Samples per second that a clip may have.
    package static let rates = [8_000, 16_000]

    package let name: String
    /// 8000 or 16000.
    package let rate: Int
    package let samples: [Int16]
    /// Its end leads into its beginning: repeated, it is played through without a fade.
    package let isSeamless: Bool

    package init(name: String, rate: Int, samples: [Int16], isSeamless: Bool = false) {
        precondition(Self.rates.contains(rate), "a clip has 8000 or 16000 samples per second")
        self.name = name
        self.rate = rate
        self.samples = samples
        self.isSeamless = isSeamless
    }

    package var duration: Duration { Duration(samples: samples.count, rate: rate) }

    package static func == (left: AudioClip, right: AudioClip) -> Bool { left === right }
    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

extension AudioClip: CustomStringConvertible {
    package var description: String { "\(name) (\(rate) Hz, \(duration))" }
}
