import CloudMessages
import Foundation
import Persistence
import Primitives
import PrivacyContract
import SQLiteStore
import Settings
import Testing

struct GenerationTests {
    private let folder = TemporaryFolder()

    @Test func `a damaged database is set aside, named, and replaced by the last good configuration`() throws {
        let store = try folder.store()
        try store.runAndWait([
            .replaceSettings(Samples.settings), .setSwitch(.backup, true), .putPairing(Samples.pairing),
        ])
        store.close()
        try folder.damage("generations/1/appliance.sqlite")
        let again = try folder.store()
        defer { again.close() }
        #expect(again.notices.first?.contains("appliance.sqlite.damaged-1700000000") == true)
        #expect(folder.exists("generations/1/appliance.sqlite.damaged-1700000000"))
        let snapshot = try again.snapshot()
        #expect(snapshot.settings == Samples.settings)
        // The copy may be older than a switch-off: nothing is switched on by a recovery.
        #expect(snapshot.switches.isEmpty)
        #expect(again.notices.contains("all switches are off; in the copy these were on: backup"))
        #expect(snapshot.pairing == nil)
    }

    @Test(arguments: [true, false])
    func `a database that is missing or empty is not taken for a new appliance`(isMissing: Bool) throws {
        let store = try folder.store()
        try store.runAndWait([.replaceSettings(Samples.settings)])
        store.close()
        try folder.write(Data(), to: "generations/1/appliance.sqlite")
        if isMissing { try folder.remove("generations/1/appliance.sqlite") }
        let again = try folder.store()
        defer { again.close() }
        #expect(again.notices.first?.contains("missing or empty") == true)
        #expect(try again.snapshot().settings == Samples.settings)
    }

    @Test func `a file that is no database at all is set aside too`() throws {
        try folder.store().close()
        try folder.write(Data(repeating: 0x41, count: 5000), to: "generations/1/appliance.sqlite")
        try folder.write(Data(repeating: 0x41, count: 5000), to: "generations/1/last-good.sqlite")
        let store = try folder.store()
        defer { store.close() }
        #expect(store.notices.last?.contains("unconfigured") == true)
        #expect(try store.snapshot() == StoreSnapshot())
    }

    @Test func `a damaged current file falls back on the oldest generation`() throws {
        let store = try folder.store()
        try store.runAndWait([.replaceSettings(Samples.settings)])
        store.close()
        try folder.write(Data("x".utf8), to: "current")
        let again = try folder.store()
        defer { again.close() }
        #expect(again.currentGeneration == 1)
        #expect(try again.snapshot().settings == Samples.settings)
    }

    @Test func `a restore brings back users and settings, and nothing else changes`() throws {
        let store = try folder.store()
        try store.runAndWait([
            .replaceSettings(Samples.settings), .putPairing(Samples.pairing), .appendLedger(Samples.ledger(1)),
        ])
        let backup = try store.backupSnapshot()
        try store.runAndWait([.replaceSettings(ApplianceSettings()), .appendLedger(Samples.ledger(2))])
        let spare = try store.prepareRestore(of: backup)
        #expect(try store.snapshot().settings == ApplianceSettings())
        #expect(throws: Never.self) { try store.activate(spare) }
        store.close()
        let again = try folder.store()
        defer { again.close() }
        let snapshot = try again.snapshot()
        #expect(again.currentGeneration == spare)
        #expect(snapshot.settings == Samples.settings)
        #expect(snapshot.pairing == Samples.pairing && snapshot.lastLedgerEntry == Samples.ledger(2))
    }

    @Test func `transactions are refused between prepared restore and restart`() async throws {
        let store = try folder.store()
        defer { store.close() }
        _ = try store.prepareRestore(of: try store.backupSnapshot())
        let outcome = await withCheckedContinuation { continuation in
            store.run([.setSwitch(.relay, true)]) { continuation.resume(returning: $0) }
        }
        #expect(throws: StoreFailure.self) { try outcome.get() }
    }

    @Test func `a spare generation that was never switched to is removed at the next start`() throws {
        let store = try folder.store()
        try store.runAndWait([.replaceSettings(Samples.settings)])
        let spare = try store.prepareRestore(of: try store.backupSnapshot())
        store.close()
        let again = try folder.store()
        defer { again.close() }
        try again.runAndWait([])
        #expect(again.currentGeneration == 1)
        #expect(!folder.exists("generations/\(spare)"))
    }

    @Test func `a backup holds users, groups and settings and no other table or secret`() throws {
        let store = try folder.store()
        defer { store.close() }
        try store.runAndWait([
            .replaceSettings(Samples.settings), .setSwitch(.relay, true), .putPairing(Samples.pairing),
            .putBackupKey(Samples.backupKey), .appendCallRecord(Samples.callRecord(1)),
            .appendLedger(Samples.ledger(1)),
        ])
        let backup = try store.backupSnapshot()
        #expect(try store.inspect(backup: backup) == .init(settings: Samples.settings, switches: nil))
        let bytes = Data(backup)
        for absent in [Samples.pairing.offer.codeHash, Samples.backupKey.encryptedIdentity, Array("ledger".utf8)] {
            #expect(bytes.range(of: Data(absent)) == nil)
        }
    }

    @Test func `what is not a backup is refused and the running configuration stays`() throws {
        let store = try folder.store()
        defer { store.close() }
        try store.runAndWait([.replaceSettings(Samples.settings)])
        var cut = try store.backupSnapshot()
        cut.removeLast(cut.count / 2)
        for bytes in [[], Array("no database".utf8), [UInt8](repeating: 0, count: 8192), cut] {
            #expect(throws: SQLiteStoreError.self) { try store.prepareRestore(of: bytes) }
        }
        try store.runAndWait([.setSwitch(.relay, true)])
        #expect(try store.snapshot().settings == Samples.settings)
    }

    @Test func `a backup of newer firmware is refused by version`() throws {
        let store = try folder.store()
        defer { store.close() }
        var backup = try store.backupSnapshot()
        backup[63] = 99  // user_version is the big-endian word at offset 60 of the database header
        let error = #expect(throws: SQLiteStoreError.self) { try store.prepareRestore(of: backup) }
        #expect(error?.description.contains("schema version 99") == true)
    }

    @Test func `mutated backups never trap`() throws {
        let store = try folder.store()
        defer { store.close() }
        try store.runAndWait([.replaceSettings(Samples.settings)])
        let backup = try store.backupSnapshot()
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<40 {
            var bytes = backup
            for _ in 0..<20 {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            _ = try? store.inspect(backup: bytes)
        }
    }
}
