import GRDB
import Persistence
import Primitives
import PrivacyContract

extension SQLiteStore {
    struct Opened {
        var queue: DatabaseQueue
        var generation: Int
        var notices: [String] = []
    }

    /// Opens the current generation; a damaged one is set aside, named, and replaced by the last good copy.
    static func open(
        _ generations: Generations, at wall: UnixTime, options: Options
    ) throws(SQLiteStoreError) -> Opened {
        do {
            let number = try generations.current()
            try generations.prepare(number)
            if !options.isReadOnly, !DurableFile.hasContent(generations.database(number)),
                DurableFile.exists(generations.lastGood(number))
            {
                // Not a new appliance: a last good copy says that there was a database.
                return try recover(
                    number, of: generations, reason: "the file is missing or empty", at: wall, options: options)
            }
            do {
                return try openInReserve(number, of: generations, options: options)
            } catch let failure as StoreFailure {
                guard case .damaged(let reason) = failure else { throw failure }
                return try recover(number, of: generations, reason: reason, at: wall, options: options)
            }
        } catch let error as SQLiteStoreError {
            throw error
        } catch let failure as DurableFile.Failure {
            throw .cannotOpen(path: generations.directory, reason: failure.reason)
        } catch {
            throw .cannotOpen(path: generations.directory, reason: storeFailure(from: error).summary)
        }
    }

    /// On a full disk the journal finds no room to begin: the room that is kept for promised deletions lets it. Whoever
    /// opens makes the reserve anew as soon as there is room.
    private static func openInReserve(
        _ number: Int, of generations: Generations, options: Options
    ) throws -> Opened {
        let path = generations.database(number)
        do {
            return Opened(queue: try openChecked(path, options: options), generation: number)
        } catch StoreFailure.diskFull {
            guard !options.isReadOnly, DiskReserve(directory: generations.directory).release() else {
                throw StoreFailure.diskFull
            }
            let notice = "the disk is full: opened in the room that is kept for deletions; make room"
            return Opened(queue: try openChecked(path, options: options), generation: number, notices: [notice])
        }
    }

    private static func recover(
        _ number: Int, of generations: Generations, reason: String, at wall: UnixTime, options: Options
    ) throws -> Opened {
        let aside = try generations.setAside(number, at: wall)
        var notices = ["database is damaged (\(reason)); set aside as \(aside)"]
        let candidates = [number] + generations.numbers.reversed().filter { $0 < number }
        var copy: ConfigurationCopy?
        for candidate in candidates where copy == nil {
            if DurableFile.exists(generations.lastGood(candidate)) {
                copy = try? ConfigurationCopy.read(generations.lastGood(candidate))
                if copy != nil { notices.append("configuration taken from \(generations.lastGood(candidate))") }
            }
        }
        let queue = try openChecked(generations.database(number), options: options)
        if let copy {
            // The copy may be older than a switch-off that was promised: recovery switches nothing on.
            try queue.write { try SettingsTables.replace(copy.settings, in: $0) }
            let were = (copy.switches ?? [:]).filter(\.value).keys.map(\.rawValue).sorted()
            notices.append(
                "all switches are off"
                    + (were.isEmpty ? "" : "; in the copy these were on: \(were.joined(separator: ", "))"))
            notices.append("pairing, backup key, call history and ledger start anew")
        } else {
            notices.append("no last good generation was found: the appliance starts unconfigured")
        }
        return Opened(queue: queue, generation: number, notices: notices)
    }

    /// Throws `StoreFailure.damaged` when the file is not a sound database, `newerSchema` when it is not ours to read.
    static func openChecked(_ path: String, options: Options) throws -> DatabaseQueue {
        if !options.isReadOnly { try DurableFile.touch(path) }
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.label = "store"
        configuration.prepareDatabase { database in
            try database.execute(
                sql: "PRAGMA secure_delete = ON; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY")
            try database.execute(sql: "PRAGMA cache_size = -1024; PRAGMA wal_autocheckpoint = 500")
            if let limit = options.pageLimit { try database.execute(sql: "PRAGMA max_page_count = \(limit)") }
        }
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { database in
                let verdict = try String.fetchAll(database, sql: "PRAGMA quick_check(3)")
                guard verdict == ["ok"] else { throw StoreFailure.damaged(verdict.joined(separator: "; ")) }
                let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
                guard version <= Schema.version else {
                    throw SQLiteStoreError.newerSchema(path: path, found: version, supported: Schema.version)
                }
            }
            try Schema.migrator.migrate(queue)
            if options.isReadOnly {
                try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = ON") }
            }
            return queue
        } catch let error as SQLiteStoreError {
            throw error
        } catch {
            throw storeFailure(from: error)
        }
    }
}
