import Persistence
package import Primitives
package import Settings

/// The test that a restored copy has to pass before it may be trusted: an appliance is started on it, in memory, with
/// every switch off, and asked whether it serves what it was given.
package enum SelfTest {
    /// What is wrong, a sentence each; empty: passed. Nothing is sent, stored or kept.
    package static func findings(
        of settings: ApplianceSettings, hashes: any HashFunctions, limits: Limits = Limits()
    ) -> [String] {
        var findings: [String] = []
        if settings.users.count > limits.users {
            findings.append("\(settings.users.count) users, limit \(limits.users)")
        }
        var numbers: Set<String> = []
        for number in settings.users.map(\.extension) + settings.groups.map(\.extension) {
            if !numbers.insert(number).inserted { findings.append("extension \(number) is there twice") }
        }
        for user in settings.users where user.password.count == 0 {
            findings.append("user \(user.extension) has no password")
        }
        let users = Set(settings.users.map(\.extension))
        for group in settings.groups {
            for member in group.members where !users.contains(member) {
                findings.append("group \(group.extension) has the member \(member), who is no user")
            }
        }
        return findings.isEmpty ? boot(settings, hashes: hashes, limits: limits) : findings
    }

    private static func boot(
        _ settings: ApplianceSettings, hashes: any HashFunctions, limits: Limits
    ) -> [String] {
        var snapshot = StoreSnapshot()
        snapshot.settings = settings
        let now = Instant.origin
        var core = ApplianceCore(
            snapshot: snapshot, serial: "SELF-TEST", model: "self-test", firmwareVersion: "0",
            hashes: hashes, entropy: Entropy(SeededGenerator(seed: 1)), limits: limits, at: now,
            wall: UnixTime(seconds: 0))
        let effects = core.start(at: now) + core.handle(.admin(AdminRequestID(1), .status), at: now)
        var findings: [String] = []
        for effect in effects {
            switch effect {
            case .egress, .openUplink, .sipTransmit: findings.append("it sends something although every switch is off")
            case .adminReply(_, .status(let status)) where status.users == settings.users.count: return findings
            case .adminReply(_, .status(let status)):
                findings.append("\(settings.users.count) users are configured, \(status.users) are served")
                return findings
            default: continue
            }
        }
        return findings + ["it does not answer for its status"]
    }
}
