import CloudMessages
import Foundation
import Persistence
import Primitives
import PrivacyContract
import SQLiteStore
import Settings
import Synchronization
import Testing

/// R8, X5, Q10: after the promised deletion the bytes are in no file of the data directory.
struct PromisedDeletionTests {
    private let folder = TemporaryFolder()

    @Test func `an erased pairing leaves no byte of token, user or password hash in any file`() throws {
        let store = try folder.store()
        defer { store.close() }
        let user = try #require(Samples.pairing.user)
        let secrets = [
            Array(Samples.pairing.offer.tokenID.utf8), Samples.pairing.offer.codeHash, Array(user.name.utf8), user.salt,
            user.passwordHash,
        ]
        var offered = Samples.pairing
        offered.user = nil
        try store.runAndWait([.putPairing(offered)])
        try store.runAndWait([.putPairing(Samples.pairing)])
        // Enough neighbours that the record shares pages, is moved about and reaches both the file and its journal.
        for number in 1...50 { try store.runAndWait([.appendLedger(Samples.ledger(UInt64(number)))]) }
        for secret in secrets { #expect(try folder.contains(secret), "the test must be able to see it") }
        try store.runAndWait([.setSwitch(.controlCenter, false), .erasePairing])
        for secret in secrets { #expect(try !folder.contains(secret)) }
        #expect(try store.snapshot().pairing == nil)
    }

    @Test func `room for a promised deletion is kept, also after it was needed`() throws {
        let store = try folder.store()
        defer { store.close() }
        #expect(folder.exists("reserve"))
        try folder.remove("reserve")
        try store.runAndWait([.setSwitch(.backup, true)])
        #expect(folder.exists("reserve"))
    }

    @Test func `an erased backup key leaves no byte of identity or recipient in any file`() throws {
        let store = try folder.store()
        defer { store.close() }
        try store.runAndWait([.putBackupKey(Samples.backupKey)])
        let secrets = [Samples.backupKey.encryptedIdentity, Array(Samples.backupKey.recipient.utf8)]
        for secret in secrets { #expect(try folder.contains(secret)) }
        try store.runAndWait([.eraseBackupKey])
        for secret in secrets { #expect(try !folder.contains(secret)) }
    }

    @Test func `a replaced backup key and a changed password leave no byte either`() throws {
        let store = try folder.store()
        defer { store.close() }
        try store.runAndWait([.putBackupKey(Samples.backupKey), .replaceSettings(Samples.settings)])
        var key = Samples.backupKey
        key.encryptedIdentity = Array("another identity".utf8)
        var settings = Samples.settings
        settings.users[0].password = Secret("quite another password")
        try store.runAndWait([.putBackupKey(key), .replaceSettings(settings)])
        #expect(try !folder.contains(Samples.backupKey.encryptedIdentity))
        #expect(try !folder.contains(Samples.passwordBytes))
    }

    @Test func `a deletion that could not be wiped is committed, says so, and is wiped later`() throws {
        let reports = Mutex(0)
        var options = SQLiteStore.Options()
        options.report = { _ in reports.withLock { $0 += 1 } }
        let store = try SQLiteStore(directory: folder.path, at: UnixTime(seconds: 1), options: options)
        try store.runAndWait([.putBackupKey(Samples.backupKey)])
        // A folder inside of a generation cannot be removed as a file.
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/generations/7/obstacle", withIntermediateDirectories: true)
        let failure = #expect(throws: StoreFailure.self) { try store.runAndWait([.eraseBackupKey]) }
        guard case .scrubPending? = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(try store.snapshot().backupKey == nil)
        // Another transaction is not made to fail by it.
        #expect(throws: Never.self) { try store.runAndWait([.setSwitch(.relay, true)]) }
        #expect(reports.withLock { $0 } == 1)
        #expect(folder.exists("scrub-pending") && folder.exists("generations/7"))
        try FileManager.default.removeItem(atPath: "\(folder.path)/generations/7/obstacle")
        try store.runAndWait([.setSwitch(.relay, false)])
        #expect(!folder.exists("scrub-pending") && !folder.exists("generations/7"))
        store.close()
    }

    @Test func `the deletion reaches a database that was set aside`() throws {
        let store = try folder.store()
        try store.runAndWait([.putPairing(Samples.pairing)])
        store.close()
        try folder.damage("generations/1/appliance.sqlite")
        let again = try folder.store()
        defer { again.close() }
        #expect(try folder.contains(Samples.pairing.offer.codeHash))
        try again.runAndWait([.erasePairing])
        #expect(try !folder.contains(Samples.pairing.offer.codeHash))
    }
}
