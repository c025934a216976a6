import ApplianceCore
import Persistence
import Primitives
import Settings

/// What survives a power cut: the committed snapshot and histories, with faults to order.
struct SimulatedDisk {
    private(set) var snapshot = StoreSnapshot()
    private(set) var histories = StoreHistories()
    private var entropy: Entropy
    /// When the one writer has done everything that it was asked so far.
    private var busyUntil = Instant.origin
    /// While true every transaction fails as on a full disk.
    var isFull = false
    /// While true a restore is being prepared: what is written now would be lost, so it is refused.
    var isSealed = false
    private(set) var commitCount = 0

    init(entropy: Entropy) {
        self.entropy = entropy
    }

    /// What a board is delivered with.
    mutating func install(_ settings: ApplianceSettings) { snapshot.settings = settings }

    /// When the next transaction ends: behind those that wait, in their order.
    mutating func finishTime(at now: Instant) -> Instant {
        busyUntil = max(busyUntil, now) + .milliseconds(1) + entropy.jitter(upTo: .milliseconds(8))
        return busyUntil
    }

    mutating func cutPower() {
        busyUntil = .origin
        isSealed = false
    }

    /// All or nothing.
    mutating func commit(_ commands: [StoreCommand]) -> StoreOutcome {
        guard !isFull else { return .failed(.diskFull) }
        guard !isSealed else { return .failed(.input("a restore is under way; the appliance is about to restart")) }
        snapshot.apply(commands)
        histories.apply(commands)
        commitCount += 1
        return .committed
    }

    /// Part `configuration.txt` of a backup.
    var exportedConfiguration: String { ConfigurationText.write(snapshot.settings) }
}
