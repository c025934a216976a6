import Primitives
import Settings

/// Settings as lines of text and back: what a simulated backup holds. The real appliance backs its database up; here it
/// is enough that every value that a scenario changes goes out and comes back.
enum ConfigurationText {
    static func write(_ settings: ApplianceSettings) -> String {
        var lines: [[String]] = [
            ["edition", settings.edition.rawValue], ["realm", settings.sip.realm],
            ["protection", String(settings.sip.protectionEnabled)],
            ["country", settings.media.country.rawValue],
            ["conferences", settings.features.conferences.joined(separator: " ")],
            ["music-on-hold", String(settings.features.musicOnHold)], ["media-address", "\(settings.media.address)"],
            ["monitoring-interval", String(settings.cloud.monitoringInterval.wholeMilliseconds)],
            ["records", String(settings.records.retentionDays), String(settings.records.hiddenDigits)],
        ]
        if !settings.privacy.isStrict { lines.append(["strict", "false"]) }
        let optional: [(String, String?)] = [
            ("echo", settings.features.echo), ("relay", settings.cloud.relay),
            ("control-center", settings.cloud.controlCenter), ("backup", settings.cloud.backup),
            ("monitoring", settings.cloud.monitoring), ("update", settings.cloud.update),
            ("crash", settings.cloud.crash), ("remote-access", settings.cloud.remoteAccess),
        ]
        for (key, value) in optional { if let value { lines.append([key, value]) } }
        for user in settings.users {
            let password = user.password.withBytes { String(decoding: $0, as: UTF8.self) }
            lines.append(["user", user.extension, user.name, password])
        }
        for group in settings.groups { lines.append(["group", group.extension, group.name] + group.members) }
        return lines.map { $0.joined(separator: "\t") + "\n" }.joined()
    }

    /// Nil for a line that `write` does not make.
    static func read(_ text: String) -> ApplianceSettings? {
        var settings = ApplianceSettings()
        for line in text.split(separator: "\n") {
            let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard words.count >= 2, read(words, into: &settings) else { return nil }
        }
        return settings
    }

    private static func read(_ words: [String], into settings: inout ApplianceSettings) -> Bool {
        switch words[0] {
        case "edition": settings.edition = ApplianceSettings.Edition(rawValue: words[1]) ?? .next
        case "realm": settings.sip.realm = words[1]
        case "protection": settings.sip.protectionEnabled = words[1] == "true"
        case "media-address": settings.media.address = IPAddress(words[1]) ?? .loopbackV4
        case "monitoring-interval": settings.cloud.monitoringInterval = .milliseconds(Int64(words[1]) ?? 0)
        case "strict": settings.privacy.isStrict = words[1] == "true"
        case "records" where words.count == 3:
            settings.records.retentionDays = Int(words[1]) ?? 90
            settings.records.hiddenDigits = Int(words[2]) ?? 0
        case "echo": settings.features.echo = words[1]
        case "country": settings.media.country = MediaSettings.Country(rawValue: words[1]) ?? .itu
        case "conferences": settings.features.conferences = words[1].split(separator: " ").map(String.init)
        case "music-on-hold": settings.features.musicOnHold = words[1] == "true"
        case "relay": settings.cloud.relay = words[1]
        case "control-center": settings.cloud.controlCenter = words[1]
        case "backup": settings.cloud.backup = words[1]
        case "monitoring": settings.cloud.monitoring = words[1]
        case "update": settings.cloud.update = words[1]
        case "crash": settings.cloud.crash = words[1]
        case "remote-access": settings.cloud.remoteAccess = words[1]
        case "user" where words.count == 4:
            settings.users.append(UserSettings(extension: words[1], name: words[2], password: Secret(words[3])))
        case "group" where words.count >= 3:
            settings.groups.append(
                GroupSettings(extension: words[1], name: words[2], strategy: .all, members: Array(words[3...])))
        default: return false
        }
        return true
    }
}
