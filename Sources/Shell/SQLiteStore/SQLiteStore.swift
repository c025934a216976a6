package import CloudMessages
import GRDB
package import Persistence
package import Primitives
import Settings
import Synchronization

/// The appliance's one database on the system's SQLite: the truth about configuration, pairing, history and ledger.
///
/// One writer runs transactions in the order of `run`, on a queue of its own; reads wait in the same queue. WAL with
/// `synchronous = FULL`: a transaction that was reported committed survives a power cut. `secure_delete` and a
/// truncated WAL make erased pairings and keys vanish from the files (R8, X5, Q10). Safe to use from any thread.
package final class SQLiteStore: Sendable {
    package struct Options: Sendable {
        /// The most pages of 4096 bytes that the database may grow to; nil: as many as the partition holds.
        package var pageLimit: Int?
        /// The partition is mounted read-only: every write fails with `StoreFailure.readOnly`.
        package var isReadOnly = false
        package var limits = Limits()
        package init() {}
    }

    /// What the opening found out: for the log, in order of appearance. Empty after an ordinary start.
    package let notices: [String]
    package let directory: String
    let generations: Generations
    let generation: Int
    private let options: Options
    let queue: DatabaseQueue
    private let state = Mutex(State())

    private struct State {
        var pending = 0
        /// A restore is being prepared: what is written now would be lost.
        var isSealed = false
    }

    /// Opens (or makes) the database below `directory`, checks it, brings its schema up to date, and falls back on the
    /// last good generation when it is damaged. Blocks; `wall` only names what is set aside.
    package init(directory: String, at wall: UnixTime, options: Options = Options()) throws(SQLiteStoreError) {
        self.directory = directory
        self.options = options
        generations = Generations(directory: directory)
        let opened = try Self.open(generations, at: wall, options: options)
        queue = opened.queue
        generation = opened.generation
        notices = opened.notices
        if !options.isReadOnly {
            queue.asyncWriteWithoutTransaction { [self] in
                try? generations.prune(around: generation)
                refreshLastGood($0)
            }
        }
    }

    /// Everything that the core has to know at start.
    package func snapshot() throws(SQLiteStoreError) -> StoreSnapshot {
        try reading { database in
            var snapshot = StoreSnapshot()
            snapshot.settings = try SettingsTables.read(database)
            snapshot.switches = try StateTables.switches(database)
            snapshot.pairing = try StateTables.pairing(database)
            snapshot.backupKey = try StateTables.backupKey(database)
            snapshot.backups = try StateTables.backups(database)
            snapshot.provisioningTokens = try StateTables.provisioningTokens(database)
            snapshot.bindings = try StateTables.bindings(database)
            snapshot.lastCallDataID = try HistoryTables.lastCallDataID(database)
            snapshot.lastLedgerEntry = try HistoryTables.lastLedgerEntry(database)
            return snapshot
        }
    }

    /// Runs the commands as one transaction; `completion` hears of it on the store's own queue, once it is durable.
    ///
    /// Never blocks. More than `Limits.pendingStoreTransactions` waiting ones are refused.
    package func run(
        _ commands: [StoreCommand], completion: @escaping @Sendable (Result<Void, StoreFailure>) -> Void
    ) {
        let refusal: StoreFailure? = state.withLock { state in
            if state.isSealed { return .input("a restore is under way; the appliance is about to restart") }
            guard state.pending < options.limits.pendingStoreTransactions else {
                return .input("\(state.pending) transactions are waiting, which is the limit")
            }
            state.pending += 1
            return nil
        }
        if let refusal {
            completion(.failure(refusal))
            return
        }
        queue.asyncWriteWithoutTransaction { [self] database in
            let result = perform(commands, in: database)
            state.withLock { $0.pending -= 1 }
            completion(result)
        }
    }

    /// As `run`, but waits for the outcome. Not for the control loop.
    package func runAndWait(_ commands: [StoreCommand]) throws(StoreFailure) {
        do {
            try queue.writeWithoutTransaction { database in try perform(commands, in: database).get() } as Void
        } catch {
            throw storeFailure(from: error)
        }
    }

    /// Ledger entries with a sequence above `cursor`, oldest first. Blocks.
    package func ledger(after cursor: UInt64, limit: Int) throws(SQLiteStoreError) -> [LedgerEntry] {
        let limit = min(limit, options.limits.ledgerEntriesPerAnswer)
        return try reading { try HistoryTables.ledger(after: cursor, limit: limit, in: $0) }
    }

    /// Call records with an id above `cursor`, oldest first. Blocks.
    package func callRecords(after cursor: UInt64, limit: Int) throws(SQLiteStoreError) -> [CallRecord] {
        try reading { try HistoryTables.callRecords(after: cursor, limit: limit, in: $0) }
    }

    /// The provisioning log (F-S4), oldest first. Blocks.
    package func provisioningLog() throws(SQLiteStoreError) -> [ProvisioningLogEntry] {
        try reading { try StateTables.provisioningLog($0) }
    }

    /// Waits for what was queued and closes the database; nothing may be called afterwards.
    package func close() {
        queue.writeWithoutTransaction { _ = try? $0.checkpoint(.truncate) }
        try? queue.close()
    }

    func reading<Value>(_ body: (Database) throws -> Value) throws(SQLiteStoreError) -> Value {
        do {
            return try queue.writeWithoutTransaction(body)
        } catch let error as SQLiteStoreError {
            throw error
        } catch {
            throw .failed(storeFailure(from: error))
        }
    }

    /// From here on (until unsealed) every transaction is refused.
    func seal(_ isSealed: Bool) { state.withLock { $0.isSealed = isSealed } }

    private func perform(_ commands: [StoreCommand], in database: Database) -> Result<Void, StoreFailure> {
        do {
            try database.inTransaction(.immediate) {
                for command in commands { try command.run(in: database) }
                return .commit
            }
            if commands.contains(where: \.leavesSecretsInJournal) { _ = try database.checkpoint(.truncate) }
            if commands.contains(where: \.isPromisedDeletion) { try generations.removeCopies(butNotOf: generation) }
        } catch {
            return .failure(storeFailure(from: error))
        }
        if commands.contains(where: \.changesConfiguration) { refreshLastGood(database) }
        return .success(())
    }

    /// Best effort: an old copy is a worse fallback, not a failure of the transaction that caused it.
    private func refreshLastGood(_ database: Database) {
        guard let settings = try? SettingsTables.read(database), let switches = try? StateTables.switches(database)
        else { return }
        try? ConfigurationCopy(settings: settings, switches: switches).write(to: generations.lastGood(generation))
    }
}

