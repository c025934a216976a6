import ApplianceCore
import Persistence
import Primitives
import Settings

/// What survives a power cut: the committed snapshot and histories, with faults to order.
struct SimulatedDisk {
    private(set) var snapshot = StoreSnapshot()
    private(set) var histories = StoreHistories()
    private var entropy: Entropy
    /// While true every transaction fails as on a full disk.
    var isFull = false

    init(entropy: Entropy) {
        self.entropy = entropy
    }

    /// What a board is delivered with.
    mutating func install(_ settings: ApplianceSettings) { snapshot.settings = settings }

    /// How long the next commit takes.
    mutating func commitTime() -> Duration { .milliseconds(1) + entropy.jitter(upTo: .milliseconds(8)) }

    /// All or nothing.
    mutating func commit(_ commands: [StoreCommand]) -> StoreOutcome {
        guard !isFull else { return .failed(.diskFull) }
        snapshot.apply(commands)
        histories.apply(commands)
        return .committed
    }
}
