import Media
import Primitives
import Synchronization

/// What workers share: the number of sessions, the budget, whether all keep up, and counters of trouble.
final class EngineShared: Sendable {
    let sessionsLimit: Int
    let costs: MediaCosts
    /// Touched with commands, never with packets.
    private let budget: Mutex<MediaBudget>
    private let sessions = Atomic<Int>(0)
    /// Workers that do not keep up.
    private let heldUp = Atomic<Int>(0)
    private let lateTurns = Atomic<UInt64>(0)
    private let droppedByKernel = Atomic<UInt64>(0)
    private let realtimeWorkers = Atomic<Int>(0)
    private let socketErrors = Atomic<UInt64>(0)
    private let unsent = Atomic<UInt64>(0)
    private let refusedCommands = Atomic<UInt64>(0)
    private let refusedHeldUp = Atomic<UInt64>(0)

    init(sessionsLimit: Int, costs: MediaCosts, budget: MediaBudget) {
        self.sessionsLimit = sessionsLimit
        self.costs = costs
        self.budget = Mutex(budget)
    }

    // MARK: Admission

    /// Lets a session in, and charges it what one costs at least. A call for help is let in whatever the load.
    func enter(_ charge: Duration, isForHelp: Bool) throws(MediaFailure) {
        if !isForHelp, heldUp.load(ordering: .relaxed) > 0 {
            refusedHeldUp.add(1, ordering: .relaxed)
            throw .heldUp
        }
        guard sessions.add(1, ordering: .relaxed).newValue <= sessionsLimit else {
            sessions.subtract(1, ordering: .relaxed)
            throw .tooManySessions(limit: sessionsLimit)
        }
        do { try self.charge(charge, insteadOf: .zero, mayBeRefused: !isForHelp) } catch {
            sessions.subtract(1, ordering: .relaxed)
            throw error
        }
    }

    func charge(_ new: Duration, insteadOf old: Duration, mayBeRefused: Bool) throws(MediaFailure) {
        let refusal = budget.withLock { budget -> MediaFailure? in
            do throws(MediaFailure) { try budget.charge(new, insteadOf: old, mayBeRefused: mayBeRefused) } catch {
                return error
            }
            return nil
        }
        if let refusal { throw refusal }
    }

    func leave(_ charge: Duration) {
        sessions.subtract(1, ordering: .relaxed)
        budget.withLock { $0.release(charge) }
    }

    /// A worker has ceased to keep up, or keeps up again.
    func note(isHeldUp: Bool) { heldUp.add(isHeldUp ? 1 : -1, ordering: .relaxed) }

    // MARK: Counters

    func countRealtimeWorker() { realtimeWorkers.add(1, ordering: .relaxed) }
    func countLateTurn() { lateTurns.add(1, ordering: .relaxed) }
    func countDroppedByKernel(_ datagrams: UInt64) { droppedByKernel.add(datagrams, ordering: .relaxed) }
    func countSocketError() { socketErrors.add(1, ordering: .relaxed) }
    func countUnsent(_ datagrams: Int) { unsent.add(UInt64(datagrams), ordering: .relaxed) }
    func countRefusedCommand() { refusedCommands.add(1, ordering: .relaxed) }

    var counters: MediaEngineCounters {
        var result = MediaEngineCounters()
        result.realtimeWorkers = realtimeWorkers.load(ordering: .relaxed)
        result.sessions = sessions.load(ordering: .relaxed)
        result.isHeldUp = heldUp.load(ordering: .relaxed) > 0
        result.lateTurns = lateTurns.load(ordering: .relaxed)
        result.droppedByKernel = droppedByKernel.load(ordering: .relaxed)
        result.socketErrors = socketErrors.load(ordering: .relaxed)
        result.unsent = unsent.load(ordering: .relaxed)
        result.refusedCommands = refusedCommands.load(ordering: .relaxed)
        result.refusedHeldUp = refusedHeldUp.load(ordering: .relaxed)
        budget.withLock { budget in
            result.capacity = budget.capacity
            result.charged = budget.charged
            result.refusedOverBudget = budget.refusedSessions
        }
        return result
    }
}
