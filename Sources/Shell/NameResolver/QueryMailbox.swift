import CSockets
import ServerLocation
import Synchronization

/// Queries on their way to the resolver's thread, and the count of those it has.
final class QueryMailbox: Sendable {
    enum Posting { case posted, full, shut }

    private struct State {
        var waiting: [DNSQuery] = []
        /// Waiting or under way.
        var count = 0
        var isShut = false
    }

    private let state = Mutex(State())
    private let limit: Int
    /// Readable when there is something to take.
    let eventfd: Int32

    init(limit: Int) throws(NameResolverError) {
        self.limit = limit
        eventfd = csockets_eventfd()
        guard eventfd >= 0 else { throw .system(call: "eventfd", errno: -eventfd) }
    }

    deinit { csockets_close(eventfd) }

    func post(_ query: DNSQuery) -> Posting {
        let result: Posting = state.withLock { state in
            if state.isShut { return .shut }
            if state.count >= limit { return .full }
            state.count += 1
            state.waiting.append(query)
            return .posted
        }
        if case .posted = result { csockets_eventfd_signal(eventfd) }
        return result
    }

    /// One of them has had its answer.
    func finished() { state.withLock { $0.count -= 1 } }

    func shut() {
        state.withLock { $0.isShut = true }
        csockets_eventfd_signal(eventfd)
    }

    /// What came since the last time; nothing more will, once it is shut.
    func take() -> (queries: [DNSQuery], isShut: Bool) {
        csockets_eventfd_drain(eventfd)
        return state.withLock { state in
            defer { state.waiting = [] }
            return (state.waiting, state.isShut)
        }
    }
}
