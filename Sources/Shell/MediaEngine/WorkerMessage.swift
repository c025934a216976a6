import Media

/// What reaches a worker, in its order.
enum WorkerMessage: Sendable {
    case command(MediaCommand)
    /// The session is on its way here: what is asked of it waits until it is.
    case expect(MediaSessionID)
    /// The session goes to that worker, with its sockets.
    case handOver(MediaSessionID, to: Int)
    /// Here it is.
    case adopt(MovingSession)
    /// Ports of ours that a session had which another worker has closed.
    case release(UInt16, UInt16)
}

/// A session between two workers.
///
/// `@unchecked Sendable`: the worker that made it keeps nothing of it, and the one that takes it is the only other to have
/// it; the mailbox's lock is between them.
final class MovingSession: @unchecked Sendable {
    struct Content {
        var session: MediaSession
        var sockets: SessionSockets
        var charge: MediaLoop.Charge
    }
    let id: MediaSessionID
    private var content: Content?

    /// Without content when there is no such session.
    init(_ id: MediaSessionID, _ content: consuming Content?) {
        self.id = id
        self.content = content
    }

    /// What it carries, once.
    func take() -> Content? {
        defer { content = nil }
        return content
    }
}
