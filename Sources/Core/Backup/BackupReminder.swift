import CloudMessages
package import Persistence
package import Primitives

/// What the owner has to be told about backups: that a password is missing, or that it has not been typed for so long that
/// perhaps nobody knows it any more.
///
/// The appliance cannot read its own backups (X7); only a person with the password can prove one.
package enum BackupReminder {
    /// One sentence with what to do; nil when all is well.
    ///
    /// - Parameter newest: the newest backup of the own list.
    package static func text(
        plan: BackupPlan, isOptionOn: Bool, key: BackupKeyRecord?, newest: BackupRecord?, at wall: UnixTime
    ) -> String? {
        guard isOptionOn else { return nil }
        guard let key else {
            return "backups are on, but no password is set: none is made; run 'pbxctl backup password'"
        }
        if let newest, newest.state == .failed {
            let reason = newest.proof?.failure ?? "no reason was given"
            return "backup \(newest.entry.id) cannot be restored (\(reason)); make another one, and prove it"
        }
        guard let reminderInterval = plan.reminderInterval else { return nil }
        guard let seenAt = plan.passwordSeenAt else {
            return "nobody has shown yet that the backup password is known; run 'pbxctl backup prove' and type it"
        }
        if wall - seenAt >= reminderInterval {
            return
                "the backup password was last typed on \(seenAt.rfc3339.prefix(10)); run 'pbxctl backup prove' and type "
                + "it: without it no backup of key \(key.keyID) can be read, by anybody"
        }
        return nil
    }
}

/// What a drill found out, as the shell reports it.
package enum DrillOutcome: Sendable, Equatable {
    /// Decrypted, restored into a scratch copy, and the copy passed its self-test.
    case passed
    /// The backup is worthless, for this reason.
    case failed(String)
    /// The password does not open it: the backup may be sound, the password is not the one of its day.
    case wrongPassword
}
