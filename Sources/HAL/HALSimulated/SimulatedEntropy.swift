import HAL
package import Primitives
import Synchronization

/// Repeatable randomness: the n-th generator of one seed is the same in every run, and unlike all others of that seed.
package final class SimulatedEntropy: EntropyDevice {
    private let seeds: Mutex<SeededGenerator>

    package init(seed: UInt64) { seeds = Mutex(SeededGenerator(seed: seed)) }

    package func makeEntropy() -> Entropy {
        Entropy(SeededGenerator(seed: seeds.withLock { $0.next() }))
    }
}
