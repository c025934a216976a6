import ApplianceCore
import Archive
import Backup
import CloudLink
import ConfigurationFile
import HAL
package import HTTPServer
import Logging
import NIOPosix
import OpenSSLCrypto
import Persistence
package import Primitives
import PrivacyContract
import SQLiteStore
import Settings
import Synchronization

/// What the administration's HTTP interface asks beyond the core's commands.
extension Appliance: AdminBackend {
    package func applyConfiguration(_ yaml: [UInt8], isDryRun: Bool) async throws(AdminProblem) -> [String] {
        let parsed = try await offLoop { [limits = options.limits] in
            Result { () throws(ConfigurationError) in
                try ConfigurationFile.parse(yaml, file: "configuration", limits: limits)
            }
        }
        let new: ApplianceSettings
        switch parsed {
        case .success(let settings): new = settings
        case .failure(let error): throw AdminProblem(status: 422, detail: "\(error)")
        }
        let changes = SettingsDifference(from: settings, to: new).text
        if !isDryRun, case .refused(let status, let detail) = await administer(.applySettings(new)) {
            throw AdminProblem(status: status, detail: detail)
        }
        return changes
    }

    package func restore(_ source: RestoreSource, password: Secret) async throws(AdminProblem) -> String {
        let material =
            switch source {
            case .file(let path): try await fileMaterial(path)
            case .server(let id): try await serverMaterial(id)
            }
        let outcome: Result<String, AdminProblem> = try await offLoop { [store] in
            do {
                let (manifest, parts) = try BackupArchive().open(
                    material.backup, encryptedIdentity: material.key, password: password)
                guard let part = parts.first(where: { $0.name == BackupPart.configuration.fileName }) else {
                    return .failure(AdminProblem(status: 422, detail: "the backup holds no configuration"))
                }
                let history = parts.first { $0.name == BackupPart.callHistory.fileName }?.bytes
                let spare = try store.prepareRestore(of: part.bytes, history: history)
                try store.activate(spare)
                return .success("backup of \(manifest.created.rfc3339) restored; the appliance restarts now")
            } catch {
                return .failure(AdminProblem(status: 422, detail: "nothing was changed: \(error)"))
            }
        }
        switch outcome {
        case .success(let message): logger.notice("\(message)")
        case .failure(let problem): logger.warning("restore refused: \(problem.detail)")
        }
        return try outcome.get()
    }

    package func claim(code: String, password: Secret) async throws(AdminProblem) {
        let outcome: Result<Void, AdminProblem> = try await offLoop { [self] in
            owner.withLock { owner in
                Result { () throws(AdminProblem) in
                    try owner?.claim(code: code, password: password, at: hal.clock.now())
                }
            }
        }
        if case .success = outcome { logger.notice("the board has an owner now") }
        try outcome.get()
    }

    package func signIn(password: Secret) async throws(AdminProblem) -> Secret {
        let outcome: Result<Secret, AdminProblem> = try await offLoop { [self] in
            owner.withLock { owner in
                Result { () throws(AdminProblem) in
                    guard let token = try owner?.signIn(password: password, at: hal.clock.now()) else {
                        throw AdminProblem(status: 503, detail: "the appliance is not ready; try again")
                    }
                    return token
                }
            }
        }
        if case .failure(let problem) = outcome { logger.warning("sign-in refused: \(problem.detail)") }
        return try outcome.get()
    }

    package func restart() async {
        await shutdown()
        options.restart()
    }

    struct RestoreMaterial: Sendable {
        var backup: [UInt8]
        var key: [UInt8]
    }

    private func fileMaterial(_ path: String) async throws(AdminProblem) -> RestoreMaterial {
        let limit = options.limits.backupBytes * 2
        let own = try await ownKey()
        let read: Result<RestoreMaterial, FileFailure> = try await offLoop {
            Result { () throws(FileFailure) in
                let backup = try PrivateFile.read(path, limit: limit)
                let keyPath = "\(path).key"
                let key = PrivateFile.exists(keyPath) ? try PrivateFile.read(keyPath) : own?.encryptedIdentity ?? []
                // From a recovery sheet it comes in armour.
                return RestoreMaterial(backup: backup, key: RecoverySheet.unarmoured(key))
            }
        }
        switch read {
        case .success(let material):
            guard !material.key.isEmpty else {
                throw AdminProblem(
                    status: 422,
                    detail: "the appliance holds no backup key; put the encrypted key beside the file as '\(path).key'")
            }
            return material
        case .failure(let error): throw AdminProblem(status: 422, detail: "\(error)")
        }
    }

    func serverMaterial(_ id: String) async throws(AdminProblem) -> RestoreMaterial {
        let backup = try await fetch(.backup(id: id))
        let own = try await ownKey()
        if let own, backup.keyID == nil || backup.keyID == own.keyID {
            return RestoreMaterial(backup: backup.bytes, key: own.encryptedIdentity)
        }
        let key = try await fetch(.key(id: backup.keyID ?? ""))
        return RestoreMaterial(backup: backup.bytes, key: key.bytes)
    }

    /// One request, under a permit of its own; the core hears of the outcome from the cloud link.
    private func fetch(_ object: BackupObject) async throws(AdminProblem) -> FetchedObject {
        guard let cloud else { throw AdminProblem(status: 503, detail: "the appliance is not ready; try again") }
        switch await administer(.permitRestore) {
        case .restorePermit(let request, let permit):
            do {
                return try await cloud.fetch(object, as: request, permit: permit)
            } catch {
                throw AdminProblem(status: 502, detail: "\(error)")
            }
        case .refused(let status, let detail): throw AdminProblem(status: status, detail: detail)
        default: throw AdminProblem(status: 500, detail: "no permit was given")
        }
    }

    private func ownKey() async throws(AdminProblem) -> BackupKeyRecord? {
        let read: Result<BackupKeyRecord?, SQLiteStoreError> = try await offLoop { [store] in
            Result { () throws(SQLiteStoreError) in try store.snapshot().backupKey }
        }
        switch read {
        case .success(let key): return key
        case .failure(let error):
            throw AdminProblem(status: 503, detail: "the backup key could not be read: \(error)")
        }
    }

    func offLoop<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async throws(AdminProblem) -> Value {
        do {
            return try await pool.runIfActive(body)
        } catch {
            throw AdminProblem(status: 503, detail: "the appliance is shutting down")
        }
    }
}
