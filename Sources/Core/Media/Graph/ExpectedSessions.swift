/// What is asked of sessions that are on their way to a worker: it waits until they are there, and is then done in its order.
///
/// A session may be sent away again, and be announced once more, before it has come the first time. Both is then asked of it
/// as anything else is.
package struct ExpectedSessions<Message: Sendable>: Sendable {
    private var waiting: [MediaSessionID: [Message]] = [:]

    package init() {}

    /// The session is on its way, as `announcement` says.
    package mutating func expect(_ id: MediaSessionID, by announcement: Message) {
        if !keep(announcement, for: id) { waiting[id] = [] }
    }

    /// True when the session is on its way, and the message waits for it.
    package mutating func keep(_ message: Message, for id: MediaSessionID) -> Bool {
        waiting[id]?.append(message) != nil
    }

    /// The session is there: what was asked of it meanwhile, to be taken in again one after the other.
    package mutating func arrived(_ id: MediaSessionID) -> [Message] { waiting.removeValue(forKey: id) ?? [] }
}
