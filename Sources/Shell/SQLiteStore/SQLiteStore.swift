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
        /// For the log: what went wrong without making a transaction fail. Called on the store's queue.
        package var report: @Sendable (String) -> Void = { _ in }
        package init() {}
    }

    /// What the opening found out: for the log, in order of appearance. Empty after an ordinary start.
    package let notices: [String]
    package let directory: String
    let generations: Generations
    let generation: Int
    private let options: Options
    private let reserve: DiskReserve
    let queue: DatabaseQueue
    private let state = Mutex(State())

    private struct State {
        var pending = 0
        /// A restore is being prepared: what is written now would be lost.
        var isSealed = false
        /// Nothing new is accepted.
        var isClosing = false
        /// The connection is gone: what was accepted too late to run before must not touch it.
        var isClosed = false
        var scrub = Scrub()
    }

    /// What is to be wiped after a commit, and could not be yet.
    private struct Scrub: Equatable {
        /// The journal holds bytes that were replaced or erased.
        var isJournalDue = false
        /// Copies hold what was promised to be erased.
        var areCopiesDue = false
        /// Copies may hold log lines from before this moment.
        var logHorizon: UnixTime?
    }

    /// Opens (or makes) the database below `directory`, checks it, brings its schema up to date, and falls back on the
    /// last good generation when it is damaged. Blocks; `wall` only names what is set aside.
    package init(directory: String, at wall: UnixTime, options: Options = Options()) throws(SQLiteStoreError) {
        self.directory = directory
        self.options = options
        generations = Generations(directory: directory)
        reserve = DiskReserve(directory: directory)
        let opened = try Self.open(generations, at: wall, options: options)
        queue = opened.queue
        generation = opened.generation
        if DurableFile.exists(generations.scrubMark) {
            state.withLock { $0.scrub = Scrub(isJournalDue: true, areCopiesDue: true) }
        }
        notices = opened.notices
        if !options.isReadOnly {
            reserve.keep()
            queue.asyncWriteWithoutTransaction { [self] in
                try? generations.prune(around: generation)
                generations.eraseLeftovers(of: generation)
                refreshLastGood($0)
                _ = scrub(after: [], in: $0)
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
            snapshot.backupPlan = try StateTables.backupPlan(database)
            snapshot.provisioningTokens = try StateTables.provisioningTokens(database)
            snapshot.bindings = try StateTables.bindings(database)
            snapshot.lastCallDataID = try HistoryTables.lastCallDataID(database)
            snapshot.lastLedgerEntry = try HistoryTables.lastLedgerEntry(database)
            snapshot.signedLedgerSequence = try HistoryTables.signedLedgerSequence(database)
            snapshot.services = try ServiceStateTable.read(database)
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
            if state.isClosing { return Self.closed }
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

    /// Signatures over ledger entries above `cursor`, oldest first. Blocks.
    package func ledgerCheckpoints(after cursor: UInt64, limit: Int) throws(SQLiteStoreError) -> [LedgerCheckpoint] {
        let limit = min(limit, options.limits.ledgerEntriesPerAnswer)
        return try reading { try HistoryTables.ledgerCheckpoints(after: cursor, limit: limit, in: $0) }
    }

    /// Call records with an id above `cursor`, oldest first. Blocks.
    package func callRecords(after cursor: UInt64, limit: Int) throws(SQLiteStoreError) -> [CallRecord] {
        try reading { try HistoryTables.callRecords(after: cursor, limit: limit, in: $0) }
    }

    /// The provisioning log (F-S4), oldest first. Blocks.
    package func provisioningLog() throws(SQLiteStoreError) -> [ProvisioningLogEntry] {
        try reading { try StateTables.provisioningLog($0) }
    }

    /// Waits for what was queued and closes the database. Whatever is called afterwards is refused; closing it again
    /// does nothing.
    package func close() {
        let isFirst = state.withLock { state in
            defer { state.isClosing = true }
            return !state.isClosing
        }
        guard isFirst else { return }
        queue.writeWithoutTransaction { database in
            _ = try? database.checkpoint(.truncate)
            state.withLock { $0.isClosed = true }
        }
        try? queue.close()
    }

    private static let closed = StoreFailure.input("the database is closed, the appliance is shutting down")

    func reading<Value>(_ body: (Database) throws -> Value) throws(SQLiteStoreError) -> Value {
        do {
            return try queue.writeWithoutTransaction { database in
                if isClosed { throw Self.closed }
                return try body(database)
            }
        } catch let error as SQLiteStoreError {
            throw error
        } catch {
            throw .failed(storeFailure(from: error))
        }
    }

    /// From here on (until unsealed) every transaction is refused.
    func seal(_ isSealed: Bool) { state.withLock { $0.isSealed = isSealed } }

    private var isClosed: Bool { state.withLock { $0.isClosed } }

    private func perform(_ commands: [StoreCommand], in database: Database) -> Result<Void, StoreFailure> {
        if isClosed { return .failure(Self.closed) }
        do {
            try database.inTransaction(.immediate) {
                for command in commands { try command.run(in: database) }
                return .commit
            }
        } catch {
            let failure = storeFailure(from: error)
            // A promised deletion does not wait for room: it gets what is kept for it, and is tried once more.
            guard failure == .diskFull, commands.contains(where: \.isPromisedDeletion), reserve.release() else {
                return .failure(failure)
            }
            return perform(commands, in: database)
        }
        if !options.isReadOnly { reserve.keep() }
        if commands.contains(where: \.changesConfiguration) { refreshLastGood(database) }
        return scrub(after: commands, in: database)
    }

    /// Wipes what the committed commands, or earlier ones, left behind. A failure is theirs only when they promise a
    /// deletion; it is retried after each further transaction, at the next start and at the latest when closing.
    private func scrub(after commands: [StoreCommand], in database: Database) -> Result<Void, StoreFailure> {
        let isPromise = commands.contains(where: \.isPromisedDeletion)
        let (before, due) = state.withLock { state in
            let before = state.scrub
            if commands.contains(where: \.leavesSecretsInJournal) { state.scrub.isJournalDue = true }
            if commands.contains(where: \.endsCopies) { state.scrub.areCopiesDue = true }
            state.scrub.logHorizon = commands.compactMap(\.logHorizon).last ?? state.scrub.logHorizon
            return (before, state.scrub)
        }
        guard due != Scrub() else { return .success(()) }
        do {
            if due.isJournalDue { _ = try database.checkpoint(.truncate) }
            if due.areCopiesDue {
                try generations.removeCopies(butNotOf: generation)
            } else if let horizon = due.logHorizon {
                try CopiedLogs.prune(generations, butNotOf: generation, olderThan: horizon)
            }
            if before != Scrub() { try DurableFile.remove(generations.scrubMark) }
            state.withLock { $0.scrub = Scrub() }
            return .success(())
        } catch {
            let reason = storeFailure(from: error).summary
            if due != before {
                try? DurableFile.touch(generations.scrubMark)
                options.report("committed, but replaced bytes could not be wiped yet and will be later: \(reason)")
            }
            return isPromise ? .failure(.scrubPending(reason)) : .success(())
        }
    }

    /// Best effort: an old copy is a worse fallback, not a failure of the transaction that caused it.
    private func refreshLastGood(_ database: Database) {
        guard let settings = try? SettingsTables.read(database), let switches = try? StateTables.switches(database)
        else { return }
        try? ConfigurationCopy(settings: settings, switches: switches).write(to: generations.lastGood(generation))
    }
}

extension StoreCommand {
    fileprivate var isPromisedDeletion: Bool {
        switch self {
        case .erasePairing, .eraseBackupKey, .pruneProvisioningLog: true
        default: false
        }
    }

    /// Copies of the database go as a whole.
    fileprivate var endsCopies: Bool { self == .erasePairing || self == .eraseBackupKey }

    /// Log lines from before this moment go, in copies of the database too (R2).
    fileprivate var logHorizon: UnixTime? {
        if case .pruneProvisioningLog(let time) = self { time } else { nil }
    }

    fileprivate var changesConfiguration: Bool {
        switch self {
        case .replaceSettings, .setSwitch, .putUserFeatures, .putNightSwitch: true
        default: false
        }
    }

    /// The journal still holds what was replaced: passwords, hashes, keys.
    fileprivate var leavesSecretsInJournal: Bool {
        switch self {
        case .replaceSettings, .erasePairing, .eraseBackupKey, .putBackupKey, .removeProvisioningToken,
            .pruneProvisioningLog, .pruneCallRecords:
            true
        case .setSwitch, .putPairing, .putBackup, .removeBackup, .putBackupPlan, .putProvisioningToken,
            .appendCallRecord, .appendLedger, .appendProvisioningLog, .replaceBindings, .appendLedgerCheckpoint,
            .putUserFeatures, .putNightSwitch, .putServiceState:
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
        case .removeBackup(let id): try StateTables.removeBackup(id, from: database)
        case .putBackupPlan(let plan): try StateTables.put(plan, in: database)
        case .putServiceState(let state): try ServiceStateTable.put(state, in: database)
        case .putProvisioningToken(let record): try StateTables.put(record, in: database)
        case .removeProvisioningToken(let hash):
            try database.execute(sql: "DELETE FROM provisioning_token WHERE token_hash = ?", arguments: [hash.blob])
        case .appendCallRecord(let record): try HistoryTables.append(record, to: database)
        case .appendLedger(let entry): try HistoryTables.append(entry, to: database)
        case .appendLedgerCheckpoint(let checkpoint): try HistoryTables.append(checkpoint, to: database)
        case .appendProvisioningLog(let entry): try StateTables.append(entry, to: database)
        case .pruneProvisioningLog(let time):
            try StateTables.pruneProvisioningLog(olderThan: time, in: database)
        case .pruneCallRecords(let time): try HistoryTables.pruneCallRecords(before: time, in: database)
        case .replaceBindings(let aor, let records):
            try StateTables.replaceBindings(of: aor, by: records, in: database)
        case .putUserFeatures(let number, let features):
            try FeatureTables.replace(features, of: number, in: database)
        case .putNightSwitch(let isOn): try FeatureTables.setNight(isOn, in: database)
        }
    }
}
