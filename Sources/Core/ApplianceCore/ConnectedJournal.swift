import CloudMessages
import Persistence
import Primitives
import PrivacyContract

/// Ledger entries and call records on their way into the store: in order, one transaction at a time, kept until
/// committed. A full disk delays them; more than fits in here is refused (ledger) or dropped and counted (call records).
struct ConnectedJournal: Sendable {
    private var pending: [StoreCommand] = []
    private var inFlight: (ticket: StoreTicket, count: Int)?
    private var backoff = RetryBackoff(base: .seconds(1), cap: .seconds(60))
    private(set) var retryAt: Instant?
    private(set) var ledgerCount = 0
    private(set) var callRecordCount = 0
    /// Call records that found no room.
    private(set) var droppedCount: UInt64 = 0
    private let ledgerLimit: Int
    private let callRecordLimit: Int

    /// So many commands travel in one transaction.
    static let batch = 256

    init(limits: Limits) {
        ledgerLimit = limits.pendingStoreTransactions
        callRecordLimit = limits.callRecordQueue
    }

    func hasLedgerRoom(for count: Int) -> Bool { ledgerCount + count <= ledgerLimit }
    var isEmpty: Bool { pending.isEmpty }
    var ledgerCapacity: Int { ledgerLimit }

    mutating func append(_ entry: LedgerEntry) {
        ledgerCount += 1
        pending.append(.appendLedger(entry))
    }

    mutating func append(_ record: CallRecord) -> Bool {
        guard callRecordCount < callRecordLimit else {
            droppedCount += 1
            return false
        }
        callRecordCount += 1
        pending.append(.appendCallRecord(record))
        return true
    }

    /// The next transaction, if one may start now; `ticket` names it.
    mutating func begin(_ ticket: StoreTicket, at now: Instant) -> [StoreCommand]? {
        guard inFlight == nil, !pending.isEmpty else { return nil }
        if let retryAt, now < retryAt { return nil }
        retryAt = nil
        let count = min(pending.count, Self.batch)
        inFlight = (ticket, count)
        return Array(pending.prefix(count))
    }

    /// What is durable now.
    mutating func committed() -> [StoreCommand] {
        guard let count = inFlight?.count else { return [] }
        inFlight = nil
        backoff.reset()
        let done = Array(pending.prefix(count))
        pending.removeFirst(count)
        for command in done {
            if case .appendLedger = command { ledgerCount -= 1 } else { callRecordCount -= 1 }
        }
        return done
    }

    mutating func failed(at now: Instant, entropy: inout Entropy) {
        inFlight = nil
        retryAt = now + backoff.next(retryAfter: nil, entropy: &entropy)
    }
}
