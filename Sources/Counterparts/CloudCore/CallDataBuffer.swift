package import CloudMessages
import Primitives

/// Call records on their way through the Control Center to one browser (F-C6, R7): in memory, bounded, gone once taken.
package struct CallDataBuffer: Sendable {
    private var queue: BoundedQueue<CallRecord>
    /// The browser did not keep up. The stream is to be closed; the browser opens it again at its cursor, nothing is lost.
    package private(set) var hasOverflowed = false

    package init(limits: CloudLimits = CloudLimits()) { queue = BoundedQueue(capacity: limits.callRecordsInFlight) }

    package var count: Int { queue.count }

    /// False when the record did not fit.
    package mutating func append(_ record: CallRecord) -> Bool {
        guard !hasOverflowed, queue.append(record) else {
            hasOverflowed = true
            return false
        }
        return true
    }

    /// Hands the oldest record over and forgets it.
    package mutating func take() -> CallRecord? { queue.popFirst() }
}
