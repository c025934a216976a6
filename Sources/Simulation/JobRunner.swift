import ApplianceCore
import Archive
import Backup
import CloudMessages
import OpenSSLCrypto
import Persistence
import Primitives
import PrivacyContract

/// The slow work of a simulated appliance: the shell's real container and key factory, with the cheapest work factors and
/// the world's generator, so that every byte repeats with the seed.
final class JobRunner {
    private var entropy: Entropy
    /// Prepared backups by name; gone with the power, as the shell clears its spool at start.
    private var artifacts: [String: [UInt8]] = [:]

    /// scrypt's cost; 2 is the least it takes.
    private static let workFactor = 2
    private static let workFactorLog2 = 1
    /// Versions whose bundles the installer got.
    private(set) var handedOver: [String] = []
    private(set) var removedCrashReports: Set<String> = []

    static let configurationPart = "configuration.txt"
    private let device: SimulatedSigner

    init(entropy: Entropy) {
        self.entropy = entropy
        device = SimulatedSigner.shared
    }

    var artifactCount: Int { artifacts.count }

    func cutPower() { artifacts = [:] }

    func run(_ job: Job, disk: SimulatedDisk) -> JobOutcome {
        do {
            switch job {
            case .hashPassword(let password, let salt): return .passwordHash(try hash(password, salt: salt))
            case .verifyPassword(let password, let salt, let expected):
                return .passwordVerified(constantTimeEquals(try hash(password, salt: salt), expected))
            case .makeBackupKey(let password):
                return .backupKey(
                    try BackupKeyFactory.make(
                        password: password, workFactorLog2: Self.workFactorLog2, entropy: &entropy))
            case .makeBackup(let id, let recipient, let createdAt, let parts):
                return try makeBackup(
                    id: id, recipient: recipient, createdAt: createdAt, parts: parts, disk: disk)
            case .discardArtifact(let name):
                artifacts[name] = nil
                return .done
            case .readLedger(let cursor, let limit):
                return .ledger(disk.histories.ledger(after: cursor, limit: limit))
            case .readCallRecords(let cursor, let limit):
                return .callRecords(disk.histories.callRecords(after: cursor, limit: limit))
            case .readLedgerCheckpoints(let cursor, let limit):
                return .ledgerCheckpoints(disk.histories.ledgerCheckpoints(after: cursor, limit: limit))
            case .handOverUpdate(let manifest):
                handedOver.append(manifest.version)
                return .done
            case .removeCrashReport(let id):
                removedCrashReports.insert(id)
                return .done
            case .signLedger(let sequence, let hash, let time):
                return .ledgerSigned(try device.sign(sequence: sequence, hash: hash, time: time))
            }
        } catch {
            return .failed("\(error)")
        }
    }

    private func hash(_ password: Secret, salt: [UInt8]) throws -> [UInt8] {
        try Scrypt.derive(password: password, salt: salt, n: Self.workFactor).withBytes { Array($0) }
    }

    private func makeBackup(
        id: String, recipient: String, createdAt: UnixTime, parts: [BackupPart], disk: SimulatedDisk
    ) throws -> JobOutcome {
        guard !disk.isFull else { return .failed("no space is left for the backup's file") }
        let files = parts.map { part in
            switch part {
            case .configuration:
                ArchivePart(name: Self.configurationPart, bytes: Array(disk.exportedConfiguration.utf8))
            case .callHistory:
                ArchivePart(
                    name: part.fileName, bytes: disk.histories.callRecords.flatMap { Array("\($0)\n".utf8) })
            }
        }
        let content = try BackupArchive().make(
            files, recipient: recipient, firmwareVersion: ApplianceNode.firmwareVersion,
            serial: ApplianceNode.serial, created: createdAt, entropy: &entropy)
        artifacts[id] = content
        return .backup(sizeBytes: Int64(content.count), sha256: OpenSSLHashes().sha256(content))
    }

    /// The bytes that a message names instead of carrying them.
    func artifact(for message: OutboundMessage) -> [UInt8]? {
        guard case .artifact(let name, _)? = message[.ciphertext] else { return nil }
        return artifacts[name]
    }

    /// What a customer with the password of the day reads in a backup; nil when anything at all is wrong with it.
    static func open(_ content: [UInt8], encryptedIdentity: [UInt8], password: Secret) -> String? {
        guard
            let backup = try? BackupArchive().open(content, encryptedIdentity: encryptedIdentity, password: password),
            backup.parts.first?.name == configurationPart, backup.manifest.serial == ApplianceNode.serial
        else { return nil }
        return String(decoding: backup.parts[0].bytes, as: UTF8.self)
    }

    /// The restore drill, as the shell makes it: decrypt, restore into a scratch copy, let the copy test itself.
    static func drill(_ content: [UInt8], encryptedIdentity: [UInt8], password: Secret) -> DrillOutcome {
        do throws(ArchiveError) {
            let backup = try BackupArchive().open(content, encryptedIdentity: encryptedIdentity, password: password)
            let text = backup.parts.first { $0.name == configurationPart }
            guard let settings = text.flatMap({ ConfigurationText.read(String(decoding: $0.bytes, as: UTF8.self)) })
            else { return .failed("it holds no configuration") }
            let findings = SelfTest.findings(of: settings, hashes: OpenSSLHashes())
            return findings.isEmpty ? .passed : .failed(findings.joined(separator: "; "))
        } catch .crypto(.wrongPassphrase) {
            return .wrongPassword
        } catch {
            return .failed("\(error)")
        }
    }
}
