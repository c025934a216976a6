import ApplianceCore
import Archive
import Backup
import CloudMessages
import Glibc
import OpenSSLCrypto
import Persistence
import Primitives

/// The slow work of a fleet's appliance, with the container and key factory of the product; only the cost of hashing is the
/// least there is, because a thousand appliances share one processor here.
struct FleetJobs: Sendable {
    /// Where prepared uploads lie until they have left.
    let directory: String
    let identity: FleetIdentity
    let configurationBytes: Int

    static let firmwareVersion = "1.0.0"
    private static let scryptCost = 2

    /// Blocks; for the thread pool.
    func perform(_ job: Job, histories: StoreHistories) -> JobOutcome {
        var entropy = Entropy(SystemEntropyGenerator())
        do {
            switch job {
            case .hashPassword(let password, let salt): return .passwordHash(try hash(password, salt: salt))
            case .verifyPassword(let password, let salt, let expected):
                return .passwordVerified(constantTimeEquals(try hash(password, salt: salt), expected))
            case .makeBackupKey(let password):
                return .backupKey(try BackupKeyFactory.make(password: password, workFactorLog2: 1, entropy: &entropy))
            case .makeBackup(let id, let recipient, let createdAt, let parts):
                let files = parts.map { ArchivePart(name: $0.fileName, bytes: entropy.bytes(configurationBytes)) }
                let content = try BackupArchive().make(
                    files, recipient: recipient, firmwareVersion: Self.firmwareVersion, serial: identity.serial,
                    created: createdAt, entropy: &entropy)
                try PrivateFile.makeDirectory(directory)
                try PrivateFile.replace("\(directory)/\(id)", with: content)
                return .backup(sizeBytes: Int64(content.count), sha256: OpenSSLHashes().sha256(content))
            case .discardArtifact(let name):
                try PrivateFile.remove("\(directory)/\(name)")
                return .done
            case .readLedger(let cursor, let limit): return .ledger(histories.ledger(after: cursor, limit: limit))
            case .readLedgerCheckpoints(let cursor, let limit):
                return .ledgerCheckpoints(histories.ledgerCheckpoints(after: cursor, limit: limit))
            case .signLedger(let sequence, let hash, let time):
                let text = LedgerCheckpoint.signedText(sequence: sequence, time: time, hash: hash)
                let signature = try identity.sign(sha256Digest: OpenSSLHashes().sha256(Array(text.utf8)))
                return .ledgerSigned(
                    LedgerCheckpoint(
                        sequence: sequence, time: time, hash: hash, signature: signature,
                        certificateChain: identity.certificateChainPEM))
            // Nobody telephones here, and nobody asks for more.
            default: return .failed("an appliance of a fleet does not do this")
            }
        } catch {
            return .failed("\(error)")
        }
    }

    private func hash(_ password: Secret, salt: [UInt8]) throws(CryptoError) -> [UInt8] {
        try Scrypt.derive(password: password, salt: salt, n: Self.scryptCost).withBytes { Array($0) }
    }
}
