/// What each worker has to do, and which of them takes a new session.
///
/// Workers are filled one after the other, each to half a core and half of its ports, before the least busy one is looked
/// for: a thread that has many streams finds several packets whenever it wakes, and a packet that did not wake anybody
/// costs a third less. The other half is there for what its sessions turn out to be, for ports that rest, and for calls
/// that stay while others end.
package struct WorkerShares: Sendable {
    /// A worker with less than that to do, of a second's processor time, takes what is new.
    package static let comfortable = Duration.milliseconds(500)
    private struct Share {
        var time = Duration.zero
        var sessions = 0
    }
    private var shares: [Share]
    /// How many sessions the ports of one worker suffice for.
    private let sessionsEach: Int

    package init(workers: Int, sessionsEach: Int) {
        shares = Array(repeating: Share(), count: max(1, workers))
        self.sessionsEach = sessionsEach
    }

    /// A session has come to the worker, with what it needs of a second.
    package mutating func enter(_ time: Duration, to worker: Int) {
        shares[worker].time += time
        shares[worker].sessions += 1
    }

    /// A session of the worker needs so much more, or less.
    package mutating func change(by time: Duration, of worker: Int) { shares[worker].time += time }

    /// A session has left the worker.
    package mutating func leave(_ time: Duration, from worker: Int) {
        shares[worker].time -= time
        shares[worker].sessions -= 1
    }

    /// For a new session.
    package var next: Int {
        let comfortable = shares.firstIndex { $0.time < Self.comfortable && $0.sessions < sessionsEach / 2 }
        if let comfortable { return comfortable }
        let free = shares.indices.filter { shares[$0].sessions < sessionsEach }
        if let least = free.min(by: { shares[$0].time < shares[$1].time }) { return least }
        return shares.indices.min { shares[$0].sessions < shares[$1].sessions } ?? 0
    }
}
