import CSockets
import Media
import Synchronization

/// Messages on their way to a worker: commands are bounded, taken all at once, with an eventfd that wakes the worker's epoll.
///
/// The lock is held for an append or a swap; the packet path never takes it.
final class Mailbox: Sendable {
    /// Commands that wait at most. `close` is let in beyond it (one per session), so that no port leaks, and so is what
    /// workers tell each other.
    static let capacity = 1_024

    private struct State {
        var messages: [WorkerMessage] = []
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
    func post(_ message: WorkerMessage) -> Bool {
        let limit =
            switch message {
            case .command(.close): closesAtMost
            case .command: Self.capacity
            case .expect, .handOver, .adopt, .release: Int.max
            }
        let isPosted = state.withLock { state in
            guard !state.isClosed, state.messages.count < limit else { return false }
            state.messages.append(message)
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

    func takeAll() -> (messages: [WorkerMessage], isClosed: Bool) {
        csockets_eventfd_drain(wakeUp)
        return state.withLock { state in
            let messages = state.messages
            state.messages = []
            return (messages, state.isClosed)
        }
    }
}
