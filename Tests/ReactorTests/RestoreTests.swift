import ApplianceCore
import Archive
import Backup
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import OpenSSLCrypto
import Persistence
import Primitives
import Reactor
import SQLiteStore
import Settings
import Synchronization
import Testing

struct RestoreTests {
    private let test = TestAppliance()

    @Test func `a backup file is restored after its password, and the appliance restarts with it`() async throws {
        let restarts = Mutex(0)
        let key = try makeKey()
        let file = try makeBackup(to: key)
        try Data(key.encryptedIdentity).write(to: URL(fileURLWithPath: "\(file).key"))
        let running = try await test.start(restart: { restarts.withLock { $0 += 1 } })
        let wrong = try await test.request(.POST, "/v1/restore", #"{"path":"\#(file)","password":"wrong password"}"#)
        #expect(wrong.status == 422 && wrong.text.contains("nothing was changed"))
        #expect(restarts.withLock { $0 } == 0)
        let right = try await test.request(.POST, "/v1/restore", #"{"path":"\#(file)","password":"\#(Self.password)"}"#)
        #expect(right.status == 200 && right.text.contains("restarts now"), "\(right)")
        await running.stop()
        #expect(restarts.withLock { $0 } == 1)
        // The same configuration file does not undo the restore.
        let again = try await test.start()
        let status = try await test.request(.GET, "/v1/status")
        #expect(status.text.contains(#""users":2"#), "\(status)")
        await again.stop()
    }

    @Test(.timeLimit(.minutes(1)))
    func `the appliance restarts although the client has left`() async throws {
        let (restarts, restarted) = AsyncStream<Void>.makeStream()
        let key = try makeKey()
        let file = try makeBackup(to: key)
        try Data(key.encryptedIdentity).write(to: URL(fileURLWithPath: "\(file).key"))
        let running = try await test.start(restart: { restarted.yield() })
        let body = #"{"path":"\#(file)","password":"\#(Self.password)"}"#
        let client = try await ClientBootstrap(group: test.group)
            .connect(unixDomainSocketPath: "\(test.directory)/pbxd.sock").get()
        let head = "POST /v1/restore HTTP/1.1\r\nhost: a\r\ncontent-length: \(body.utf8.count)\r\n\r\n"
        try await client.writeAndFlush(ByteBuffer(string: head + body))
        // Leaving earlier, it might take the request with it, and nothing would have happened.
        while !isSwitched() { _ = try? await test.request(.GET, "/v1/status") }
        try await client.close()
        for await _ in restarts { break }
        await running.stop()
        let late = await running.appliance.administer(.status)
        #expect(late == .refused(status: 503, detail: "the appliance is shutting down"))
    }

    private func isSwitched() -> Bool {
        (try? String(contentsOfFile: "\(test.directory)/current", encoding: .utf8))?.contains("2") == true
    }

    @Test func `a file that is no backup changes nothing`() async throws {
        let running = try await test.start()
        let file = "\(test.directory)/junk"
        try Data("junk".utf8).write(to: URL(fileURLWithPath: file))
        try Data("junk".utf8).write(to: URL(fileURLWithPath: "\(file).key"))
        let answer = try await test.request(.POST, "/v1/restore", #"{"path":"\#(file)","password":"x"}"#)
        #expect(answer.status == 422)
        #expect(try await test.request(.GET, "/v1/status").text.contains(#""users":1"#))
        await running.stop()
    }

    private static let password = "correct horse battery"

    private func makeKey() throws -> BackupKeyRecord {
        var entropy = Entropy.system
        return try BackupKeyFactory.make(password: Secret(Self.password), workFactorLog2: 10, entropy: &entropy)
    }

    private func makeBackup(to key: BackupKeyRecord) throws -> String {
        let other = "\(test.directory)-other"
        defer { try? FileManager.default.removeItem(atPath: other) }
        let store = try SQLiteStore(directory: other, at: UnixTime(seconds: 1))
        var settings = ApplianceSettings()
        settings.users = ["100", "101"].map { UserSettings(extension: $0, name: "N", password: Secret("p")) }
        try store.runAndWait([.replaceSettings(settings)])
        let snapshot = try store.backupSnapshot()
        store.close()
        var entropy = Entropy.system
        let bytes = try BackupArchive().make(
            [ArchivePart(name: "configuration.sqlite", bytes: snapshot)], recipient: key.recipient,
            firmwareVersion: "1", serial: "S", created: UnixTime(seconds: 1), entropy: &entropy)
        _ = try test.write("")
        let path = "\(test.directory)/backup"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }
}
