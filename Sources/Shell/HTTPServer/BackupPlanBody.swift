import ApplianceCore
import Persistence
import Primitives

/// Which backup is put to the proof; without an id the newest one.
struct BackupProofRequestBody: Codable {
    var id: String?
    var password: String
}

/// What an administrator changes; what is absent stays.
struct BackupPlanChangeBody: Codable {
    /// Between two scheduled backups; 0 switches the schedule off, anything else switches it on now.
    var everyHours: Int?
    var parts: [String]?
    /// After how many days the password is asked for again; 0: never.
    var reminderDays: Int?

    func change() throws(AdminProblem) -> BackupPlanChange {
        var change = BackupPlanChange()
        if let hours = everyHours {
            guard (0...24 * 366).contains(hours) else {
                throw AdminProblem(status: 400, detail: "everyHours is 1 to 8784, or 0 for no schedule")
            }
            change.schedule = hours == 0 ? .off : .every(.seconds(Int64(hours) * 3_600))
        }
        if let names = parts {
            var chosen: [BackupPart] = []
            for name in names {
                guard let part = BackupPart(rawValue: name) else {
                    let known = BackupPart.allCases.map(\.rawValue).joined(separator: ", ")
                    throw AdminProblem(status: 400, detail: "no part '\(name)'; there are \(known)")
                }
                chosen.append(part)
            }
            change.parts = chosen
        }
        if let days = reminderDays {
            guard (0...366).contains(days) else {
                throw AdminProblem(status: 400, detail: "reminderDays is 1 to 366, or 0 for no reminder")
            }
            change.reminderInterval = .seconds(Int64(days) * 86_400)
        }
        return change
    }
}

/// The plan in force.
struct BackupPlanBody: Codable {
    var everyHours: Int?
    /// When the schedule was switched on: its phase.
    var since: String?
    var next: String?
    var parts: [String]
    var reminderDays: Int?
    var passwordSeenAt: String?
    var keyId: String?
    var reminder: String?

    init(_ report: BackupPlanReport) {
        let plan = report.plan
        everyHours = plan.interval.map { Int($0.wholeMilliseconds / 3_600_000) }
        since = plan.interval.map { _ in plan.phase.rfc3339 }
        next = report.nextAt?.rfc3339
        parts = plan.parts.map(\.rawValue)
        reminderDays = plan.reminderInterval.map { Int($0.wholeMilliseconds / 86_400_000) }
        passwordSeenAt = plan.passwordSeenAt?.rfc3339
        keyId = report.keyID
        reminder = report.reminder
    }
}
