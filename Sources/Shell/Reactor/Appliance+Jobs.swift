import ApplianceCore
import Archive
import Backup
import HAL
import HTTPServer
import NIOPosix
import OpenSSLCrypto
import Persistence
import Primitives
import SQLiteStore

/// The slow work, on the thread pool.
extension Appliance {
    /// Cost of the pairing user's password hash: its 160 random bits need no more.
    static let passwordCost = 1 << 14

    nonisolated func start(_ job: Job, as id: JobID) {
        pool.submit { [weak self] state in
            guard let self else { return }
            guard case .active = state else { return post(.jobFinished(id, .failed("the appliance is shutting down"))) }
            post(.jobFinished(id, perform(job)))
        }
    }

    nonisolated private func perform(_ job: Job) -> JobOutcome {
        do {
            switch job {
            case .hashPassword(let password, let salt): return .passwordHash(try Self.hash(password, salt: salt))
            case .verifyPassword(let password, let salt, let hash):
                return .passwordVerified(constantTimeEquals(try Self.hash(password, salt: salt), hash))
            case .makeBackupKey(let password):
                var entropy = hal.entropy.makeEntropy()
                return .backupKey(try BackupKeyFactory.make(password: password, entropy: &entropy))
            case .makeBackup(let id, let recipient, let createdAt, let parts):
                return try makeBackup(id: id, recipient: recipient, createdAt: createdAt, parts: parts)
            case .discardArtifact(let name):
                try PrivateFile.remove(artifactPath(name))
                return .done
            case .readLedger(let cursor, let limit): return .ledger(try store.ledger(after: cursor, limit: limit))
            case .readCallRecords(let cursor, let limit):
                return .callRecords(try store.callRecords(after: cursor, limit: limit))
            case .readLedgerCheckpoints(let cursor, let limit):
                return .ledgerCheckpoints(try store.ledgerCheckpoints(after: cursor, limit: limit))
            case .handOverUpdate(let manifest):
                try handOver(manifest)
                return .done
            case .removeCrashReport(let id):
                try marker.remove(id)
                return .done
            case .signLedger(let sequence, let hash, let time):
                return .ledgerSigned(try signLedger(sequence: sequence, hash: hash, time: time))
            }
        } catch {
            return .failed("\(error)")
        }
    }

    /// By the device's key, which never leaves the hardware.
    nonisolated private func signLedger(
        sequence: UInt64, hash: [UInt8], time: UnixTime
    ) throws(HALError) -> LedgerCheckpoint {
        let text = LedgerCheckpoint.signedText(sequence: sequence, time: time, hash: hash)
        let signature = try hal.identity.sign(sha256Digest: OpenSSLHashes().sha256(Array(text.utf8)))
        return LedgerCheckpoint(
            sequence: sequence, time: time, hash: hash, signature: signature,
            certificateChain: hal.identity.certificateChainPEM)
    }

    nonisolated private static func hash(_ password: Secret, salt: [UInt8]) throws -> [UInt8] {
        try Scrypt.derive(password: password, salt: salt, n: passwordCost).withBytes { Array($0) }
    }

    nonisolated private func makeBackup(
        id: String, recipient: String, createdAt: UnixTime, parts: [BackupPart]
    ) throws -> JobOutcome {
        var entropy = hal.entropy.makeEntropy()
        let files = try parts.map { part in
            switch part {
            case .configuration: ArchivePart(name: part.fileName, bytes: try store.backupSnapshot())
            case .callHistory: ArchivePart(name: part.fileName, bytes: try store.historySnapshot())
            }
        }
        let file = try BackupArchive().make(
            files, recipient: recipient, firmwareVersion: options.firmwareVersion, serial: identity.serial,
            created: createdAt, entropy: &entropy)
        try PrivateFile.makeDirectory(options.artifactDirectory)
        try PrivateFile.replace(artifactPath(id), with: file)
        return .backup(sizeBytes: Int64(file.count), sha256: OpenSSLHashes().sha256(file))
    }

    /// The core makes artifact names; a slash in one would be our own fault, and must not reach the file system.
    nonisolated private func artifactPath(_ name: String) -> String {
        "\(options.artifactDirectory)/\(String(name.map { $0 == "/" ? "_" : $0 }))"
    }
}

extension ApplianceOptions {
    /// Prepared uploads; emptied at start.
    var artifactDirectory: String { "\(dataDirectory)/artifacts" }
    /// Where bundles are fetched to: on a board beside its installer's inbox, whose file system they must share.
    var downloadDirectory: String { "\(updateDirectory ?? dataDirectory)/fetched" }
    var socketPath: String { "\(dataDirectory)/pbxd.sock" }
}
