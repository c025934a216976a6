import ApplianceCore
import CloudMessages
import Persistence
import Primitives
import PrivacyContract
import Updates

/// Short, stable texts for the trace. What differs between two runs of one seed (ciphertext, salts that a library draws,
/// signatures) has no place in them; neither have secrets.
enum Summary {
    /// The start line of a SIP message.
    static func firstLine(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix { $0 != 13 }, as: UTF8.self)
    }

    static func of(_ command: StoreCommand) -> String {
        switch command {
        case .replaceSettings: "settings"
        case .setSwitch(let name, let isOn): "switch:\(name.rawValue)=\(isOn)"
        case .putPairing(let record): "pairing:\(record.stage.rawValue)"
        case .erasePairing: "erase-pairing"
        case .putBackupKey: "backup-key"
        case .eraseBackupKey: "erase-backup-key"
        case .putBackup(let record): "backup:\(record.uploaded ? "uploaded" : "made")"
        case .removeBackup: "remove-backup"
        case .putBackupPlan(let plan): "backup-plan:\(plan.lastSlot)"
        case .putProvisioningToken(let record): "token:\(record.extension)"
        case .removeProvisioningToken: "remove-token"
        case .appendCallRecord(let record): "call:\(record.callDataID)"
        case .appendLedger(let entry): "ledger:\(entry.sequence):\(entry.flow.rawValue):\(entry.result)"
        case .appendProvisioningLog(let entry): "provisioning-log:\(entry.network)"
        case .pruneProvisioningLog: "prune-provisioning-log"
        case .appendLedgerCheckpoint(let checkpoint): "ledger-signed:\(checkpoint.sequence)"
        case .pruneCallRecords: "prune-call-records"
        case .replaceBindings(let aor, let bindings): "bindings:\(aor):\(bindings.count)"
        case .putUserFeatures(let number, _): "features:\(number)"
        case .putNightSwitch(let isOn): "night:\(isOn)"
        case .putServiceState: "service-state"
        }
    }

    static func of(_ outcome: StoreOutcome) -> String {
        switch outcome {
        case .committed: "committed"
        case .failed(let failure): "failed (\(failure))"
        }
    }

    static func of(_ job: Job) -> String {
        switch job {
        case .hashPassword: "hash-password"
        case .verifyPassword: "verify-password"
        case .makeBackupKey: "make-backup-key"
        case .makeBackup: "make-backup"
        case .discardArtifact: "discard-artifact"
        case .readLedger(let cursor, _): "read-ledger after \(cursor)"
        case .readCallRecords(let cursor, _): "read-call-records after \(cursor)"
        case .readLedgerCheckpoints(let cursor, _): "read-ledger-signatures after \(cursor)"
        case .signLedger(let sequence, _, _): "sign-ledger \(sequence)"
        case .handOverUpdate(let manifest): "hand-over \(manifest.version)"
        case .removeCrashReport(let id): "remove-crash-report \(id)"
        }
    }

    static func of(_ command: AdminCommand) -> String {
        switch command {
        case .setSwitch(let name, let isOn): "switch \(name.rawValue) \(isOn ? "on" : "off")"
        case .enterPairingCode: "enter-pairing-code"
        case .setBackupPassword: "set-backup-password"
        case .makeProvisioningToken(let number): "provision \(number)"
        case .resync(let number, let reboots): "resync \(number)\(reboots ? " with a restart" : "")"
        case .ledger(let cursor): "ledger after \(cursor)"
        case .ledgerCheckpoints(let cursor): "ledger signatures after \(cursor)"
        case .callRecords(let cursor): "records after \(cursor)"
        case .applySettings: "apply-settings"
        case .backupDrilled(_, let outcome): "drilled \(outcome)"
        case .planBackups: "plan-backups"
        case .status, .deleteBackupPassword, .backUpNow, .listBackups, .permitRestore, .calls, .privacy,
            .showBackupPlan, .recoverySheet:
            "\(command)"
        case .applications: "applications"
        case .update(let command): "update \(command)"
        case .crashReports(let command): "crash-reports \(command)"
        case .remoteAccess(let command): "remote-access \(command)"
        }
    }

    static func of(_ reply: AdminReply) -> String {
        switch reply {
        case .done(let text): "done: \(text)"
        case .status(let status): "status \(status.pairing) \(status.registrations)/\(status.users) \(status.calls)"
        case .backup: "backup"
        case .backups(let list): "\(list.count) backups"
        case .backupPlan(let report): "plan, next \(report.nextAt?.rfc3339 ?? "never")"
        case .recoverySheet: "recovery-sheet"
        case .restorePermit: "restore-permit"
        case .provisioningToken(_, let number): "token for \(number)"
        case .calls(let list): "\(list.count) calls"
        case .ledger(let entries): "\(entries.count) ledger entries"
        case .callRecords(let records): "\(records.count) records"
        case .ledgerCheckpoints(let list): "\(list.count) ledger signatures"
        case .privacy(let flows, let isStrict): "\(flows.count) flows\(isStrict ? ", strict" : "")"
        case .messages(let list): "\(list.count) voice messages"
        case .rooms(let list): "\(list.count) rooms"
        case .queues(let list): "\(list.count) queues"
        case .update(let status): "update \(status.phase.rawValue) \(status.offer?.version ?? "none")"
        case .crashReports(let list): "\(list.reports.count) crash reports"
        case .remoteAccess(let status): "remote access \(status.state)"
        case .refused(let status, let detail): "refused \(status): \(detail)"
        }
    }

    static func of(_ reply: ServiceReply) -> String {
        switch reply {
        case .noContent: "204"
        case .deviceState(let state, _):
            "state \(state.registeredUsers) registered \(state.services.joined(separator: "+"))"
        case .provisioningFile: "provisioning file"
        case .callDataStream: "call data stream"
        case .adminSession: "session"
        case .problem(let status, let title, _): "\(status) \(title)"
        }
    }

    static func of(_ reply: CloudReply) -> String {
        switch reply {
        case .accepted: "accepted"
        case .serviceStatus(let status): "service \(status.available ? "available" : "unavailable")"
        case .backups(let list): "\(list.count) backups"
        case .update(let manifest, _): "manifest of \(manifest.version)"
        case .refused(let status, let detail, _): "refused \(status): \(detail)"
        case .unreachable(let reason): "unreachable: \(reason)"
        }
    }
}
