import CloudMessages
import Foundation
import GRDB
import Persistence
import Primitives
import PrivacyContract
import SQLiteStore
import Settings
import Testing

struct SQLiteStoreTests {
    private let folder = TemporaryFolder()

    @Test func `a fresh database is empty`() throws {
        let store = try folder.store()
        defer { store.close() }
        #expect(try store.snapshot() == StoreSnapshot())
        #expect(store.notices.isEmpty)
    }

    @Test func `one answer has no more of the ledger than its limit`() throws {
        var options = SQLiteStore.Options()
        options.limits.ledgerEntriesPerAnswer = 2
        let store = try folder.store(options)
        defer { store.close() }
        for number in 1...3 {
            try store.runAndWait([
                .appendLedger(Samples.ledger(UInt64(number))),
                .appendLedgerCheckpoint(Samples.checkpoint(UInt64(number))),
            ])
        }
        #expect(try store.ledger(after: 0, limit: 10).map(\.sequence) == [1, 2])
        #expect(try store.ledger(after: 2, limit: 10).map(\.sequence) == [3])
        #expect(try store.ledgerCheckpoints(after: 0, limit: 10).count == 2)
    }

    @Test func `what was committed is there after a restart`() throws {
        var expected = StoreSnapshot()
        expected.settings = Samples.settings
        expected.switches = [.monitoring: true, .relay: false]
        expected.pairing = Samples.pairing
        expected.backupKey = Samples.backupKey
        expected.backups = [Samples.backup]
        expected.provisioningTokens = [Samples.token]
        expected.bindings = ["sip:100@pbx.example": [Samples.binding]]
        expected.lastCallDataID = 2
        expected.lastLedgerEntry = Samples.ledger(3)
        expected.signedLedgerSequence = 3
        let store = try folder.store()
        try store.runAndWait([
            .replaceSettings(Samples.settings), .setSwitch(.monitoring, true), .setSwitch(.relay, false),
            .putPairing(Samples.pairing), .putBackupKey(Samples.backupKey), .putBackup(Samples.backup),
            .putProvisioningToken(Samples.token),
            .replaceBindings(aor: "sip:100@pbx.example", [Samples.binding]), .appendCallRecord(Samples.callRecord(1)),
            .appendCallRecord(Samples.callRecord(2)), .appendLedger(Samples.ledger(1)),
            .appendLedger(Samples.ledger(2)),
            .appendLedger(Samples.ledger(3)), .appendLedgerCheckpoint(Samples.checkpoint(2)),
            .appendLedgerCheckpoint(Samples.checkpoint(3)),
        ])
        store.close()
        let again = try folder.store()
        defer { again.close() }
        #expect(try again.snapshot() == expected)
        #expect(try again.callRecords(after: 1, limit: 10) == [Samples.callRecord(2)])
        #expect(try again.ledger(after: 1, limit: 1) == [Samples.ledger(2)])
        #expect(try again.ledgerCheckpoints(after: 2, limit: 10) == [Samples.checkpoint(3)])
    }

    @Test func `a trunk's password is gone from every file when the trunk is`() throws {
        let store = try folder.store()
        try store.runAndWait([.replaceSettings(Samples.settings)])
        #expect(try folder.contains(Samples.trunkPasswordBytes))
        var settings = Samples.settings
        settings.trunks = []
        settings.outgoing = OutgoingSettings()
        try store.runAndWait([.replaceSettings(settings)])
        #expect(try store.snapshot().settings == settings)
        store.close()
        #expect(try !folder.contains(Samples.trunkPasswordBytes))
    }

    @Test func `what only newer firmware knows is passed over, and kept for it`() throws {
        let file = "\(folder.path)/generations/1/appliance.sqlite"
        let foreign = """
            SELECT group_concat(name || '=' || value) FROM (SELECT name, value FROM setting UNION ALL
            SELECT extension || name, value FROM user_setting UNION ALL SELECT trunk || name, value FROM trunk_setting)
            WHERE name LIKE '%newer%'
            """
        func kept() throws -> String? {
            let database = try DatabaseQueue(path: file)
            defer { try? database.close() }
            return try database.read { try String.fetchOne($0, sql: foreign) }
        }
        let first = try folder.store()
        try first.runAndWait([.replaceSettings(Samples.settings)])
        first.close()
        let database = try DatabaseQueue(path: file)
        try database.write {
            try $0.execute(
                sql: """
                    INSERT INTO setting VALUES ('newer', '1');
                    INSERT INTO user_setting VALUES ('100', '-newer', '2');
                    INSERT INTO user_setting VALUES ('101', '-newer', '3');
                    INSERT INTO trunk_setting VALUES ('backup', '-newer', '4');
                    """)
        }
        try database.close()
        let all = try kept()
        let store = try folder.store()
        #expect(try store.snapshot().settings == Samples.settings)
        try store.runAndWait([.replaceSettings(Samples.settings)])
        #expect(try store.snapshot().settings == Samples.settings)
        store.close()
        #expect(try kept() == all && all?.contains("newer=1,100-newer=2,101-newer=3,backup-newer=4") == true)
        // Who is gone takes them along.
        let again = try folder.store()
        try again.runAndWait([.replaceSettings(ApplianceSettings())])
        again.close()
        #expect(try kept() == "newer=1")
    }

