import CSockets
import Media
import Synchronization

/// Commands on their way to the thread: bounded, taken all at once, with an eventfd that wakes it.
final class CommandQueue: Sendable {
    /// Commands that wait at most. `close` is let in beyond it (one per session), so that no port leaks.
    static let capacity = 1_024

    private struct State {
        var commands: [MediaCommand] = []
        var isShut = false
    }
    private let state = Mutex(State())
    private let closesAtMost: Int
    /// Readable when there is something to take.
    let wakeUp: Int32

    init(sessionsLimit: Int) throws(RTPEngineBackendError) {
        wakeUp = csockets_eventfd()
        closesAtMost = Self.capacity + sessionsLimit
        guard wakeUp >= 0 else { throw .system(call: "eventfd", errno: -wakeUp) }
    }

    deinit { csockets_close(wakeUp) }

    /// False when it is full, or shut.
    func post(_ command: MediaCommand) -> Bool {
        let limit = if case .close = command { closesAtMost } else { Self.capacity }
        let isPosted = state.withLock { state in
            guard !state.isShut, state.commands.count < limit else { return false }
            state.commands.append(command)
            return true
        }
        if isPosted { csockets_eventfd_signal(wakeUp) }
        return isPosted
    }

    /// Nothing is let in any more; the thread ends after what is already inside.
    func shut() {
        state.withLock { $0.isShut = true }
        csockets_eventfd_signal(wakeUp)
    }

    func takeAll() -> (commands: [MediaCommand], isShut: Bool) {
        csockets_eventfd_drain(wakeUp)
        return state.withLock { state in
            defer { state.commands = [] }
            return (state.commands, state.isShut)
        }
    }
}
