import CloudMessages
import Foundation
import GRDB
import Persistence
import Primitives
import PrivacyContract
import SQLiteStore
import Settings
import Testing

struct BackupFileTests {
    private let folder = TemporaryFolder()

    @Test func `plan and proofs come back from the database as they were`() throws {
        let store = try folder.store()
        var plan = BackupPlan()
        plan.interval = .seconds(86_400)
        plan.phase = UnixTime(seconds: 1_700_000_123)
        plan.lastSlot = 41
        plan.parts = [.configuration, .callHistory]
        plan.reminderInterval = nil
        plan.passwordSeenAt = UnixTime(seconds: 1_700_000_000)
        var proved = Samples.backup
        proved.proof = BackupProof(at: UnixTime(seconds: 1_700_000_500), failure: nil)
        var failed = Samples.backup
        failed.entry.id = "other"
        failed.proof = BackupProof(at: UnixTime(seconds: 1_700_000_600), failure: "torn")
        try store.runAndWait([.putBackupPlan(plan), .putBackup(proved), .putBackup(failed)])
        store.close()
        let again = try folder.store()
        defer { again.close() }
        let snapshot = try again.snapshot()
        #expect(snapshot.backupPlan == plan)
        #expect(Set(snapshot.backups.map(\.proof)) == [proved.proof, failed.proof])
        try again.runAndWait([.removeBackup(id: "other"), .putBackup(Samples.backup)])
        #expect(try again.snapshot().backups == [Samples.backup])
    }

    @Test func `what services remember survives a restart, and what is forgotten is gone`() throws {
        var state = ServiceState()
        state.installationID = "0123456789abcdef"
        state.looksForUpdates = false
        state.manifestIssuedAt = UnixTime(milliseconds: 1_700_000_000_123)
        state.remoteAccessEnd = UnixTime(seconds: 1_700_000_600)
        let store = try folder.store()
        try store.runAndWait([.putServiceState(state)])
        store.close()
        let again = try folder.store()
        defer { again.close() }
        #expect(try again.snapshot().services == state)
        try again.runAndWait([.putServiceState(ServiceState())])
        #expect(try again.snapshot().services == ServiceState())
    }

    @Test func `a rehearsal reads what a restore would give, changes nothing and refuses what is no backup`() throws {
        let store = try folder.store()
        defer { store.close() }
        try store.runAndWait([.replaceSettings(Samples.settings)])
        let backup = try store.backupSnapshot()
        var other = Samples.settings
        other.sip.realm = "other.example"
        try store.runAndWait([.replaceSettings(other)])
        #expect(try store.rehearse(restoreOf: backup) == Samples.settings)
        #expect(try store.snapshot().settings == other)
        #expect(!folder.exists("generations/1/scratch.sqlite"))
        #expect(throws: SQLiteStoreError.self) { try store.rehearse(restoreOf: Array("no database".utf8)) }
        try store.runAndWait([.setSwitch(.relay, true)])
    }

    @Test func `call history is added by a restore, and what is here stays`() throws {
        let store = try folder.store()
        try store.runAndWait((1...5).map { .appendCallRecord(Samples.callRecord($0)) })
        let history = try store.historySnapshot()
        let configuration = try store.backupSnapshot()
        store.close()
        let other = TemporaryFolder()
        let restored = try other.store()
        var own = Samples.callRecord(2)
        own.userName = "present"
        try restored.runAndWait([.appendCallRecord(own)])
        try restored.activate(try restored.prepareRestore(of: configuration, history: history))
        restored.close()
        let again = try other.store()
        defer { again.close() }
        let records = try again.callRecords(after: 0, limit: 10)
        #expect(records.map(\.callDataID) == [1, 2, 3, 4, 5])
        #expect(records[1].userName == "present" && records[2] == Samples.callRecord(3))
        #expect(!other.exists("generations/2/call-history.sqlite"))
    }

    @Test func `a damaged call history refuses the restore and leaves everything`() throws {
        let store = try folder.store()
        defer { store.close() }
        try store.runAndWait([.replaceSettings(Samples.settings)])
        let configuration = try store.backupSnapshot()
        #expect(throws: SQLiteStoreError.self) {
            try store.prepareRestore(of: configuration, history: [UInt8](repeating: 7, count: 9_000))
        }
        try store.runAndWait([.setSwitch(.relay, true)])
        #expect(try store.snapshot().settings == Samples.settings)
    }

    /// A backup of each schema that is two versions old or less is restored; what it did not know is empty.
    @Test(arguments: [1, 2, 3])
    func `a backup of earlier firmware is restored`(version: Int) throws {
        let store = try folder.store()
        var settings = Samples.settings
        if version < 2 {
            settings.trunks = []
            settings.outgoing.rules = []
            for index in settings.users.indices {
                settings.users[index].callerNumber = nil
                settings.users[index].features = UserFeatures()
            }
        }
        try store.runAndWait([.replaceSettings(settings)])
        let backup = try aged(try store.backupSnapshot(), to: version)
        var other = settings
        other.sip.realm = "other.example"
        try store.runAndWait([.replaceSettings(other)])
        #expect(try store.rehearse(restoreOf: backup) == settings)
        try store.activate(try store.prepareRestore(of: backup))
        store.close()
        let again = try folder.store()
        defer { again.close() }
        #expect(try again.snapshot().settings == settings)
    }

    /// The file as firmware of that schema wrote it.
    private func aged(_ backup: [UInt8], to version: Int) throws -> [UInt8] {
        let file = TemporaryFolder()
        try FileManager.default.createDirectory(atPath: file.path, withIntermediateDirectories: true)
        let path = "\(file.path)/old.sqlite"
        try Data(backup).write(to: URL(fileURLWithPath: path))
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { database in
            if version < 2 {
                let tables = [
                    "outgoing_rule_trunk", "outgoing_rule", "trunk_number", "trunk_setting", "trunk", "user_setting",
                ]
                for table in tables { try database.execute(sql: "DROP TABLE \(table)") }
            }
            try database.execute(sql: "PRAGMA user_version = \(version)")
        }
        try queue.close()
        return [UInt8](try #require(FileManager.default.contents(atPath: path)))
    }
}
