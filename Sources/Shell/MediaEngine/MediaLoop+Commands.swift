import Media
import Primitives

/// What is asked of a worker.
extension MediaLoop {
    /// False when the mailbox is shut and empty.
    mutating func runCommands() -> Bool {
        let (commands, isClosed) = mailbox.takeAll()
        for command in commands {
            switch command {
            case .open(let id): open(id)
            case .close(let id): close(id)
            default: graph.handle(command, at: Self.now)
            }
            // Counted before anything is told: who hears of it may look at once.
            while refusedCommands < graph.refusedCommands {
                refusedCommands += 1
                shared.countRefusedCommand()
            }
            tell()
        }
        return !isClosed
    }

    private mutating func open(_ id: MediaSessionID) {
        if let slot = graph.slot(of: id), let sockets = sockets[slot] {
            return onEvent(.opened(id, portA: sockets.portA, portB: sockets.portB))
        }
        guard shared.enter() else {
            return onEvent(.failed(id, .tooManySessions(limit: shared.sessionsLimit)))
        }
        let now = Self.now
        let slot = graph.open(id, at: now)
        do throws(MediaFailure) {
            let bound = try SessionSockets(address: address, pool: &pool, at: now)
            if let error = watch(bound, slot: slot) {
                bound.close(pool: &pool, at: now)
                throw MediaFailure.socket(errno: error)
            }
            onEvent(.opened(id, portA: bound.portA, portB: bound.portB))
        } catch {
            graph.discard(slot: slot)
            shared.leave()
            onEvent(.failed(id, error))
        }
    }

    /// Answers in any case, so that call control never waits for a session that failed to open.
    mutating func close(_ id: MediaSessionID) {
        let now = Self.now
        guard let slot = graph.close(id, at: now, output: &outgoing) else { return }
        flush()
        unwatch(slot: slot)?.close(pool: &pool, at: now)
        shared.leave()
    }
}
