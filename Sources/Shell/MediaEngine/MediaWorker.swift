import Media

/// One media thread.
///
/// `@unchecked Sendable`: made on one thread and handed to its own, which alone touches `loop` from then on; `mailbox` and
/// `shared` are safe by themselves.
final class MediaWorker: @unchecked Sendable {
    /// Low among real-time priorities: before everything that is not, behind what the system itself needs.
    static let realtimePriority: Int32 = 5

    let mailbox: Mailbox
    let isRealtime: Bool
    private let shared: EngineShared
    /// A value whose methods change it in place: as properties of this class, what every packet changes would be guarded
    /// against overlapping accesses at run time.
    private var loop: MediaLoop

    init(mailbox: Mailbox, shared: EngineShared, isRealtime: Bool, loop: consuming MediaLoop) {
        self.mailbox = mailbox
        self.shared = shared
        self.isRealtime = isRealtime
        self.loop = loop
    }

    /// The thread has the priority that it asked for.
    func noteRealtime() { shared.countRealtimeWorker() }

    /// The thread's body; returns after `mailbox.shut()`, with every session closed.
    func run() { loop.run() }
}
