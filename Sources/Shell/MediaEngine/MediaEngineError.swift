/// Why a media engine could not be started.
package enum MediaEngineError: Error, Hashable, Sendable {
    case noPortPair(ClosedRange<UInt16>, workers: Int)
    case system(call: String, errno: Int32)
}

extension MediaEngineError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noPortPair(let range, let workers):
            "media.ports \(range.lowerBound)-\(range.upperBound) has no even and odd pair for each of \(workers) workers;"
                + " widen the range"
        case .system(let call, let errno):
            "media engine: \(call) failed with errno \(errno); check the limits on files, threads and memory"
        }
    }
}

/// How a running engine stands, and what went wrong since it was started: counted, never fatal.
package struct MediaEngineCounters: Hashable, Sendable {
    package var workers = 0
    /// Of the workers, those that run with real-time priority.
    package var realtimeWorkers = 0
    package var sessions = 0
    /// Processor time a second that media may take.
    package var capacity = Duration.zero
    /// What the open sessions are taken to need of it.
    package var charged = Duration.zero
    /// A worker does not keep up; no session is let in.
    package var isHeldUp = false
    /// Sessions refused because there was no processor time left for them.
    package var refusedOverBudget: UInt64 = 0
    /// Sessions refused because a worker did not keep up.
    package var refusedHeldUp: UInt64 = 0
    /// Turns of workers that took so long, or came so late, that packets were held up.
    package var lateTurns: UInt64 = 0
    /// Datagrams for which a socket had no room when they came.
    package var droppedByKernel: UInt64 = 0
    /// Receive and send calls that failed, ICMP errors included.
    package var socketErrors: UInt64 = 0
    /// Datagrams that could not be sent.
    package var unsent: UInt64 = 0
    /// Commands that found the mailbox full, or a session that is not there.
    package var refusedCommands: UInt64 = 0

    package init() {}
}
