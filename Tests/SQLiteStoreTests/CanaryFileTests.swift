import CloudMessages
import Foundation
import Persistence
import Primitives
import SQLiteStore
import Settings
import Testing

/// Unique byte strings in a real database: they are found in its files before their deadline, and after it they are in no
/// page, no free page, no journal, no copy. Both halves are asserted.
struct CanaryFileTests {
    private let folder = TemporaryFolder()
    private let start = UnixTime(seconds: 1_767_225_600)
    private let hour = Duration.seconds(3_600)

    private func product(_ number: Int) -> String { "canary-\(number * 7_919 + 100_003)-phone" }

    private func entry(_ number: Int) -> ProvisioningLogEntry {
        ProvisioningLogEntry(
            hour: start + hour * number, network: .v4(0xC633_6400), product: product(number))
    }

    /// Enough lines for many pages, deleted in slices as the months go by, with other tables growing in between so that
    /// pages are freed, used again and split.
    @Test func `thirteen months of log lines vanish on their days from every file`() throws {
        let store = try folder.store()
        defer { store.close() }
        var written = 0
        for month in 0..<13 {
            var commands: [StoreCommand] = []
            for _ in 0..<120 {
                commands.append(.appendProvisioningLog(entry(written)))
                if written.isMultiple(of: 3) { commands.append(.appendLedger(ledger(written))) }
                written += 1
            }
            try store.runAndWait(commands)
            for number in [written - 120, written - 60, written - 1] {
                #expect(try folder.contains(Array(product(number).utf8)), "the test must be able to see it")
            }
            // Everything from before this line goes, in uneven steps.
            let gone = max(0, (month - 3) * 120 + month * 7)
            try store.runAndWait([.pruneProvisioningLog(olderThan: start + hour * gone)])
            let seen = canaries(in: [UInt8](try folder.contents()))
            let left = (0..<gone).filter { seen.contains($0 * 7_919 + 100_003) }
            #expect(left.isEmpty, "lines \(left) in month \(month)")
            #expect(try folder.contains(Array(product(written - 1).utf8)), "what is not over stays")
        }
        #expect(try store.provisioningLog().count == written - (9 * 120 + 12 * 7))
        try store.runAndWait([.pruneProvisioningLog(olderThan: start + hour * written)])
        #expect(canaries(in: [UInt8](try folder.contents())).isEmpty)
        #expect(try store.provisioningLog().isEmpty)
    }

    /// Lines of a clock that was set back and forth, long and short: rows are deleted from the middle of pages, and what
    /// stays moves from page to page before its own day comes.
    @Test func `lines out of order vanish from the pages that they have moved through`() throws {
        let store = try folder.store()
        defer { store.close() }
        func hours(_ number: Int) -> Int { number * 7_919 % 2_003 }
        func text(_ number: Int) -> String { product(number) + String(repeating: "p", count: number * 31 % 40) }
        try store.runAndWait(
            (0..<2_000).map { number in
                .appendProvisioningLog(
                    ProvisioningLogEntry(
                        hour: start + hour * hours(number), network: .v4(0xC633_6400), product: text(number)))
            })
        for limit in stride(from: 60, through: 2_003, by: 97) {
            try store.runAndWait([.pruneProvisioningLog(olderThan: start + hour * limit)])
            let seen = canaries(in: [UInt8](try folder.contents()))
            let left = (0..<2_000).filter { hours($0) < limit && seen.contains($0 * 7_919 + 100_003) }
            #expect(left.isEmpty, "\(left.count) lines are left at hour \(limit)")
            let kept = (0..<2_000).filter { hours($0) >= limit }
            #expect(kept.allSatisfy { seen.contains($0 * 7_919 + 100_003) }, "the test must be able to see them")
        }
    }

    /// The numbers of all canaries in these bytes.
    private func canaries(in bytes: [UInt8]) -> Set<Int> {
        let mark = Array("canary-".utf8)
        var found: Set<Int> = []
        bytes.withUnsafeBufferPointer { bytes in
            var index = 0
            while index + mark.count < bytes.count {
                guard bytes[index] == mark[0], mark.indices.allSatisfy({ bytes[index + $0] == mark[$0] }) else {
                    index += 1
                    continue
                }
                index += mark.count
                var number = 0
                while index < bytes.count, (0x30...0x39).contains(bytes[index]), number < 1_000_000_000 {
                    number = number * 10 + Int(bytes[index] - 0x30)
                    index += 1
                }
                found.insert(number)
            }
        }
        return found
    }

