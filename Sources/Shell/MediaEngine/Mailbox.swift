import CSockets
import Media
import Synchronization

/// Commands on their way to a worker: bounded, taken all at once, with an eventfd that wakes the worker's epoll.
///
/// The lock is held for an append or a swap; the packet path never takes it.
final class Mailbox: Sendable {
    /// Commands that wait at most. `close` is let in beyond it (one per session), so that no port leaks.
    static let capacity = 1_024

    private struct State {
        var commands: [MediaCommand] = []
        var isClosed = false
    }
    private let state = Mutex(State())
    private let closesAtMost: Int
    /// Readable when there is something to take.
    let wakeUp: Int32

    init(sessionsLimit: Int) throws(MediaEngineError) {
        wakeUp = csockets_eventfd()
        closesAtMost = Self.capacity + sessionsLimit
        guard wakeUp >= 0 else { throw .system(call: "eventfd", errno: -wakeUp) }
    }

    deinit { csockets_close(wakeUp) }

    /// False when it is full, or shut.
    func post(_ command: MediaCommand) -> Bool {
        let limit = if case .close = command { closesAtMost } else { Self.capacity }
        let isPosted = state.withLock { state in
            guard !state.isClosed, state.commands.count < limit else { return false }
            state.commands.append(command)
            return true
        }
        if isPosted { csockets_eventfd_signal(wakeUp) }
        return isPosted
    }

    /// Nothing is let in any more; the worker ends after what is already inside.
    func shut() {
        state.withLock { $0.isClosed = true }
        csockets_eventfd_signal(wakeUp)
    }

    func takeAll() -> (commands: [MediaCommand], isClosed: Bool) {
        csockets_eventfd_drain(wakeUp)
        return state.withLock { state in
            let commands = state.commands
            state.commands = []
            return (commands, state.isClosed)
        }
    }
}
