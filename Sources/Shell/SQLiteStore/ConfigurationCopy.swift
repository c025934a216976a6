import Foundation
import GRDB
import Persistence
package import PrivacyContract
package import Settings

/// An SQLite file that holds users, groups and settings alone: the part `configuration.sqlite` of a backup, and the
/// `last-good.sqlite` of a generation (which also keeps the switches).
package struct ConfigurationCopy: Sendable, Equatable {
    package var settings: ApplianceSettings
    /// Not part of a backup: a restore never switches a flow on.
    package var switches: [Switch: Bool]?

    package init(settings: ApplianceSettings, switches: [Switch: Bool]?) {
        self.settings = settings
        self.switches = switches
    }

    /// Writes a fresh file at `path`, replacing what is there in one step.
    func write(to path: String) throws {
        let temporary = path + ".new"
        for suffix in ["", "-wal", "-journal", "-shm"] { try DurableFile.remove(temporary + suffix) }
        try DurableFile.touch(temporary)
        var configuration = Configuration()
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF") }
        let queue = try DatabaseQueue(path: temporary, configuration: configuration)
        try queue.write { database in
            try Schema.createConfiguration(database)
            try SettingsTables.replace(settings, in: database)
            if let switches {
                try database.execute(sql: Schema.switchTable)
                for name in switches.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
                    try StateTables.set(name, on: switches[name] ?? false, in: database)
                }
            }
            try database.execute(sql: "PRAGMA user_version = \(Schema.version)")
        }
        try queue.close()
        try DurableFile.sync(temporary)
        try DurableFile.rename(temporary, to: path, erasingFormer: path + ".former")
    }

    /// Reads such a file and checks all of it; `SQLiteStoreError.backupRefused` says what is wrong.
    static func read(_ path: String) throws(SQLiteStoreError) -> ConfigurationCopy {
        var configuration = Configuration()
        configuration.readonly = true
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            defer { try? queue.close() }
            return try queue.read { database in
                let verdict = try String.fetchAll(database, sql: "PRAGMA quick_check(1)")
                guard verdict == ["ok"] else { throw SQLiteStoreError.backupRefused(reason: "it fails SQLite's check") }
                let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
                guard (1...Schema.version).contains(version) else {
                    throw SQLiteStoreError.backupRefused(
                        reason: "it has schema version \(version), this firmware knows 1 to \(Schema.version)")
                }
                let tables = try String.fetchAll(database, sql: "SELECT name FROM sqlite_schema WHERE type = 'table'")
                for name in Schema.configurationTableNames(version: version) where !tables.contains(name) {
                    throw SQLiteStoreError.backupRefused(reason: "it lacks the table '\(name)'")
                }
                let settings = try SettingsTables.read(database)
                let switches = tables.contains("switch") ? try StateTables.switches(database) : nil
                return ConfigurationCopy(settings: settings, switches: switches)
            }
        } catch let error as SQLiteStoreError {
            throw error
        } catch {
            throw .backupRefused(reason: storeFailure(from: error).summary)
        }
    }
}
