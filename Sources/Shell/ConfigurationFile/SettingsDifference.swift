import Primitives
package import Settings

/// What applying a configuration would change: the answer of a dry run. Passwords show as changed, never as text.
package struct SettingsDifference: Sendable, Equatable {
    package enum Change: Sendable, Equatable {
        case added(String, String)
        case removed(String, String)
        case changed(String, from: String, to: String)
    }

    /// Sorted by key.
    package let changes: [Change]

    package init(from old: ApplianceSettings, to new: ApplianceSettings) {
        let before = Self.lines(of: old)
        let after = Self.lines(of: new)
        var changes: [Change] = []
        for key in Set(before.keys).union(after.keys).sorted() {
            switch (before[key], after[key]) {
            case (let value?, nil): changes.append(.removed(key, value))
            case (nil, let value?): changes.append(.added(key, value))
            case (let one?, let other?) where one != other: changes.append(.changed(key, from: one, to: other))
            default: break
            }
        }
        let passwords = Dictionary(old.users.map { ($0.extension, $0.password) }) { first, _ in first }
        for user in new.users {
            guard let password = passwords[user.extension], !password.matches(user.password) else { continue }
            changes.append(.changed("users.\(user.extension).password", from: "<secret>", to: "<another secret>"))
        }
        let trunkPasswords = Dictionary(old.trunks.map { ($0.name, $0.password) }) { first, _ in first }
        for trunk in new.trunks {
            // A password that comes or goes with its trunk needs no line of its own.
            guard let password = trunkPasswords[trunk.name], password != trunk.password else { continue }
            changes.append(
                .changed(
                    "trunks.\(trunk.name).password", from: password == nil ? "<none>" : "<secret>",
                    to: trunk.password == nil ? "<none>" : "<another secret>"))
        }
        changes += Self.pinChanges(from: old, to: new)
        self.changes = changes
    }

    private static let deskPIN = "desk_pin"

    /// PINs that differ, which the lines hide.
    private static func pinChanges(from old: ApplianceSettings, to new: ApplianceSettings) -> [Change] {
        func pins(_ all: ApplianceSettings) -> [String: Secret] {
            var pins: [String: Secret] = [:]
            for user in all.users {
                pins["users.\(user.extension).features.\(deskPIN)"] = user.features.deskPIN.map { Secret($0) }
            }
            let settings = all.applications
            for box in settings.voicemail.boxes { pins["applications.box.\(box.extension).pin"] = box.pin }
            for room in settings.rooms {
                pins["applications.room.\(room.extension).pin"] = room.pin
                pins["applications.room.\(room.extension).host_pin"] = room.hostPIN
            }
            return pins
        }
        let (before, after) = (pins(old), pins(new))
        return before.keys.sorted().compactMap { key in
            guard let one = before[key], let other = after[key], !one.matches(other) else { return nil }
            return .changed(key, from: "<secret>", to: "<another secret>")
        }
    }

    package var isEmpty: Bool { changes.isEmpty }

    /// One line each, as a diff: `+ key: value`, `- key: value`, `~ key: old -> new`.
    package var text: [String] {
        changes.map {
            switch $0 {
            case .added(let key, let value): "+ \(key): \(value)"
            case .removed(let key, let value): "- \(key): \(value)"
            case .changed(let key, let from, let to): "~ \(key): \(from) -> \(to)"
            }
        }
    }

    private static func lines(of settings: ApplianceSettings) -> [String: String] {
        var lines = [
            "appliance.edition": settings.edition.rawValue,
            "sip.protection.enabled": "\(settings.sip.protectionEnabled)",
            "sip.realm": settings.sip.realm,
            "media.address": "\(settings.media.address)",
            "media.ports": "\(settings.media.ports.lowerBound)-\(settings.media.ports.upperBound)",
            "media.country": settings.media.country.rawValue,
            "media.opus_complexity": settings.media.opusComplexity.map { "\($0)" } ?? "auto",
            "media.workers": settings.media.workers.map { "\($0)" } ?? "auto",
            "media.realtime": "\(settings.media.isRealtime)",
            "media.cpu_share": "\(settings.media.cpuShare)",
            "media.srtp": settings.media.security.rawValue,
            "media.backend": settings.media.backend.rawValue,
            "media.rtpengine.address": "\(settings.media.rtpengine)",
            "media.comfort_noise": "\(settings.media.comfortNoise)",
            "cloud.monitoring_interval": "\(settings.cloud.monitoringInterval.components.seconds)",
            "call_records.retention_days": "\(settings.records.retentionDays)",
            "call_records.hidden_digits": "\(settings.records.hiddenDigits)",
        ]
        for (index, listener) in settings.sip.listeners.enumerated() {
            let endpoint = Endpoint(address: listener.listen.address, port: listener.listen.port)
            lines["sip.listen[\(index)]"] = "\(listener.transport.rawValue) \(endpoint)"
        }
        lines["media.advertised"] = settings.media.advertised.map { "\($0)" }
        lines["sip.calls"] = settings.sip.calls.map { "\($0)" }
        lines["https.listen"] = settings.https.map { "\(Endpoint(address: $0.address, port: $0.port))" }
        lines["features.echo"] = settings.features.echo
        if !settings.features.conferences.isEmpty {
            lines["features.conferences"] = settings.features.conferences.joined(separator: " ")
        }
        lines["features.music_on_hold"] = "\(settings.features.musicOnHold)"
        for field in settings.features.office.fields { lines["features.\(field.name)"] = field.value }
        lines["cloud.relay"] = settings.cloud.relay
        lines["cloud.control_center"] = settings.cloud.controlCenter
        lines["cloud.backup"] = settings.cloud.backup
        lines["cloud.monitoring"] = settings.cloud.monitoring
        lines["cloud.update"] = settings.cloud.update
        lines["cloud.crash"] = settings.cloud.crash
        lines["cloud.remote_access"] = settings.cloud.remoteAccess
        lines["privacy.strict"] = "\(settings.privacy.isStrict)"
        for user in settings.users {
            lines["users.\(user.extension)"] = user.name
            lines["users.\(user.extension).caller_number"] = user.callerNumber
            for field in user.features.fields {
                let isSecret = field.name == deskPIN
                lines["users.\(user.extension).features.\(field.name)"] = isSecret ? "<secret>" : field.value
            }
        }
        for group in settings.groups {
            lines["groups.\(group.extension)"] =
                "\(group.name), \(group.strategy.rawValue), members \(group.members.joined(separator: " "))"
            for field in group.fields { lines["groups.\(group.extension).\(field.name)"] = field.value }
        }
        describeTrunks(of: settings, in: &lines)
        if settings.applications != ApplicationSettings() {
            for (key, value) in settings.applications.lines { lines[key] = value }
        }
        return lines
    }

    private static func describeTrunks(of settings: ApplianceSettings, in lines: inout [String: String]) {
        let numbering = settings.numbering
        lines["numbering.country_code"] = numbering.countryCode
        lines["numbering.international_prefix"] = numbering.internationalPrefix
        lines["numbering.national_prefix"] = numbering.nationalPrefix
        lines["numbering.area_code"] = numbering.areaCode
        lines["numbering.national_digits"] = numbering.nationalDigits.map { String($0) }
        lines["numbering.outside_prefix"] = numbering.outsidePrefix
        if !settings.outgoing.emergencyNumbers.isEmpty {
            lines["outgoing.emergency"] = settings.outgoing.emergencyNumbers.joined(separator: " ")
        }
        for rule in settings.outgoing.rules {
            lines["outgoing.rules.\(rule.prefix)"] =
                rule.trunks.isEmpty ? "barred" : rule.trunks.joined(separator: " ")
        }
        for (index, trunk) in settings.trunks.enumerated() {
            lines["trunks.\(trunk.name)"] = "number \(index + 1)"
            for field in trunk.fields { lines["trunks.\(trunk.name).\(field.name)"] = field.value }
            for number in trunk.numbers {
                lines["trunks.\(trunk.name).numbers.\(number.number)"] = number.destination
            }
        }
    }
}
