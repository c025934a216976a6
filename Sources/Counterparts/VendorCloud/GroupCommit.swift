import NIOPosix

/// Writes a file that many requests change: while one write is under way, all changes that come meanwhile wait for one next
/// write together. A thousand appliances that pair at once cost a few dozen writes so, and each is told "done" only when
/// its change is on the disk.
actor GroupCommit<Content: Sendable> {
    private let write: @Sendable (Content) throws -> Void
    private var newest: (content: Content, revision: UInt64)?
    private var written: UInt64 = 0
    private var running: Task<Void, any Error>?

    /// `write` runs on the thread pool, one at a time.
    init(write: @escaping @Sendable (Content) throws -> Void) { self.write = write }

    /// Returns when `content`, or what came after it, is on the disk. `revision` counts the owner's changes.
    func save(_ content: Content, revision: UInt64) async throws {
        if revision > newest?.revision ?? 0 { newest = (content, revision) }
        while written < revision, let newest {
            if let running {
                _ = await running.result
                continue
            }
            let task = Task { [write] in try await NIOThreadPool.singleton.runIfActive { try write(newest.content) } }
            running = task
            let result = await task.result
            running = nil
            try result.get()
            written = max(written, newest.revision)
        }
    }
}
