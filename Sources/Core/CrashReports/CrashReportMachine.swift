package import CloudMessages
package import Primitives
package import PrivacyContract

/// What becomes of reports of crashes (F-S10): kept for the owner, sent one after the other while the owner allows it, and
/// deleted once the server has one. A server that refuses a report is not asked again before the next start.
package struct CrashReportMachine: Sendable {
    package enum Input: Sendable, Equatable {
        /// The reports on the disk, at the start.
        case found([CrashReport])
        /// Whether switch, mode and configuration allow sending.
        case wanted(Bool)
        case answered(CloudReply)
        /// The owner wants it gone.
        case delete(id: String)
        case timePassed
    }
    package enum Effect: Sendable, Equatable {
        case send(CrashReport)
        /// The file goes.
        case remove(id: String)
        case log(String)
    }

    /// So many are kept; older ones make room.
    package static let capacity = 10

    private enum State: Sendable {
        case resting
        case waiting(until: Instant)
        case sending(id: String)
    }
    /// Oldest first.
    package private(set) var reports: [CrashReport] = []
    private var refused: [String] = []
    private var state = State.resting
    private var isWanted = false
    private var backoff = RetryBackoff(base: .seconds(60), cap: .seconds(21_600))

    package init() {}

    package var nextDeadline: Instant? {
        guard isWanted, case .waiting(let until) = state else { return nil }
        return until
    }

    package mutating func handle(_ input: Input, at now: Instant, entropy: inout Entropy) -> [Effect] {
        switch input {
        case .found(let list):
            let dropped = list.dropLast(Self.capacity).map { Effect.remove(id: $0.id) }
            reports = Array(list.suffix(Self.capacity))
            return dropped + next()
        case .wanted(let isWanted):
            self.isWanted = isWanted
            if !isWanted, case .waiting = state { state = .resting }
            return next()
        case .timePassed:
            guard case .waiting(let until) = state, now >= until else { return [] }
            state = .resting
            return next()
        case .delete(let id):
            guard reports.contains(where: { $0.id == id }) else { return [] }
            reports.removeAll { $0.id == id }
            return [.remove(id: id)]
        case .answered(let reply):
            guard case .sending(let id) = state else { return [] }
            state = .resting
            return answered(id, reply, now, &entropy)
        }
    }

    private mutating func answered(
        _ id: String, _ reply: CloudReply, _ now: Instant, _ entropy: inout Entropy
    ) -> [Effect] {
        switch reply {
        case .accepted:
            backoff.reset()
            guard reports.contains(where: { $0.id == id }) else { return next() }  // the owner was quicker
            reports.removeAll { $0.id == id }
            return [.remove(id: id), .log("a crash report was sent and deleted")] + next()
        case .refused where !reply.isTransientFailure:
            refused.append(id)
            return [.log("the crash server does not take a report: \(reply.ledgerResult)")] + next()
        case .refused, .unreachable, .serviceStatus, .backups, .update:
            state = .waiting(until: now + backoff.next(retryAfter: reply.retryAfter, entropy: &entropy))
            return []
        }
    }

    private mutating func next() -> [Effect] {
        guard isWanted, case .resting = state, let report = reports.first(where: { !refused.contains($0.id) }) else {
            return []
        }
        state = .sending(id: report.id)
        return [.send(report)]
    }
}
