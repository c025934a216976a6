import GRDB
import Persistence
import Primitives
package import Settings

extension SQLiteStore {
    /// The part `configuration.sqlite` of a backup: users, groups and settings as of now, in a fresh SQLite file.
    ///
    /// Holds no pairing, no backup key, no switch, no history and no ledger (Q11). Blocks.
    package func backupSnapshot() throws(SQLiteStoreError) -> [UInt8] {
        let path = "\(generations.folder(generation))/configuration.sqlite"
        let settings = try reading { try SettingsTables.read($0) }
        do {
            try ConfigurationCopy(settings: settings, switches: nil).write(to: path)
            defer { try? DurableFile.erase(path) }
            return try DurableFile.read(path, limit: Limits().backupBytes) ?? []
        } catch {
            throw .failed(storeFailure(from: error))
        }
    }

    /// What a backup's `configuration.sqlite` holds, after all checks; nothing is changed by it. Blocks.
    package func inspect(backup bytes: [UInt8]) throws(SQLiteStoreError) -> ConfigurationCopy {
        let path = "\(generations.folder(generation))/restore.sqlite"
        do {
            try DurableFile.replace(path, with: bytes)
        } catch {
            throw .failed(storeFailure(from: error))
        }
        defer { try? DurableFile.erase(path) }
        return try ConfigurationCopy.read(path)
    }

    /// The restore drill's copy: everything that is here now, with users, groups and settings from the backup, in a scratch
    /// file that is opened, checked and read as at a start, and erased again. Nothing else is changed by it. Blocks.
    ///
    /// - Returns: the settings that an appliance restored from this backup would start with.
    package func rehearse(restoreOf bytes: [UInt8]) throws(SQLiteStoreError) -> ApplianceSettings {
        let copy = try inspect(backup: bytes)
        let path = "\(generations.folder(generation))/scratch.sqlite"
        defer { for suffix in ["", "-wal", "-shm"] { try? DurableFile.erase(path + suffix) } }
        do {
            for suffix in ["", "-wal", "-shm"] { try DurableFile.erase(path + suffix) }
            try queue.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO ?", arguments: [path]) }
            let replica = try Self.openChecked(path, options: Options())
            try replica.write { try SettingsTables.replace(copy.settings, in: $0) }
            try replica.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            try replica.close()
            let again = try Self.openChecked(path, options: Options())
            defer { try? again.close() }
            let settings = try again.read { try SettingsTables.read($0) }
            guard settings == copy.settings else {
                throw SQLiteStoreError.backupRefused(reason: "the restored copy differs from the backup")
            }
            return settings
        } catch let error as SQLiteStoreError {
            throw error
        } catch {
            throw .failed(storeFailure(from: error))
        }
    }

    /// The part `call-history.sqlite` of a backup: all call records with their legs. Blocks.
    package func historySnapshot() throws(SQLiteStoreError) -> [UInt8] {
        let path = "\(generations.folder(generation))/call-history.sqlite"
        defer { try? DurableFile.erase(path) }
        do {
            try DurableFile.erase(path)
            try DurableFile.touch(path)
            try queue.writeWithoutTransaction { try HistoryCopy.write(from: $0, to: path) }
            return try DurableFile.read(path, limit: Limits().backupBytes) ?? []
        } catch {
            throw .failed(storeFailure(from: error))
        }
    }

    /// Builds the spare generation: everything that is here now, with users, groups and settings from the backup.
    ///
    /// A failed check leaves the running configuration untouched. After success no further transaction is accepted:
    /// the caller goes on to `activate(_:)` and restarts. Blocks.
    ///
    /// - Parameter history: the part `call-history.sqlite`, if the backup has one: its records are added to those that are
    ///   here; of two with the same id the present one stays.
    package func prepareRestore(of bytes: [UInt8], history: [UInt8]? = nil) throws(SQLiteStoreError) -> Int {
        let copy = try inspect(backup: bytes)
        let spare = (generations.numbers.last ?? generation) + 1
        seal(true)
        do {
            try generations.prepare(spare)
            try queue.writeWithoutTransaction { database in
                try database.execute(sql: "VACUUM INTO ?", arguments: [generations.database(spare)])
            }
            let options = Options()
            let replica = try Self.openChecked(generations.database(spare), options: options)
            try replica.write { try SettingsTables.replace(copy.settings, in: $0) }
            if let history {
                let path = "\(generations.folder(spare))/call-history.sqlite"
                defer { try? DurableFile.erase(path) }
                try DurableFile.replace(path, with: history)
                try replica.writeWithoutTransaction { try HistoryCopy.read(path, into: $0) }
            }
            try replica.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            try replica.close()
            try DurableFile.sync(generations.database(spare))
            return spare
        } catch let error as SQLiteStoreError {
            seal(false)
            try? DurableFile.removeDirectory(generations.folder(spare))
            throw error
        } catch {
            seal(false)
            try? DurableFile.removeDirectory(generations.folder(spare))
            throw .failed(storeFailure(from: error))
        }
    }

    /// Makes a prepared generation the truth, atomically, from the next start on.
    package func activate(_ generation: Int) throws(SQLiteStoreError) {
        do {
            try generations.activate(generation)
        } catch {
            seal(false)
            throw .failed(storeFailure(from: error))
        }
    }

    /// The number of the generation in use.
    package var currentGeneration: Int { generation }
}