extension StoreCommand {
    fileprivate var isPromisedDeletion: Bool { self == .erasePairing || self == .eraseBackupKey }

    fileprivate var changesConfiguration: Bool {
        switch self {
        case .replaceSettings, .setSwitch: true
        default: false
        }
    }

    /// The journal still holds what was replaced: passwords, hashes, keys.
    fileprivate var leavesSecretsInJournal: Bool {
        switch self {
        case .replaceSettings, .erasePairing, .eraseBackupKey, .putBackupKey, .removeProvisioningToken: true
        case .setSwitch, .putPairing, .putBackup, .putProvisioningToken, .appendCallRecord, .appendLedger,
            .appendProvisioningLog, .pruneProvisioningLog, .replaceBindings:
            false
        }
    }

    fileprivate func run(in database: Database) throws {
        switch self {
        case .replaceSettings(let settings): try SettingsTables.replace(settings, in: database)
        case .setSwitch(let name, let isOn): try StateTables.set(name, on: isOn, in: database)
        case .putPairing(let record): try StateTables.put(record, in: database)
        case .erasePairing: try database.execute(sql: "DELETE FROM pairing")
        case .putBackupKey(let record): try StateTables.put(record, in: database)
        case .eraseBackupKey: try database.execute(sql: "DELETE FROM backup_key")
        case .putBackup(let record): try StateTables.put(record, in: database)
        case .putProvisioningToken(let record): try StateTables.put(record, in: database)
        case .removeProvisioningToken(let hash):
            try database.execute(sql: "DELETE FROM provisioning_token WHERE token_hash = ?", arguments: [hash.blob])
        case .appendCallRecord(let record): try HistoryTables.append(record, to: database)
        case .appendLedger(let entry): try HistoryTables.append(entry, to: database)
        case .appendProvisioningLog(let entry): try StateTables.append(entry, to: database)
        case .pruneProvisioningLog(let time):
            try database.execute(sql: "DELETE FROM provisioning_log WHERE hour < ?", arguments: [time.milliseconds])
        case .replaceBindings(let aor, let records):
            try StateTables.replaceBindings(of: aor, by: records, in: database)
        }
    }
}
