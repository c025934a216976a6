import GRDB
import Persistence
import Primitives

/// The provisioning log in copies of the database: the generation before the present one, and what was set aside as
/// damaged. The promise (R2) is about every copy.
enum CopiedLogs {
    /// A database that was set aside can be looked at for a day; nothing can be deleted from it but all of it. Counted from
    /// the horizon, which lies 364 days back.
    static let setAsideAge = Duration.seconds(363 * 86_400)

    /// Deletes the lines from before `horizon` in every copy; a copy that cannot be opened goes as a whole.
    static func prune(_ generations: Generations, butNotOf number: Int, olderThan horizon: UnixTime) throws {
        for other in generations.numbers where other != number {
            do {
                if DurableFile.hasContent(generations.database(other)) {
                    try prune(generations.database(other), olderThan: horizon)
                }
            } catch {
                try DurableFile.removeDirectory(generations.folder(other))
            }
        }
        for other in generations.numbers {
            for name in DirectoryNames.list(generations.folder(other)) {
                guard let range = name.firstRange(of: ".damaged-") else { continue }
                let digits = name[range.upperBound...].prefix { $0.isNumber }
                let setAside = UnixTime(seconds: Int64(digits) ?? 0)
                if setAside < horizon + setAsideAge { try erase(name, in: other, generations) }
            }
        }
    }

    private static func erase(_ name: String, in number: Int, _ generations: Generations) throws {
        try DurableFile.erase("\(generations.folder(number))/\(name)")
    }

    private static func prune(_ path: String, olderThan horizon: UnixTime) throws {
        var configuration = Configuration()
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA secure_delete = ON; PRAGMA synchronous = FULL") }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? queue.close() }
        try queue.writeWithoutTransaction { database in
            let isThere = try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT * FROM provisioning_log WHERE hour < ?)",
                arguments: [horizon.milliseconds])
            guard isThere == true else { return }
            try database.inTransaction {
                try StateTables.pruneProvisioningLog(olderThan: horizon, in: database)
                return .commit
            }
            _ = try database.checkpoint(.truncate)
        }
    }
}
