import Synchronization

/// What workers share: the number of sessions, and counters of trouble.
final class EngineShared: Sendable {
    let sessionsLimit: Int
    private let sessions = Atomic<Int>(0)
    private let socketErrors = Atomic<UInt64>(0)
    private let unsent = Atomic<UInt64>(0)
    private let refusedCommands = Atomic<UInt64>(0)

    init(sessionsLimit: Int) {
        self.sessionsLimit = sessionsLimit
    }

    /// False when the limit is reached.
    func enter() -> Bool {
        guard sessions.add(1, ordering: .relaxed).newValue > sessionsLimit else { return true }
        leave()
        return false
    }

    func leave() { sessions.subtract(1, ordering: .relaxed) }

    func countSocketError() { socketErrors.add(1, ordering: .relaxed) }
    func countUnsent(_ datagrams: Int) { unsent.add(UInt64(datagrams), ordering: .relaxed) }
    func countRefusedCommand() { refusedCommands.add(1, ordering: .relaxed) }

    var counters: MediaEngineCounters {
        var result = MediaEngineCounters()
        result.socketErrors = socketErrors.load(ordering: .relaxed)
        result.unsent = unsent.load(ordering: .relaxed)
        result.refusedCommands = refusedCommands.load(ordering: .relaxed)
        return result
    }
}
