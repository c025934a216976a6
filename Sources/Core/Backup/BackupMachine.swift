import CloudMessages
import Persistence
package import Primitives
import PrivacyContract

/// One backup at a time, from the availability query to the record (WIRE.md, Backup; F-C7, F-C8, X10).
///
/// ```text
/// idle ─begin─► querying ─available─► making ─made─► sendingKey ─2xx─► sendingBackup ─2xx─► storing ─► idle
///                                                       │   ▲              │   ▲
///                                              transient▼   │back-off      ▼   │back-off
///                                                         waiting        waiting
/// from anywhere: cancel, refusal, attempts used up ──► artifact discarded ──► idle (cancel in making: abandoned first)
/// ```
///
/// Nothing of a backup leaves before the server said that it is available and how much it takes. A repeated upload
/// names the same id, so the server keeps one copy (412: it has it already).
package struct BackupMachine: Sendable {
    private struct Run: Sendable {
        var id: String
        var key: BackupKeyRecord
        var createdAt: UnixTime
        var trigger: Trigger
        var parts: [BackupPart]
        var retainedCount = 0
        var requester: BackupRequester?
        var entry: BackupEntry?
        var sizeLimit: Int64 = 0
        var backoff = RetryBackoff(base: .seconds(2))
    }
    private enum Step: Sendable { case key, backup }
    private enum State: Sendable {
        case idle
        case querying(BackupOperation, Run)
        case making(BackupOperation, Run)
        case sending(BackupOperation, Run, Step)
        case waiting(Run, Step, until: Instant)
        case storing(BackupOperation, Run)
        /// Cancelled while the artifact was being made.
        case abandoned(BackupOperation, id: String)
    }
    private var state = State.idle
    private let limits: Limits
    private var lastOperation: UInt64 = 0

    /// After so many failed attempts of one upload the backup is given up.
    package static let maximumAttempts = 12

    package init(limits: Limits) { self.limits = limits }

    package var isBusy: Bool { if case .idle = state { false } else { true } }

    package var nextDeadline: Instant? {
        switch state {
        case .waiting(_, _, let until): until
        case .idle, .querying, .making, .sending, .storing, .abandoned: nil
        }
    }

    package mutating func handle(
        _ input: BackupInput, at now: Instant, wall: UnixTime, entropy: inout Entropy
    ) -> [BackupEffect] {
        switch (state, input) {
        case (_, .begin(let order)): return begin(order, wall: wall, entropy: &entropy)
        case (.making(let operation, let run), .cancel):
            // The artifact is still growing: it is discarded when the job ends, and until then nothing else begins.
            state = .abandoned(operation, id: run.id)
            return answer(run, .failure(.cancelled))
        case (.querying(_, let run), .cancel), (.sending(_, let run, _), .cancel), (.waiting(let run, _, _), .cancel):
            return end(run, .failure(.cancelled))
        case (.querying(let awaited, let run), .answered(let operation, let reply)) where awaited == operation:
            return queried(run, reply)
        case (.making(let awaited, let run), .made(let operation, let sizeBytes, let sha256)) where awaited == operation:
            return made(run, sizeBytes: sizeBytes, sha256: sha256)
        case (.making(let awaited, let run), .makingFailed(let operation, let reason)) where awaited == operation:
            return end(run, .failure(.makingFailed(reason)))
        case (.abandoned(let awaited, let id), .made(let operation, _, _)) where awaited == operation,
            (.abandoned(let awaited, let id), .makingFailed(let operation, _)) where awaited == operation:
            state = .idle
            return [.discardArtifact(name: id)]
        case (.sending(let awaited, let run, let step), .answered(let operation, let reply)) where awaited == operation:
            return sent(run, step, reply, at: now, entropy: &entropy)
        case (.waiting(let run, let step, let until), .timePassed) where now >= until: return send(run, step)
        case (.storing(let awaited, let run), .stored(let operation)) where awaited == operation:
            return recorded(run, nil)
        case (.storing(let awaited, let run), .storingFailed(let operation, let failure)) where awaited == operation:
            return recorded(run, failure)
        case (.idle, _), (.querying, _), (.making, _), (.sending, _), (.waiting, _), (.storing, _), (.abandoned, _):
            return []  // late or early; a finished upload that is being recorded cannot be cancelled any more
        }
    }

    // MARK: Steps

    private mutating func begin(_ order: BackupOrder, wall: UnixTime, entropy: inout Entropy) -> [BackupEffect] {
        let refusal: BackupRefusal? =
            if isBusy { .busy } else if !order.isOptionOn { .optionOff } else if !order.hasServer { .noServer } else {
                order.key == nil ? .noKey : nil
            }
        guard refusal == nil, let key = order.key else {
            return order.requester.map { [.answer($0, .failure(refusal ?? .noKey))] } ?? []
        }
        let run = Run(
            id: Self.identifier(at: wall, entropy: &entropy), key: key, createdAt: wall, trigger: order.trigger,
            parts: order.parts, requester: order.requester)
        let operation = newOperation()
        state = .querying(operation, run)
        return [.query(operation)]
    }

    private mutating func queried(_ run: Run, _ reply: CloudReply) -> [BackupEffect] {
        guard case .serviceStatus(let status) = reply else {
            return end(run, .failure(.unavailable(reply.ledgerResult)))
        }
        guard status.available else {
            return end(run, .failure(.unavailable("it says so")))
        }
        var run = run
        run.sizeLimit = min(status.maximumBytes, Int64(limits.backupBytes))
        run.retainedCount = max(0, status.retainedCount)
        let operation = newOperation()
        state = .making(operation, run)
        return [
            .make(operation, id: run.id, recipient: run.key.recipient, createdAt: run.createdAt, parts: run.parts)
        ]
    }

    private mutating func made(_ run: Run, sizeBytes: Int64, sha256: [UInt8]) -> [BackupEffect] {
        guard sizeBytes <= run.sizeLimit else {
            return end(run, .failure(.tooLarge(bytes: sizeBytes, limit: run.sizeLimit)))
        }
        var run = run
        run.entry = BackupEntry(
            id: run.id, createdAt: run.createdAt, sizeBytes: sizeBytes, keyID: run.key.keyID, sha256: sha256)
        return send(run, .key)
    }

    private mutating func send(_ run: Run, _ step: Step) -> [BackupEffect] {
        guard let entry = run.entry else { return end(run, .failure(.makingFailed("no artifact"))) }
        let operation = newOperation()
        state = .sending(operation, run, step)
        switch step {
        case .key: return [.sendKey(operation, run.key, createdAt: run.createdAt, run.trigger)]
        case .backup: return [.sendBackup(operation, entry, run.trigger)]
        }
    }

    private mutating func sent(
        _ run: Run, _ step: Step, _ reply: CloudReply, at now: Instant, entropy: inout Entropy
    ) -> [BackupEffect] {
        var run = run
        switch reply {
        case .accepted, .serviceStatus, .backups, .update, .refused(status: 412, _, _):
            run.backoff.reset()
            return step == .key ? send(run, .backup) : store(run)
        case .refused, .unreachable:
            guard reply.isTransientFailure, run.backoff.failures + 1 < Self.maximumAttempts else {
                return end(run, .failure(.refused(reply.ledgerResult)))
            }
            let requester = run.requester
            run.requester = nil
            let pause = run.backoff.next(retryAfter: reply.retryAfter, entropy: &entropy)
            state = .waiting(run, step, until: now + pause)
            let text = "backup \(run.id) is made, but not at the server yet (\(reply.ledgerResult)); it is tried again"
            return requester.map { [.answerPending($0, text)] } ?? [.log(text)]
        }
    }

    private mutating func store(_ run: Run) -> [BackupEffect] {
        guard let entry = run.entry else { return end(run, .failure(.makingFailed("no artifact"))) }
        let operation = newOperation()
        state = .storing(operation, run)
        return [
            .discardArtifact(name: run.id),
            .persist(
                operation, [.putBackup(BackupRecord(entry: entry, uploaded: true))], retainedCount: run.retainedCount),
        ]
    }

    private mutating func recorded(_ run: Run, _ failure: StoreFailure?) -> [BackupEffect] {
        state = .idle
        let notes: [BackupEffect] =
            failure.map { [.log("backup \(run.id) is at the server, but not in the own list: \($0.summary)")] } ?? []
        guard let requester = run.requester, let entry = run.entry else { return notes }
        return notes + [.answer(requester, .success(entry))]
    }

    private mutating func end(_ run: Run, _ result: Result<BackupEntry, BackupRefusal>) -> [BackupEffect] {
        let hasArtifact = if case .querying = state { false } else { true }
        state = .idle
        return (hasArtifact ? [.discardArtifact(name: run.id)] : []) + answer(run, result)
    }

    private func answer(_ run: Run, _ result: Result<BackupEntry, BackupRefusal>) -> [BackupEffect] {
        if let requester = run.requester { return [.answer(requester, result)] }
        if case .failure(let refusal) = result { return [.log("\(refusal)")] }
        return []
    }

    private mutating func newOperation() -> BackupOperation {
        lastOperation += 1
        return BackupOperation(lastOperation)
    }

    /// A UUIDv7 (RFC 9562 section 5.7): unique, in order of time.
    private static func identifier(at time: UnixTime, entropy: inout Entropy) -> String {
        var bytes = entropy.bytes(16)
        let milliseconds = UInt64(bitPattern: max(0, time.milliseconds))
        for index in 0..<6 { bytes[index] = UInt8(truncatingIfNeeded: milliseconds >> UInt64(40 - 8 * index)) }
        bytes[6] = bytes[6] & 0x0F | 0x70
        bytes[8] = bytes[8] & 0x3F | 0x80
        let hex = Array(Hex.encode(bytes))
        let groups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
        return groups.map { String(hex[$0]) }.joined(separator: "-")
    }
}
