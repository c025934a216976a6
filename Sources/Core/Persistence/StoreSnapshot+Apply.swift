package import CloudMessages
import Settings

extension StoreSnapshot {
    /// What the snapshot would be after a restart if `command` were committed now. The model that the real store is
    /// held to, and the store of the simulator.
    ///
    /// Histories (call records, ledger, provisioning log) show only in their last entries; `StoreHistories` keeps them.
    package mutating func apply(_ command: StoreCommand) {
        switch command {
        case .replaceSettings(let new): settings = new
        case .setSwitch(let name, let isOn): switches[name] = isOn
        case .putPairing(let record): pairing = record
        case .erasePairing: pairing = nil
        case .putBackupKey(let record): backupKey = record
        case .eraseBackupKey: backupKey = nil
        case .putBackup(let record):
            if let index = backups.firstIndex(where: { $0.entry.id == record.entry.id }) {
                backups[index] = record
            } else {
                backups.append(record)
            }
        case .removeBackup(let id): backups.removeAll { $0.entry.id == id }
        case .putBackupPlan(let plan): backupPlan = plan
        case .putProvisioningToken(let record):
            if let index = provisioningTokens.firstIndex(where: { $0.tokenHash == record.tokenHash }) {
                provisioningTokens[index] = record
            } else {
                provisioningTokens.append(record)
            }
        case .removeProvisioningToken(let hash): provisioningTokens.removeAll { $0.tokenHash == hash }
        case .appendCallRecord(let record): lastCallDataID = max(lastCallDataID, record.callDataID)
        case .appendLedger(let entry): lastLedgerEntry = entry
        case .appendProvisioningLog, .pruneProvisioningLog, .pruneCallRecords: break
        case .replaceBindings(let aor, let records): bindings[aor] = records.isEmpty ? nil : records
        case .appendLedgerCheckpoint(let checkpoint): signedLedgerSequence = checkpoint.sequence
        case .putUserFeatures(let number, let features):
            if let index = settings.users.firstIndex(where: { $0.extension == number }) {
                settings.users[index].features = features
            }
        case .putNightSwitch(let isOn): settings.features.office.isNight = isOn
        case .putServiceState(let state): services = state
        }
    }

    /// A transaction: all of them, in order.
    package mutating func apply(_ commands: [StoreCommand]) {
        for command in commands { apply(command) }
    }
}

/// The append-only tables, in memory: for tests and the simulator.
package struct StoreHistories: Sendable, Equatable {
    package private(set) var callRecords: [CallRecord] = []
    package private(set) var ledger: [LedgerEntry] = []
    package private(set) var provisioningLog: [ProvisioningLogEntry] = []
    package private(set) var ledgerCheckpoints: [LedgerCheckpoint] = []

    package init() {}

    package mutating func apply(_ commands: [StoreCommand]) {
        for command in commands {
            switch command {
            case .appendCallRecord(let record): callRecords.append(record)
            case .appendLedger(let entry): ledger.append(entry)
            case .appendLedgerCheckpoint(let checkpoint): ledgerCheckpoints.append(checkpoint)
            case .appendProvisioningLog(let entry): provisioningLog.append(entry)
            case .pruneProvisioningLog(let limit): provisioningLog.removeAll { $0.hour < limit }
            case .pruneCallRecords(let limit): callRecords.removeAll { $0.startDate < limit }
            case .replaceSettings, .setSwitch, .putPairing, .erasePairing, .putBackupKey, .eraseBackupKey, .putBackup,
                .removeBackup, .putBackupPlan, .putProvisioningToken, .removeProvisioningToken, .replaceBindings,
                .putUserFeatures, .putNightSwitch, .putServiceState:
                break
            }
        }
    }

    /// Answers of `Job.readCallRecords` and `Job.readLedger`: ascending, after the cursor, at most `limit`.
    package func callRecords(after cursor: UInt64, limit: Int) -> [CallRecord] {
        Array(callRecords.filter { $0.callDataID > cursor }.prefix(max(0, limit)))
    }

    package func ledger(after cursor: UInt64, limit: Int) -> [LedgerEntry] {
        Array(ledger.filter { $0.sequence > cursor }.prefix(max(0, limit)))
    }

    package func ledgerCheckpoints(after cursor: UInt64, limit: Int) -> [LedgerCheckpoint] {
        Array(ledgerCheckpoints.filter { $0.sequence > cursor }.prefix(max(0, limit)))
    }
}
