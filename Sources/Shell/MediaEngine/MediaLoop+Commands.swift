import Media
import Primitives

/// What is asked of a worker.
extension MediaLoop {
    /// False when the mailbox is shut and empty.
    mutating func takeMessages() -> Bool {
        let (messages, isClosed) = mailboxes[index].takeAll()
        recover()
        for message in messages {
            take(message)
            // Counted before anything is told: who hears of it may look at once.
            while refusedCommands < graph.refusedCommands {
                refusedCommands += 1
                shared.countRefusedCommand()
            }
            tell()
        }
        return !isClosed
    }

    private mutating func take(_ message: WorkerMessage) {
        switch message {
        case .command(let command):
            if let id = command.session, expected.keep(message, for: id) { return }
            carryOut(command)
        case .expect(let id): expected.expect(id, by: message)
        case .handOver(let id, let worker):
            if !expected.keep(message, for: id) { handOver(id, to: worker) }
        case .adopt(let moving): adopt(moving)
        case .release(let portA, let portB):
            pool.release(portA, at: Self.now)
            pool.release(portB, at: Self.now)
        }
    }

    private mutating func carryOut(_ command: MediaCommand) {
        switch command {
        case .open(let id): open(id, isForHelp: false)
        case .openForHelp(let id): open(id, isForHelp: true)
        case .close(let id): close(id)
        default:
            graph.handle(command, at: Self.now)
            if let id = command.session, let slot = graph.slot(of: id) { charge(id, slot) }
        }
    }

    // MARK: Sessions

    private mutating func open(_ id: MediaSessionID, isForHelp: Bool) {
        if let slot = graph.slot(of: id), let sockets = sockets[slot] {
            return onEvent(.opened(id, portA: sockets.portA, portB: sockets.portB))
        }
        let now = Self.now
        let least = shared.costs.time(of: .relayed)
        do throws(MediaFailure) { try shared.enter(least, isForHelp: isForHelp, worker: index) } catch {
            return onEvent(.failed(id, error))
        }
        let slot = graph.open(id, at: now)
        do throws(MediaFailure) {
            let bound = try SessionSockets(address: address, home: index, pool: &pool, at: now)
            if let error = watch(bound, slot: slot) {
                close(bound)
                throw MediaFailure.socket(errno: error)
            }
            charges[slot] = Charge(time: least, mayBeRefused: !isForHelp)
            onEvent(.opened(id, portA: bound.portA, portB: bound.portB))
        } catch {
            graph.discard(slot: slot)
            shared.leave(least, worker: index)
            onEvent(.failed(id, error))
        }
    }

    /// Charges what a session costs as it is described now. It is refused only when that is known for the first time:
    /// nobody's call ends because of a change in its middle.
    private mutating func charge(_ id: MediaSessionID, _ slot: Int) {
        guard let (work, isDescribed) = graph.work(ofSlot: slot), isDescribed else { return }
        let new = shared.costs.time(of: work)
        guard new != charges[slot].time || charges[slot].mayBeRefused else { return }
        do throws(MediaFailure) {
            try shared.charge(
                new, insteadOf: charges[slot].time, mayBeRefused: charges[slot].mayBeRefused, worker: index)
            charges[slot] = Charge(time: new, mayBeRefused: false)
        } catch {
            onEvent(.failed(id, error))
        }
    }

    /// Answers in any case, so that call control never waits for a session that failed to open.
    mutating func close(_ id: MediaSessionID) {
        guard let slot = graph.close(id, at: Self.now, output: &outgoing) else { return }
        flush()
        if let bound = unwatch(slot: slot, moving: false) { close(bound) }
        shared.leave(charges[slot].time, worker: index)
        charges[slot] = Charge()
    }

    /// Closes sockets; their ports go back to whom they belong. A worker that has ended needs none.
    private mutating func close(_ bound: SessionSockets) {
        bound.close()
        guard bound.home == index else {
            _ = mailboxes[bound.home].post(.release(bound.portA, bound.portB))
            return
        }
        pool.release(bound.portA, at: Self.now)
        pool.release(bound.portB, at: Self.now)
    }

    // MARK: From worker to worker

    /// Sends a session to another worker. What has come for it meanwhile waits in its sockets.
    private mutating func handOver(_ id: MediaSessionID, to worker: Int) {
        guard let slot = graph.slot(of: id), let bound = unwatch(slot: slot, moving: true),
            let session = graph.take(slot: slot, at: Self.now)
        else {
            _ = mailboxes[worker].post(.adopt(MovingSession(id, nil)))
            return
        }
        let content = MovingSession.Content(session: session, sockets: bound, charge: charges[slot])
        shared.move(charges[slot].time, from: index, to: worker)
        charges[slot] = Charge()
        let moving = MovingSession(id, content)
        // The other one has ended, as this one is about to.
        if !mailboxes[worker].post(.adopt(moving)) { adopt(moving) }
    }

    /// Takes a session over, and then does what was asked of it on its way.
    private mutating func adopt(_ moving: MovingSession) {
        let waiting = expected.arrived(moving.id)
        if let content = moving.take() {
            let slot = graph.adopt(content.session, at: Self.now)
            if let error = watch(content.sockets, slot: slot) {
                // Nobody else has them any more.
                close(content.sockets)
                shared.countSocketError()
                onEvent(.failed(moving.id, .socket(errno: error)))
            }
            charges[slot] = content.charge
            charge(moving.id, slot)
        }
        for message in waiting { take(message) }
    }
}
