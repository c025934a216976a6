import Synchronization

/// Restarts the appliance once: when told to, or when the answer that holds it is dropped without having been written
/// (the client has left).
final class RestartAfterAnswer: Sendable {
    private let backend: any AdminBackend
    private let isDone = Mutex(false)

    init(backend: any AdminBackend) {
        self.backend = backend
    }

    deinit { _ = begin() }

    func now() async { await begin()?.value }

    /// In a task of its own: that of a client who has left is cancelled.
    private func begin() -> Task<Void, Never>? {
        let isFirst = isDone.withLock { done in
            defer { done = true }
            return !done
        }
        return isFirst ? Task { [backend] in await backend.restart() } : nil
    }
}
