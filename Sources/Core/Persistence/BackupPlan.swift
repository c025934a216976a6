package import Primitives

/// What a backup can hold; the owner chooses (Q11: a manifest names exactly what a backup holds).
package enum BackupPart: String, Sendable, Hashable, CaseIterable {
    /// Users, groups, trunks and settings; in every backup.
    case configuration
    /// Call records; only when the owner asks for them.
    case callHistory = "call-history"

    /// As the archive names it.
    package var fileName: String { "\(rawValue).sqlite" }
}

/// When backups make themselves, what they hold, and when the owner is asked for the password again.
package struct BackupPlan: Sendable, Equatable {
    /// Between two scheduled backups; nil: there is no schedule.
    package var interval: Duration?
    /// When the schedule was switched on: intervals are counted from here, whenever the appliance starts.
    package var phase = UnixTime(milliseconds: 0)
    /// The interval whose backup is at the server; 0: none since the schedule was switched on.
    package var lastSlot: Int64 = 0
    /// In the order of `BackupPart.allCases`, without repetition.
    package var parts: [BackupPart] = [.configuration]
    /// So long after the password was last typed it is asked for again; nil: never.
    package var reminderInterval: Duration? = BackupPlan.defaultReminderInterval
    /// When the password of the present key was last typed, and was right.
    package var passwordSeenAt: UnixTime?

    package static let shortestInterval = Duration.seconds(3_600)
    package static let longestInterval = Duration.seconds(366 * 86_400)
    package static let defaultReminderInterval = Duration.seconds(90 * 86_400)

    package init() {}

    /// Which interval `wall` lies in, counted from the switch-on; nil without a schedule or before its beginning, which
    /// a clock that was set back looks like.
    package func slot(at wall: UnixTime) -> Int64? {
        guard let interval, interval >= .milliseconds(1), wall >= phase else { return nil }
        return (wall - phase).wholeMilliseconds / interval.wholeMilliseconds
    }

    /// The interval whose backup is owed; nil when none is.
    package func dueSlot(at wall: UnixTime) -> Int64? {
        guard let slot = slot(at: wall), slot > lastSlot else { return nil }
        return slot
    }

    /// When the next interval begins whose backup is not made yet; nil without a schedule.
    package func next(after wall: UnixTime) -> UnixTime? {
        guard let interval else { return nil }
        let slot = max(lastSlot, slot(at: wall) ?? 0) + 1
        return phase + .milliseconds(interval.wholeMilliseconds * slot)
    }
}

/// What a restore drill came to: the backup was decrypted, restored into a scratch copy, and the copy tested itself.
package struct BackupProof: Sendable, Hashable {
    package var at: UnixTime
    /// Why the backup is worthless; nil: it is green.
    package var failure: String?
    package init(at: UnixTime, failure: String?) {
        self.at = at
        self.failure = failure
    }
}
