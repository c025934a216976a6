import Primitives
import RTP

/// How much audio has been made of a peer's packets beyond the time that has passed. Its packets decide how much each holds,
/// up to 120 ms of Opus or a fifth of a second of a tone: at a thousand a second that would be work for many calls, while
/// one call is what it was let in as.
struct MadeAudio: Sendable {
    /// As much as comes in one go after a long hold-up.
    static let aheadAtMost = Duration.seconds(3)

    private let rate: Int
    private var aheadSamples = 0
    private var countedAt = Instant.origin

    /// Samples at `rate`.
    init(rate: Int) { self.rate = rate }

    /// False while there is too much of it: what comes now is not decoded.
    mutating func takesMore(at now: Instant) -> Bool {
        // Exact to a sample in each call: counted from where the last whole sample ended.
        let passed = (now - countedAt).ticks(rate: rate)
        if passed > 0 {
            aheadSamples = max(0, aheadSamples - passed)
            countedAt = now
        }
        return aheadSamples <= Self.aheadAtMost.ticks(rate: rate)
    }

    mutating func add(_ samples: Int) { aheadSamples += samples }
}
