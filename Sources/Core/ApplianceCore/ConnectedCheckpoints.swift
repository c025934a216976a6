import Persistence
import Primitives

/// When the device signs the ledger: soon after it has grown by much, later after it has grown by little, and at once
/// after a start that finds entries unsigned: what was written while the appliance went down, or was cut off.
struct ConnectedCheckpoints: Sendable {
    /// A signature waits no longer than this for more entries.
    static let interval = Duration.seconds(600)
    /// So many entries are signed at once, or sooner.
    static let batch: UInt64 = 64

    /// The last durable entry.
    private(set) var last: LedgerEntry?
    private(set) var signedThrough: UInt64
    private(set) var isSigning = false
    private var dueAt: Instant?

    init(last: LedgerEntry?, signed: UInt64, at now: Instant) {
        self.last = last
        signedThrough = signed
        dueAt = unsignedCount > 0 ? now : nil
    }

    var unsignedCount: UInt64 { (last?.sequence ?? 0) - min(signedThrough, last?.sequence ?? 0) }

    var nextDeadline: Instant? { isSigning ? nil : dueAt }

    /// These became durable.
    mutating func committed(_ commands: [StoreCommand], at now: Instant) {
        for case .appendLedger(let entry) in commands { last = entry }
        guard unsignedCount > 0 else { return }
        dueAt = unsignedCount >= Self.batch ? now : dueAt ?? now + Self.interval
    }

    /// The entry to sign now; nil when there is none, or another is being signed.
    mutating func begin(at now: Instant) -> LedgerEntry? {
        guard !isSigning, let dueAt, dueAt <= now, unsignedCount > 0, let last else { return nil }
        isSigning = true
        self.dueAt = nil
        return last
    }

    mutating func stored(_ checkpoint: LedgerCheckpoint, at now: Instant) {
        isSigning = false
        signedThrough = max(signedThrough, checkpoint.sequence)
        dueAt = unsignedCount > 0 ? dueAt ?? now + Self.interval : nil
    }

    /// Neither device nor storage is asked again soon: the chain holds without a signature.
    mutating func failed(at now: Instant) {
        isSigning = false
        dueAt = now + Self.interval
    }
}

extension ConnectedServices {
    mutating func signLedger() {
        guard !isDraining, let entry = checkpoints.begin(at: now) else { return }
        run(.signLedger(sequence: entry.sequence, hash: entry.hash, time: wall), then: .ledgerSigned)
    }

    mutating func ledgerSigned(_ outcome: JobOutcome) {
        guard case .ledgerSigned(let checkpoint) = outcome else {
            checkpoints.failed(at: now)
            effects.append(.log(.warning, "the ledger could not be signed: \(Self.reason(outcome)); it is tried again"))
            return
        }
        store([.appendLedgerCheckpoint(checkpoint)], then: .ledgerCheckpoint(checkpoint))
    }
}
