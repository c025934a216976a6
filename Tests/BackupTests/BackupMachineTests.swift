import Backup
import CloudMessages
import Persistence
import Primitives
import PrivacyContract
import Testing

private let key = BackupKeyRecord(keyID: "key-1", recipient: "age1x", encryptedIdentity: [1, 2, 3])
private let requester = BackupRequester(7)

private struct Unexpected: Error {}

private struct Bench {
    var machine = BackupMachine(limits: Limits())
    var entropy = Entropy(SeededGenerator(seed: 3))
    var now = Instant.origin
    let wall = UnixTime(seconds: 1_800_000_000)
    var order = BackupOrder(isOptionOn: true, hasServer: true, key: key, trigger: .administrator, requester: requester)

    mutating func handle(_ input: BackupInput) -> [BackupEffect] {
        machine.handle(input, at: now, wall: wall, entropy: &entropy)
    }

    /// As far as the wanted step.
    mutating func begin() -> BackupOperation {
        guard case .query(let operation)? = handle(.begin(order)).first else { return BackupOperation(0) }
        return operation
    }

    mutating func available(_ maximumBytes: Int64 = 1_000_000) -> (BackupOperation, String) {
        let status = BackupServiceStatus(available: true, maximumBytes: maximumBytes, retainedCount: 0)
        guard
            case .make(let operation, let id, "age1x", _, [.configuration])? = handle(
                .answered(begin(), .serviceStatus(status))
            ).first
        else { return (BackupOperation(0), "") }
        return (operation, id)
    }

    mutating func keySent() -> (BackupOperation, String) {
        let (operation, id) = available()
        let effects = handle(.made(operation, sizeBytes: 500, sha256: [UInt8](repeating: 1, count: 32)))
        guard case .sendKey(let next, key, _, .administrator)? = effects.first else { return (BackupOperation(0), "") }
        return (next, id)
    }

    mutating func backupSent() throws -> (BackupOperation, BackupEntry) {
        let (operation, _) = keySent()
        guard case .sendBackup(let next, let entry, _)? = handle(.answered(operation, .accepted)).first else {
            throw Unexpected()
        }
        return (next, entry)
    }
}

struct BackupMachineTests {
    @Test func `the query comes first, then the key, then the backup, then the record`() throws {
        var bench = Bench()
        let (operation, entry) = try bench.backupSent()
        #expect(entry.keyID == "key-1" && entry.sizeBytes == 500)
        let effects = bench.handle(.answered(operation, .accepted))
        guard case .discardArtifact(entry.id)? = effects.first,
            case .persist(let stored, [.putBackup(BackupRecord(entry: entry, uploaded: true))], 0)? = effects.last
        else {
            Issue.record("unexpected \(effects)")
            return
        }
        #expect(bench.handle(.stored(stored)) == [.answer(requester, .success(entry))])
        #expect(!bench.machine.isBusy)
    }

    @Test func `nothing is made when the option is off, a server or a key is missing, or another one runs`() {
        var bench = Bench()
        bench.order.isOptionOn = false
        #expect(bench.handle(.begin(bench.order)) == [.answer(requester, .failure(.optionOff))])
        bench.order.isOptionOn = true
        bench.order.hasServer = false
        #expect(bench.handle(.begin(bench.order)) == [.answer(requester, .failure(.noServer))])
        bench.order.hasServer = true
        bench.order.key = nil
        #expect(bench.handle(.begin(bench.order)) == [.answer(requester, .failure(.noKey))])
        bench.order.key = key
        _ = bench.begin()
        #expect(bench.handle(.begin(bench.order)) == [.answer(requester, .failure(.busy))])
    }

    @Test(arguments: [
        CloudReply.unreachable("x"), .refused(status: 403, detail: "", retryAfter: nil), .accepted,
        .serviceStatus(BackupServiceStatus(available: false, maximumBytes: 1, retainedCount: 0)),
    ])
    func `a service that is not available gets no byte`(reply: CloudReply) {
        var bench = Bench()
        let effects = bench.handle(.answered(bench.begin(), reply))
        guard effects.count == 1, case .answer(requester, .failure(.unavailable(_)))? = effects.first else {
            Issue.record("unexpected \(effects)")
            return
        }
        #expect(!bench.machine.isBusy)
    }

    @Test func `a backup over the server's limit is discarded`() {
        var bench = Bench()
        let (operation, id) = bench.available(499)
        #expect(
            bench.handle(.made(operation, sizeBytes: 500, sha256: []))
                == [.discardArtifact(name: id), .answer(requester, .failure(.tooLarge(bytes: 500, limit: 499)))])
    }

    @Test func `a lost connection is tried again under the same id until attempts are used up`() throws {
        var bench = Bench()
        var (operation, entry) = try bench.backupSent()
        for attempt in 1..<BackupMachine.maximumAttempts {
            let effects = bench.handle(.answered(operation, .unreachable("reset")))
            if attempt == 1 { guard case .answerPending(requester, _)? = effects.first else { throw Unexpected() } }
            bench.now = try #require(bench.machine.nextDeadline)
            guard case .sendBackup(let next, entry, _)? = bench.handle(.timePassed).first else { throw Unexpected() }
            operation = next
        }
        #expect(bench.handle(.answered(operation, .unreachable("reset"))).first == .discardArtifact(name: entry.id))
        #expect(!bench.machine.isBusy)
    }

    @Test func `412 means that the server has it already`() throws {
        var bench = Bench()
        let (operation, _) = try bench.backupSent()
        let effects = bench.handle(.answered(operation, .refused(status: 412, detail: "", retryAfter: nil)))
        guard case .persist? = effects.last else { throw Unexpected() }
    }

    @Test func `cancelling discards the artifact, even one that is still being made`() throws {
        var bench = Bench()
        let (making, id) = bench.available()
        #expect(bench.handle(.cancel) == [.answer(requester, .failure(.cancelled))])
        #expect(bench.handle(.begin(bench.order)) == [.answer(requester, .failure(.busy))])
        #expect(bench.handle(.made(making, sizeBytes: 1, sha256: [])) == [.discardArtifact(name: id)])
        let (sending, entry) = try bench.backupSent()
        #expect(bench.handle(.cancel).first == .discardArtifact(name: entry.id))
        #expect(bench.handle(.answered(sending, .accepted)).isEmpty)
    }

    @Test func `a record that cannot be stored does not hide that the backup is at the server`() throws {
        var bench = Bench()
        let (operation, entry) = try bench.backupSent()
        guard case .persist(let stored, _, _)? = bench.handle(.answered(operation, .accepted)).last else {
            throw Unexpected()
        }
        #expect(bench.handle(.storingFailed(stored, .diskFull)).last == .answer(requester, .success(entry)))
    }
}
