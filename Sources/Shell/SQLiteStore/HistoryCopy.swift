import GRDB
import Persistence

/// Call records in an SQLite file of their own: the part `call-history.sqlite` of a backup.
enum HistoryCopy {
    /// In an order in which they can be filled.
    private static let tables = ["call_record", "call_leg", "call_leg_figures"]

    /// Copies them into the empty file at `path`. Not within a transaction.
    static func write(from database: Database, to path: String) throws {
        try attached(path, to: database) {
            try database.inTransaction {
                for table in tables {
                    try database.execute(sql: "CREATE TABLE history.\(table) AS SELECT * FROM main.\(table)")
                }
                return .commit
            }
        }
    }

    /// Adds the records of the file at `path` that are not here. Columns that an earlier or later firmware knows and this
    /// one does not are left out; each value has to fit the own (strict) tables. Not within a transaction.
    static func read(_ path: String, into database: Database) throws {
        try attached(path, to: database) {
            let verdict = try String.fetchAll(database, sql: "PRAGMA history.quick_check(1)")
            guard verdict == ["ok"] else {
                throw SQLiteStoreError.backupRefused(reason: "its call history fails SQLite's check")
            }
            let known = try String.fetchAll(
                database, sql: "SELECT name FROM history.sqlite_schema WHERE type = 'table'")
            try database.inTransaction {
                for table in tables where known.contains(table) {
                    let own = try columns(of: table, in: "main", database)
                    let theirs = try columns(of: table, in: "history", database)
                    let names = own.filter { theirs.contains($0) }.joined(separator: ", ")
                    guard !names.isEmpty else { continue }
                    try database.execute(
                        sql: "INSERT OR IGNORE INTO main.\(table) (\(names)) SELECT \(names) FROM history.\(table)")
                }
                return .commit
            }
        }
    }

    private static func columns(of table: String, in schema: String, _ database: Database) throws -> [String] {
        try String.fetchAll(database, sql: "SELECT name FROM pragma_table_info(?, ?)", arguments: [table, schema])
    }

    private static func attached(_ path: String, to database: Database, _ body: () throws -> Void) throws {
        try database.execute(sql: "ATTACH DATABASE ? AS history", arguments: [path])
        defer { try? database.execute(sql: "DETACH DATABASE history") }
        try database.execute(sql: "PRAGMA history.journal_mode = MEMORY; PRAGMA trusted_schema = OFF")
        try body()
    }
}
