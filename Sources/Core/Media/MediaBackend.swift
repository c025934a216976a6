/// What carries the media of calls: the builtin engine, or rtpengine.
///
/// Commands go in from any thread; events come back through a callback given at the start, on a thread of the backend's.
/// Every `open` is answered by `.opened` or `.failed` and every `close` by `.closed`, so that call control never waits in
/// vain.
package protocol MediaBackend: AnyObject, Sendable {
    /// Never waits. What cannot be taken is answered with `.failed` at once.
    func submit(_ command: MediaCommand)

    /// Closes every session (each reports `.closed`) and waits for the threads to end. Not from within the callback.
    func shutdown()

    /// Nil: somebody else's affair.
    var load: MediaLoad? { get }

    /// What went wrong since the start, by name, always in the same order.
    var troubles: [MediaTrouble] { get }
}

/// A kind of trouble and how often it was.
package struct MediaTrouble: Hashable, Sendable {
    package let name: String
    package let count: UInt64

    package init(_ name: String, _ count: UInt64) {
        self.name = name
        self.count = count
    }
}
