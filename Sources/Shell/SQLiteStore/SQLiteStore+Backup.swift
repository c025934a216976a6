import GRDB
import Persistence
import Primitives

extension SQLiteStore {
    /// The part `configuration.sqlite` of a backup: users, groups and settings as of now, in a fresh SQLite file.
    ///
    /// Holds no pairing, no backup key, no switch, no history and no ledger (Q11). Blocks.
    package func backupSnapshot() throws(SQLiteStoreError) -> [UInt8] {
        let path = "\(generations.folder(generation))/configuration.sqlite"
        let settings = try reading { try SettingsTables.read($0) }
        do {
            try ConfigurationCopy(settings: settings, switches: nil).write(to: path)
            defer { try? DurableFile.remove(path) }
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
        defer { try? DurableFile.remove(path) }
        return try ConfigurationCopy.read(path)
    }

    /// Builds the spare generation: everything that is here now, with users, groups and settings from the backup.
    ///
    /// A failed check leaves the running configuration untouched. After success no further transaction is accepted:
    /// the caller goes on to `activate(_:)` and restarts. Blocks.
    package func prepareRestore(of bytes: [UInt8]) throws(SQLiteStoreError) -> Int {
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
            try replica.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            try replica.close()
            try DurableFile.sync(generations.database(spare))
            return spare
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