    @Test func `a database and a backup from before there were trunks are read`() throws {
        var old = Samples.settings
        (old.trunks, old.outgoing, old.numbering) = ([], OutgoingSettings(), NumberingSettings())
        for index in old.users.indices {
            old.users[index].callerNumber = nil
            old.users[index].features = UserFeatures()
        }
        let store = try folder.store()
        try store.runAndWait([.replaceSettings(old)])
        try folder.write(Data(try store.backupSnapshot()), to: "backup.sqlite")
        store.close()
        try Samples.takeBackToVersion1("\(folder.path)/generations/1/appliance.sqlite")
        try Samples.takeBackToVersion1("\(folder.path)/backup.sqlite")
        let again = try folder.store()
        defer { again.close() }
        #expect(try again.snapshot().settings == old)
        try again.runAndWait([.replaceSettings(Samples.settings)])
        #expect(try again.snapshot().settings == Samples.settings)
        let backup = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/backup.sqlite"))
        #expect(try again.inspect(backup: [UInt8](backup)).settings == old)
    }

    @Test func `records from before legs had figures keep what they have`() throws {
        let path = "\(folder.path)/generations/1/appliance.sqlite"
        let store = try folder.store()
        try store.runAndWait([.appendCallRecord(Samples.callRecord(1))])
        store.close()
        try Samples.takeBackToVersion3(path)
        try Samples.appendWithVersion3(2, path)
        let again = try folder.store()
        defer { again.close() }
        try again.runAndWait([.appendCallRecord(Samples.callRecord(3))])
        let records = try again.callRecords(after: 0, limit: 10)
        let old = CallLegQuality(
            codec: "PCMU", packetsReceived: 7, packetsSent: 8, packetsLost: 1, jitterMilliseconds: 0.25)
        #expect(records.map(\.callDataID) == [1, 2, 3])
        #expect(records[0].quality.map(\.codec) == ["opus", "PCMA"] && records[0].quality[0].audioPath == nil)
        #expect(records[1].quality == [old] && records[2] == Samples.callRecord(3))
    }

    @Test func `the firmware before goes on with the same database, and finds its way back`() throws {
        let path = "\(folder.path)/generations/1/appliance.sqlite"
        let store = try folder.store()
        try store.runAndWait([.appendCallRecord(Samples.callRecord(1))])
        store.close()
        try Samples.appendWithVersion3(2, path)
        let database = try DatabaseQueue(path: path)
        try database.write { try $0.execute(sql: "DELETE FROM call_record WHERE call_data_id = 1") }
        let left = try database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM call_leg_figures") }
        #expect(left == 0, "what the older firmware deletes, it deletes whole")
        try database.close()
        let again = try folder.store()
        defer { again.close() }
        #expect(try again.callRecords(after: 0, limit: 10).map { $0.quality.map(\.party) } == [[""]])
    }

