import Backup
import CloudMessages
package import Persistence
package import Primitives
import PrivacyContract
import Settings

/// What an administrator changes about backups that make themselves; what is nil stays as it is.
package struct BackupPlanChange: Sendable, Equatable {
    package enum Schedule: Sendable, Hashable {
        case off
        /// Switched on now: this moment is the phase.
        case every(Duration)
    }
    package var schedule: Schedule?
    package var parts: [BackupPart]?
    /// Zero: never ask for the password again.
    package var reminderInterval: Duration?
    package init(schedule: Schedule? = nil, parts: [BackupPart]? = nil, reminderInterval: Duration? = nil) {
        self.schedule = schedule
        self.parts = parts
        self.reminderInterval = reminderInterval
    }
}

/// The plan as `pbxctl backup plan` shows it.
package struct BackupPlanReport: Sendable, Equatable {
    package var plan: BackupPlan
    /// When the next scheduled backup is made; nil: none is.
    package var nextAt: UnixTime?
    package var keyID: String?
    package var reminder: String?
    package init(plan: BackupPlan, nextAt: UnixTime?, keyID: String?, reminder: String?) {
        self.plan = plan
        self.nextAt = nextAt
        self.keyID = keyID
        self.reminder = reminder
    }
}

/// The backup plan at work: schedule, list, proof and reminder (F-C8).
extension ConnectedServices {
    /// A scheduled backup that failed is tried again after so long.
    static let scheduleRetry = Duration.seconds(900)
    /// So many backups are listed when the server does not say how many it keeps.
    static let listedBackups = 100

    // MARK: Plan

    mutating func planBackups(_ change: BackupPlanChange, _ id: AdminRequestID) {
        var plan = plan
        switch change.schedule {
        case .off: plan.interval = nil
        case .every(let interval):
            guard (BackupPlan.shortestInterval...BackupPlan.longestInterval).contains(interval) else {
                return reply(id, .refused(status: 400, detail: "a schedule's interval is an hour to 366 days"))
            }
            plan.interval = interval
            plan.phase = wall
            plan.lastSlot = 0
        case nil: break
        }
        if let parts = change.parts {
            guard parts.contains(.configuration) else {
                let detail = "a backup without 'configuration' restores nothing; name it, too"
                return reply(id, .refused(status: 400, detail: detail))
            }
            plan.parts = BackupPart.allCases.filter { parts.contains($0) }
        }
        if let interval = change.reminderInterval {
            guard interval >= .zero, interval <= BackupPlan.longestInterval else {
                return reply(id, .refused(status: 400, detail: "a reminder comes within 366 days, or never (0)"))
            }
            plan.reminderInterval = interval > .zero ? interval : nil
        }
        store([.putBackupPlan(plan)], then: .backupPlan(plan, id))
    }

    mutating func planStored(_ plan: BackupPlan, _ id: AdminRequestID, _ outcome: StoreOutcome) {
        if case .failed(let failure) = outcome { return refuse(id, failure) }
        // A password that was typed meanwhile stays typed.
        let seenAt = self.plan.passwordSeenAt
        self.plan = plan
        self.plan.passwordSeenAt = seenAt
        scheduleRetryAt = .origin
        reply(id, .backupPlan(planReport))
    }

    var planReport: BackupPlanReport {
        BackupPlanReport(
            plan: plan, nextAt: switches[.backup] == true ? plan.next(after: wall) : nil, keyID: backupKey?.keyID,
            reminder: backupReminder)
    }

    var backupReminder: String? {
        BackupReminder.text(
            plan: plan, isOptionOn: switches[.backup] == true, key: backupKey, newest: backups.last, at: wall)
    }

    // MARK: Schedule

    /// Begins the backup that is owed; an interval that the appliance slept through is made up for once.
    mutating func reviewSchedule() {
        guard plan.interval != nil, switches[.backup] == true, settings.cloud.backup != nil, let backupKey, !isDraining
        else {
            scheduleAt = nil
            return
        }
        guard let slot = plan.dueSlot(at: wall) else {
            scheduledSlot = backup.isBusy ? scheduledSlot : nil
            // A clock that was set back puts it off; no deadline is further away than this, so that a set clock is noticed.
            scheduleAt = plan.next(after: wall).map { now + min(max($0 - wall, .seconds(1)), .seconds(86_400)) }
            return
        }
        guard now >= scheduleRetryAt, !backup.isBusy else {
            scheduleAt = max(scheduleRetryAt, now + .seconds(60))
            return
        }
        scheduledSlot = slot
        scheduleRetryAt = now + Self.scheduleRetry
        scheduleAt = scheduleRetryAt
        inbox.append(
            .backup(
                .begin(
                    BackupOrder(
                        isOptionOn: true, hasServer: true, key: backupKey, trigger: .schedule, requester: nil,
                        parts: plan.parts))))
    }

    /// The list as it is with what is being stored; what has to be stored beside it. The server's retention decides what
    /// really exists.
    mutating func remember(_ commands: [StoreCommand], retainedCount: Int) -> [StoreCommand] {
        var more: [StoreCommand] = []
        for case .putBackup(let record) in commands {
            backups.removeAll { $0.entry.id == record.entry.id }
            backups.append(record)
        }
        let limit = retainedCount > 0 ? min(retainedCount, Self.listedBackups) : Self.listedBackups
        while backups.count > limit { more.append(.removeBackup(id: backups.removeFirst().entry.id)) }
        if let slot = scheduledSlot {
            scheduledSlot = nil
            plan.lastSlot = slot
            more.append(.putBackupPlan(plan))
        }
        return more
    }

    // MARK: Proof

    /// A drill that the shell made with the owner's password. Only one that was really restored makes a backup green.
    mutating func backupDrilled(_ backup: String, _ outcome: DrillOutcome, _ id: AdminRequestID) {
        guard var record = backups.first(where: { $0.entry.id == backup }) else {
            return reply(id, .refused(status: 404, detail: "no backup \(backup); see 'pbxctl backup list'"))
        }
        var plan = plan
        switch outcome {
        case .wrongPassword:
            let detail = "the password does not open backup \(backup); an old backup needs the password of its day"
            return reply(id, .refused(status: 403, detail: detail))
        case .failed(let reason): record.proof = BackupProof(at: wall, failure: reason)
        case .passed:
            record.proof = BackupProof(at: wall, failure: nil)
            if record.entry.keyID == backupKey?.keyID { plan.passwordSeenAt = wall }
        }
        store([.putBackup(record), .putBackupPlan(plan)], then: .backupDrill(record, plan, id))
    }

    mutating func drillStored(
        _ record: BackupRecord, _ plan: BackupPlan, _ id: AdminRequestID, _ outcome: StoreOutcome
    ) {
        if case .failed(let failure) = outcome { return refuse(id, failure) }
        self.plan.passwordSeenAt = plan.passwordSeenAt
        if let index = backups.firstIndex(where: { $0.entry.id == record.entry.id }) { backups[index] = record }
        if let reason = record.proof?.failure {
            return reply(
                id, .refused(status: 422, detail: "backup \(record.entry.id) cannot be restored: \(reason)"))
        }
        reply(
            id, .done("backup \(record.entry.id) is green: decrypted, restored into a scratch copy, self-test passed"))
    }

    mutating func recoverySheet(_ language: String, _ id: AdminRequestID) {
        guard let backupKey else {
            return reply(id, .refused(status: 404, detail: "no backup password is set"))
        }
        reply(
            id, .recoverySheet(RecoverySheet.text(key: backupKey, serial: serial, at: wall, language: language)))
    }
}
