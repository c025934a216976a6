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

/// What went wrong in a running engine since it was started: counted, never fatal.
package struct MediaEngineCounters: Hashable, Sendable {
    /// Receive and send calls that failed, ICMP errors included.
    package var socketErrors: UInt64 = 0
    /// Datagrams that could not be sent.
    package var unsent: UInt64 = 0
    /// Commands that found the mailbox full, or a session that is not there.
    package var refusedCommands: UInt64 = 0

    package init() {}
}
