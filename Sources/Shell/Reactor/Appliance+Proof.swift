import ApplianceCore
import Archive
import Backup
import CloudMessages
package import HTTPServer
import OpenSSLCrypto
import Persistence
package import Primitives
import SQLiteStore
import Settings

/// The restore drill: a backup is green only after it was fetched, decrypted and restored into a scratch copy that passed
/// its self-test. It needs the password, which the appliance does not have; whoever types it shows that it is still known.
extension Appliance {
    package func proveBackup(_ id: String?, password: Secret) async throws(AdminProblem) -> String {
        let id = try await newestBackup(unless: id)
        let material = try await serverMaterial(id)
        let limits = options.limits
        let rehearsed: Result<DrillOutcome, AdminProblem> = try await offLoop { [store] in
            Self.drill(material, password: password, store: store, limits: limits)
        }
        switch await administer(.backupDrilled(id: id, try rehearsed.get())) {
        case .done(let message): return message
        case .refused(let status, let detail): throw AdminProblem(status: status, detail: detail)
        default: throw AdminProblem(status: 500, detail: "the drill of backup \(id) had no outcome")
        }
    }

    private func newestBackup(unless id: String?) async throws(AdminProblem) -> String {
        if let id { return id }
        guard case .backups(let records) = await administer(.listBackups), let newest = records.last(where: \.uploaded)
        else { throw AdminProblem(status: 404, detail: "there is no backup yet; run 'pbxctl backup now' first") }
        return newest.entry.id
    }

    /// A failure of our own disk is none of the backup's.
    nonisolated private static func drill(
        _ material: RestoreMaterial, password: Secret, store: SQLiteStore, limits: Limits
    ) -> Result<DrillOutcome, AdminProblem> {
        let parts: [ArchivePart]
        do throws(ArchiveError) {
            parts = try BackupArchive().open(material.backup, encryptedIdentity: material.key, password: password).parts
        } catch .crypto(.wrongPassphrase) {
            return .success(.wrongPassword)
        } catch {
            return .success(.failed("\(error)"))
        }
        guard let part = parts.first(where: { $0.name == BackupPart.configuration.fileName }) else {
            return .success(.failed("it holds no configuration"))
        }
        do throws(SQLiteStoreError) {
            let settings = try store.rehearse(restoreOf: part.bytes)
            let findings = SelfTest.findings(of: settings, hashes: OpenSSLHashes(), limits: limits)
            return .success(findings.isEmpty ? .passed : .failed(findings.joined(separator: "; ")))
        } catch .backupRefused(let reason) {
            return .success(.failed(reason))
        } catch {
            return .failure(AdminProblem(status: 503, detail: "the drill could not be made: \(error)"))
        }
    }
}
