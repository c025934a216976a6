import Media

/// One media thread.
///
/// `@unchecked Sendable`: made on one thread and handed to its own, which alone touches `loop` from then on; `mailbox` is
/// safe by itself.
final class MediaWorker: @unchecked Sendable {
    let mailbox: Mailbox
    /// A value whose methods change it in place: as properties of this class, what every packet changes would be guarded
    /// against overlapping accesses at run time.
    private var loop: MediaLoop

    init(mailbox: Mailbox, loop: consuming MediaLoop) {
        self.mailbox = mailbox
        self.loop = loop
    }

    /// The thread's body; returns after `mailbox.shut()`, with every session closed.
    func run() { loop.run() }
}