    private func ledger(_ number: Int) -> LedgerEntry {
        var entry = Samples.ledger(UInt64(number / 3 + 1))
        entry.result = String(repeating: "r", count: 20 + number * 37 % 200)
        return entry
    }

    @Test func `a log line vanishes from the generation before the present one too`() throws {
        let store = try folder.store()
        try store.runAndWait([.appendProvisioningLog(entry(1)), .appendProvisioningLog(entry(500))])
        try store.activate(try store.prepareRestore(of: try store.backupSnapshot()))
        store.close()
        let restored = try folder.store()
        defer { restored.close() }
        #expect(restored.currentGeneration == 2 && folder.exists("generations/1/appliance.sqlite"))
        let old = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/generations/1")
        #expect(!old.isEmpty)
        try restored.runAndWait([.pruneProvisioningLog(olderThan: start + hour * 400)])
        #expect(try !folder.contains(Array(product(1).utf8)))
        #expect(try folder.contains(Array(product(500).utf8)))
        #expect(folder.exists("generations/1/appliance.sqlite"), "what may be kept is kept")
    }

    @Test func `a damaged database that was set aside is erased after a day`() throws {
        let store = try folder.store()
        try store.runAndWait([.appendProvisioningLog(entry(1))])
        store.close()
        try folder.damage("generations/1/appliance.sqlite")
        let again = try folder.store()
        defer { again.close() }
        #expect(try folder.contains(Array(product(1).utf8)))
        // Set aside in November 2023, says the folder's clock; a horizon of the day after, and of two days after.
        let setAside = UnixTime(seconds: 1_700_000_000)
        let lifetime = Duration.seconds(364 * 86_400)
        try again.runAndWait([.pruneProvisioningLog(olderThan: setAside + hour + (.zero - lifetime))])
        #expect(try folder.contains(Array(product(1).utf8)))
        try again.runAndWait([.pruneProvisioningLog(olderThan: setAside + hour * 25 + (.zero - lifetime))])
        #expect(try !folder.contains(Array(product(1).utf8)))
    }

    @Test func `a canary in each secret is found before its deletion and in no file after it`() throws {
        let store = try folder.store()
        defer { store.close() }
        var settings = Samples.settings
        settings.users[0].password = Secret("canary-password-5f21")
        settings.users[0].name = "Canary Name 77aa"
        let token = ProvisioningTokenRecord(
            tokenHash: Array("canary-token-hash-0123456789abcd".utf8), extension: "100", expiresAt: start)
        try store.runAndWait([
            .replaceSettings(settings), .putProvisioningToken(token), .putPairing(Samples.pairing),
            .putBackupKey(Samples.backupKey),
        ])
        for number in 1...300 { try store.runAndWait([.appendLedger(Samples.ledger(UInt64(number)))]) }
        let canaries = [
            Array("canary-password-5f21".utf8), Array("Canary Name 77aa".utf8), token.tokenHash,
            Samples.pairing.offer.codeHash, Samples.backupKey.encryptedIdentity,
        ]
        for canary in canaries { #expect(try folder.contains(canary), "the test must be able to see it") }
        settings.users[0].password = Secret("another")
        settings.users[0].name = "Somebody"
        try store.runAndWait([
            .replaceSettings(settings), .removeProvisioningToken(tokenHash: token.tokenHash), .erasePairing,
            .eraseBackupKey,
        ])
        for canary in canaries { #expect(try !folder.contains(canary)) }
        store.close()
        for canary in canaries { #expect(try !folder.contains(canary), "after closing") }
    }

    @Test func `a drill, a snapshot and a power cut in them leave no password in a file of their own`() throws {
        let store = try folder.store()
        var settings = Samples.settings
        settings.users[0].password = Secret("canary-password-5f21")
        try store.runAndWait([.replaceSettings(settings)])
        let backup = try store.backupSnapshot()
        settings.users[0].password = Secret("another")
        try store.runAndWait([.replaceSettings(settings)])
        let canary = Array("canary-password-5f21".utf8)
        _ = try store.rehearse(restoreOf: backup)
        #expect(try !folder.contains(canary))
        store.close()
        for name in ["scratch.sqlite", "scratch.sqlite-wal", "restore.sqlite", "configuration.sqlite.new"] {
            try folder.write(Data(canary), to: "generations/1/\(name)")
        }
        #expect(try folder.contains(canary))
        let again = try folder.store()
        defer { again.close() }
        try again.runAndWait([])
        #expect(try !folder.contains(canary), "what a power cut left is erased at the next start")
    }
}
