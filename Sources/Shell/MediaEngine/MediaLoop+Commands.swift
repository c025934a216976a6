import Media
import Primitives

/// What is asked of a worker.
extension MediaLoop {
    /// False when the mailbox is shut and empty.
    mutating func runCommands() -> Bool {
        let (commands, isClosed) = mailbox.takeAll()
        recover()
        for command in commands {
            switch command {
            case .open(let id): open(id, isForHelp: false)
            case .openForHelp(let id): open(id, isForHelp: true)
            case .close(let id): close(id)
            default:
                graph.handle(command, at: Self.now)
                if let id = command.session, let slot = graph.slot(of: id) { charge(id, slot) }
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

    private mutating func open(_ id: MediaSessionID, isForHelp: Bool) {
        if let slot = graph.slot(of: id), let sockets = sockets[slot] {
            return onEvent(.opened(id, portA: sockets.portA, portB: sockets.portB))
        }
        let now = Self.now
        let least = shared.costs.time(of: .relayed)
        do throws(MediaFailure) { try shared.enter(least, isForHelp: isForHelp) } catch {
            return onEvent(.failed(id, error))
        }
        let slot = graph.open(id, at: now)
        do throws(MediaFailure) {
            let bound = try SessionSockets(address: address, pool: &pool, at: now)
            if let error = watch(bound, slot: slot) {
                bound.close(pool: &pool, at: now)
                throw MediaFailure.socket(errno: error)
            }
            charges[slot] = Charge(time: least, mayBeRefused: !isForHelp)
            onEvent(.opened(id, portA: bound.portA, portB: bound.portB))
        } catch {
            graph.discard(slot: slot)
            shared.leave(least)
            onEvent(.failed(id, error))
        }
    }

    /// Answers in any case, so that call control never waits for a session that failed to open.
    mutating func close(_ id: MediaSessionID) {
        let now = Self.now
        guard let slot = graph.close(id, at: now, output: &outgoing) else { return }
        flush()
        unwatch(slot: slot)?.close(pool: &pool, at: now)
        shared.leave(charges[slot].time)
        charges[slot] = Charge()
    }

    /// Charges what a session costs as it is described now. It is refused only when that is known for the first time:
    /// nobody's call ends because of a change in its middle.
    private mutating func charge(_ id: MediaSessionID, _ slot: Int) {
        guard let (work, isDescribed) = graph.work(ofSlot: slot), isDescribed else { return }
        let new = shared.costs.time(of: work)
        guard new != charges[slot].time || charges[slot].mayBeRefused else { return }
        do throws(MediaFailure) {
            try shared.charge(new, insteadOf: charges[slot].time, mayBeRefused: charges[slot].mayBeRefused)
            charges[slot] = Charge(time: new, mayBeRefused: false)
        } catch {
            onEvent(.failed(id, error))
        }
    }
}