    @Test func `a backup can be restored by the firmware before`() throws {
        let store = try folder.store()
        defer { store.close() }
        try store.runAndWait([.replaceSettings(Samples.settings), .appendCallRecord(Samples.callRecord(1))])
        let backup = try store.backupSnapshot()
        #expect(
            backup[60..<64].elementsEqual([0, 0, 0, 3]),
            "user_version, the big-endian word at offset 60 of the database header")
    }

    @Test func `a transaction happens whole or not at all`() throws {
        let store = try folder.store()
        defer { store.close() }
        try store.runAndWait([.appendLedger(Samples.ledger(1))])
        #expect(throws: StoreFailure.self) {
            try store.runAndWait([.setSwitch(.relay, true), .appendLedger(Samples.ledger(1))])
        }
        #expect(try store.snapshot().switches.isEmpty)
    }

    @Test func `replacing and removing leaves only the last state`() throws {
        let store = try folder.store()
        defer { store.close() }
        var pairing = Samples.pairing
        pairing.wrongAttempts = 4
        pairing.user = nil
        var backup = Samples.backup
        backup.uploaded = false
        try store.runAndWait([.putPairing(Samples.pairing), .putPairing(pairing)])
        try store.runAndWait([.putBackup(Samples.backup), .putBackup(backup)])
        try store.runAndWait([.putProvisioningToken(Samples.token)])
        try store.runAndWait([.removeProvisioningToken(tokenHash: Samples.token.tokenHash)])
        try store.runAndWait([.replaceBindings(aor: "a", [Samples.binding]), .replaceBindings(aor: "a", [])])
        let snapshot = try store.snapshot()
        #expect(snapshot.pairing == pairing && snapshot.backups == [backup])
        #expect(snapshot.provisioningTokens.isEmpty && snapshot.bindings.isEmpty)
    }

    @Test func `call records are pruned by age, and their legs with them`() throws {
        let store = try folder.store()
        defer { store.close() }
        try store.runAndWait((1...3).map { .appendCallRecord(Samples.callRecord($0)) })
        try store.runAndWait([.pruneCallRecords(olderThan: UnixTime(seconds: 3))])
        #expect(try store.callRecords(after: 0, limit: 10).map(\.callDataID) == [3])
        try store.runAndWait([.pruneCallRecords(olderThan: UnixTime(milliseconds: .max))])
        #expect(try store.callRecords(after: 0, limit: 10).isEmpty)
    }

    @Test func `the provisioning log is pruned by age`() throws {
        let store = try folder.store()
        defer { store.close() }
        let entries = [1, 2, 3].map {
            ProvisioningLogEntry(hour: UnixTime(seconds: $0 * 3600), network: .v4(0x0A00_0100), product: "softphone")
        }
        try store.runAndWait(entries.map { .appendProvisioningLog($0) })
        try store.runAndWait([.pruneProvisioningLog(olderThan: UnixTime(seconds: 2 * 3600))])
        #expect(try store.provisioningLog() == Array(entries.dropFirst()))
    }

    @Test func `a full disk is named and what was there survives`() throws {
        var options = SQLiteStore.Options()
        options.pageLimit = 48
        let store = try folder.store(options)
        defer { store.close() }
        var written: UInt64 = 0
        let failure = #expect(throws: StoreFailure.self) {
            while written < 10_000 {
                try store.runAndWait([.appendCallRecord(Samples.callRecord(written + 1))])
                written += 1
            }
        }
        #expect(failure == .diskFull)
        #expect(written > 10)
        #expect(try store.snapshot().lastCallDataID == written)
    }

    @Test func `a read-only partition is named`() throws {
        try folder.store().close()
        var options = SQLiteStore.Options()
        options.isReadOnly = true
        let store = try folder.store(options)
        defer { store.close() }
        #expect(throws: StoreFailure.readOnly) { try store.runAndWait([.setSwitch(.relay, true)]) }
    }

    @Test func `what comes after the end is refused, and closing twice is harmless`() async throws {
        let store = try folder.store()
        store.close()
        store.close()
        #expect(throws: SQLiteStoreError.self) { try store.snapshot() }
        #expect(throws: StoreFailure.self) { try store.runAndWait([.erasePairing]) }
        let outcome = await withCheckedContinuation { continuation in
            store.run([.erasePairing]) { continuation.resume(returning: $0) }
        }
        #expect(throws: StoreFailure.self) { try outcome.get() }
    }

    @Test func `transactions run in order and report on their completion`() async throws {
        let store = try folder.store()
        defer { store.close() }
        let results = AsyncStream<Result<Void, StoreFailure>> { continuation in
            for number in 1...20 {
                store.run([.appendLedger(Samples.ledger(UInt64(number)))]) { continuation.yield($0) }
            }
            store.run([]) { _ in continuation.finish() }
        }
        var committed = 0
        for await result in results { if case .success = result { committed += 1 } }
        #expect(committed == 20)
        #expect(try store.ledger(after: 0, limit: 100).map(\.sequence) == Array(1...20))
    }

    @Test func `more waiting transactions than the limit are refused`() async throws {
        var options = SQLiteStore.Options()
        options.limits.pendingStoreTransactions = 3
        let store = try folder.store(options)
        defer { store.close() }
        let results = AsyncStream<Bool> { continuation in
            // The first completion handler holds the queue until all others have been tried.
            let gate = DispatchSemaphore(value: 0)
            store.run([]) { _ in gate.wait() }
            for _ in 0..<6 {
                store.run([]) { result in
                    if case .success = result { continuation.yield(true) } else { continuation.yield(false) }
                }
            }
            gate.signal()
            DispatchQueue.global().async {
                try? store.runAndWait([])
                continuation.finish()
            }
        }
        var refused = 0
        for await isAccepted in results where !isAccepted { refused += 1 }
        #expect(refused >= 3)
    }
}
