import Media
import Primitives
import Synchronization

/// What workers share: the number of sessions, the budget, whether all keep up, and counters of trouble.
final class EngineShared: Sendable {
    let sessionsLimit: Int
    let costs: MediaCosts
    /// Touched with commands, never with packets.
    private let budget: Mutex<(whole: MediaBudget, shares: WorkerShares)>
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

    init(sessionsLimit: Int, costs: MediaCosts, budget: MediaBudget, shares: WorkerShares) {
        self.sessionsLimit = sessionsLimit
        self.costs = costs
        self.budget = Mutex((budget, shares))
    }

    // MARK: Admission

    /// The worker that is to take a new session.
    var nextWorker: Int { budget.withLock { $0.shares.next } }

    /// Lets a session in, and charges it what one costs at least. A call for help is let in whatever the load.
    func enter(_ charge: Duration, isForHelp: Bool, worker: Int) throws(MediaFailure) {
        if !isForHelp, heldUp.load(ordering: .relaxed) > 0 {
            refusedHeldUp.add(1, ordering: .relaxed)
            throw .heldUp
        }
        guard sessions.add(1, ordering: .relaxed).newValue <= sessionsLimit else {
            sessions.subtract(1, ordering: .relaxed)
            throw .tooManySessions(limit: sessionsLimit)
        }
        do throws(MediaFailure) {
            try self.charge(charge, insteadOf: .zero, mayBeRefused: !isForHelp) { $0.enter(charge, to: worker) }
        } catch {
            sessions.subtract(1, ordering: .relaxed)
            throw error
        }
    }

    /// A session of a worker is found to need something else.
    func charge(
        _ new: Duration, insteadOf old: Duration, mayBeRefused: Bool, worker: Int
    ) throws(MediaFailure) {
        try charge(new, insteadOf: old, mayBeRefused: mayBeRefused) { $0.change(by: new - old, of: worker) }
    }

    private func charge(
        _ new: Duration, insteadOf old: Duration, mayBeRefused: Bool, then note: (inout WorkerShares) -> Void
    ) throws(MediaFailure) {
        let refusal = budget.withLock { budget -> MediaFailure? in
            do throws(MediaFailure) {
                try budget.whole.charge(new, insteadOf: old, mayBeRefused: mayBeRefused)
            } catch { return error }
            note(&budget.shares)
            return nil
        }
        if let refusal { throw refusal }
    }

    func leave(_ charge: Duration, worker: Int) {
        sessions.subtract(1, ordering: .relaxed)
        budget.withLock { budget in
            budget.whole.release(charge)
            budget.shares.leave(charge, from: worker)
        }
    }

    /// A session with that charge is handed over.
    func move(_ charge: Duration, from old: Int, to new: Int) {
        budget.withLock { budget in
            budget.shares.leave(charge, from: old)
            budget.shares.enter(charge, to: new)
        }
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
            result.capacity = budget.whole.capacity
            result.charged = budget.whole.charged
            result.refusedOverBudget = budget.whole.refusedSessions
        }
        return result
    }
}
