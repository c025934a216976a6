import GRDB
import Persistence
import Primitives
import Settings

/// Users, groups and settings in their tables, the part of the database that a backup holds.
enum SettingsTables {
    /// Puts `settings` in the place of those that are there. Beside them, what only firmware of another version knows is
    /// kept: that version may come back.
    static func replace(_ settings: ApplianceSettings, in database: Database) throws {
        // Where this version cannot read its own settings, there is nothing of others' to go by.
        let foreign = (try? scalars(database))?.foreign ?? []
        let foreignFields = try TrunkTables.foreignFields(database)
        for table in Schema.trunkTableNames + ["group_member", "call_group", "user", "listener", "setting"] {
            try database.execute(sql: "DELETE FROM \(table)")
        }
        for (name, value) in values(of: settings) + foreign {
            try database.execute(sql: "INSERT INTO setting (name, value) VALUES (?, ?)", arguments: [name, value])
        }
        for (position, listener) in settings.sip.listeners.enumerated() {
            try database.execute(
                sql: "INSERT INTO listener (position, transport, address, port) VALUES (?, ?, ?, ?)",
                arguments: [
                    position, listener.transport.rawValue, listener.listen.address.description,
                    Int(listener.listen.port),
                ])
        }
        for (position, user) in settings.users.enumerated() {
            try database.execute(
                sql: "INSERT INTO user (extension, position, name, password) VALUES (?, ?, ?, ?)",
                arguments: [user.extension, position, user.name, user.password.blob])
        }
        for (position, group) in settings.groups.enumerated() {
            try database.execute(
                sql: "INSERT INTO call_group (extension, position, name, strategy) VALUES (?, ?, ?, ?)",
                arguments: [group.extension, position, group.name, group.strategy.rawValue])
            for (index, member) in group.members.enumerated() {
                try database.execute(
                    sql: "INSERT INTO group_member (group_extension, position, extension) VALUES (?, ?, ?)",
                    arguments: [group.extension, index, member])
            }
        }
        try TrunkTables.insert(settings, in: database)
        try TrunkTables.putBack(foreignFields, in: database)
        try FeatureTables.insert(settings, in: database)
    }

    /// Settings that only firmware of another version knows are passed over. Throws `StoreFailure.damaged` for a value that
    /// no firmware of this version writes.
    static func read(_ database: Database) throws -> ApplianceSettings {
        var settings = try scalars(database).settings
        for row in try Row.fetchAll(database, sql: "SELECT transport, address, port FROM listener ORDER BY position") {
            let listen = ListenAddress(
                address: try address(row["address"], of: "listener"), port: try port(row["port"]))
            settings.sip.listeners.append(
                .init(transport: try decoded(row["transport"], of: "listener.transport"), listen: listen))
        }
        for row in try Row.fetchAll(database, sql: "SELECT extension, name, password FROM user ORDER BY position") {
            settings.users.append(
                UserSettings(extension: row["extension"], name: row["name"], password: Secret(row.bytes("password"))))
        }
        let members = Dictionary(
            grouping: try Row.fetchAll(
                database,
                sql: "SELECT group_extension, extension FROM group_member ORDER BY group_extension, position"),
            by: { $0["group_extension"] as String })
        for row in try Row.fetchAll(database, sql: "SELECT extension, name, strategy FROM call_group ORDER BY position")
        {
            let number: String = row["extension"]
            settings.groups.append(
                GroupSettings(
                    extension: number, name: row["name"], strategy: try decoded(row["strategy"], of: "group.strategy"),
                    members: (members[number] ?? []).map { $0["extension"] }))
        }
        for row in try Row.fetchAll(database, sql: "SELECT name, value FROM setting ORDER BY name") {
            _ = try FeatureTables.read(row["name"], row["value"], into: &settings)
        }
        // A configuration from before there were trunks has no tables for them.
        if try database.tableExists("trunk") { try TrunkTables.read(database, into: &settings) }
        return settings
    }

    private static func values(of settings: ApplianceSettings) -> [(String, String)] {
        var values = [
            ("edition", settings.edition.rawValue),
            ("sip.protection", settings.sip.protectionEnabled ? "true" : "false"),
            ("sip.realm", settings.sip.realm),
            ("media.address", settings.media.address.description),
            ("media.ports.first", String(settings.media.ports.lowerBound)),
            ("media.ports.last", String(settings.media.ports.upperBound)),
            ("media.cpu_share", String(settings.media.cpuShare)),
            ("media.realtime", settings.media.isRealtime ? "true" : "false"),
            ("media.srtp", settings.media.security.rawValue),
            ("media.country", settings.media.country.rawValue),
            ("features.conferences", settings.features.conferences.joined(separator: " ")),
            ("features.music_on_hold", settings.features.musicOnHold ? "true" : "false"),
            ("media.backend", settings.media.backend.rawValue),
            ("media.rtpengine.address", settings.media.rtpengine.description),
            ("cloud.monitoring_interval_milliseconds", String(settings.cloud.monitoringInterval.wholeMilliseconds)),
            ("media.comfort_noise", settings.media.comfortNoise ? "true" : "false"),
            ("call_records.retention_days", String(settings.records.retentionDays)),
            ("call_records.hidden_digits", String(settings.records.hiddenDigits)),
        ]
        if let https = settings.https {
            values += [("https.address", https.address.description), ("https.port", String(https.port))]
        }
        let optional: [(String, String?)] = [
            ("sip.calls", settings.sip.calls.map { String($0) }),
            ("media.opus_complexity", settings.media.opusComplexity.map { String($0) }),
            ("media.workers", settings.media.workers.map { String($0) }),
            ("features.echo", settings.features.echo), ("cloud.relay", settings.cloud.relay),
            ("cloud.control_center", settings.cloud.controlCenter), ("cloud.backup", settings.cloud.backup),
            ("cloud.monitoring", settings.cloud.monitoring), ("cloud.update", settings.cloud.update),
            ("cloud.crash", settings.cloud.crash), ("cloud.remote_access", settings.cloud.remoteAccess),
            ("numbering.country_code", settings.numbering.countryCode),
            ("numbering.international_prefix", settings.numbering.internationalPrefix),
            ("numbering.national_prefix", settings.numbering.nationalPrefix),
            ("numbering.area_code", settings.numbering.areaCode),
            ("numbering.national_digits", settings.numbering.nationalDigits.map { String($0) }),
            ("numbering.outside_prefix", settings.numbering.outsidePrefix),
            ("outgoing.emergency", settings.outgoing.emergencyNumbers.joined(separator: " ")),
            // Only what older firmware does not do by itself, and would not know to read.
            ("privacy.strict", settings.privacy.isStrict ? nil : "false"),
            ("media.advertised", settings.media.advertised.map { "\($0)" }),
            ("applications", settings.applications.recordText),
        ]
        return values + optional.compactMap { name, value in value.map { (name, $0) } }
    }

    /// What stands alone, and what of it this version does not know.
    private static func scalars(
        _ database: Database
    ) throws -> (settings: ApplianceSettings, foreign: [(String, String)]) {
        var settings = ApplianceSettings()
        var foreign: [(String, String)] = []
        var first = settings.media.ports.lowerBound
        var last = settings.media.ports.upperBound
        var httpsAddress: IPAddress?
        var httpsPort: UInt16?
        for row in try Row.fetchAll(database, sql: "SELECT name, value FROM setting ORDER BY name") {
            let name: String = row["name"]
            let value: String = row["value"]
            switch name {
            case "edition": settings.edition = try decoded(value, of: name)
            case "sip.protection": settings.sip.protectionEnabled = value == "true"
            case "sip.realm": settings.sip.realm = value
            case "media.address": settings.media.address = try address(value, of: name)
            case "media.advertised": settings.media.advertised = try address(value, of: name)
            case "media.ports.first": first = try number(value, of: name)
            case "media.ports.last": last = try number(value, of: name)
            case "media.country": settings.media.country = try decoded(value, of: name)
            case "sip.calls": settings.sip.calls = try number(value, of: name) as Int
            case "media.opus_complexity": settings.media.opusComplexity = try number(value, of: name) as Int
            case "media.workers": settings.media.workers = try number(value, of: name) as Int
            case "media.realtime": settings.media.isRealtime = value == "true"
            case "media.cpu_share": settings.media.cpuShare = try number(value, of: name)
            case "media.srtp": settings.media.security = try decoded(value, of: name)
            case "media.backend": settings.media.backend = try decoded(value, of: name)
            case "media.rtpengine.address": settings.media.rtpengine = try endpoint(value, of: name)
            case "https.address": httpsAddress = try address(value, of: name)
            case "https.port": httpsPort = try number(value, of: name)
            case "call_records.retention_days": settings.records.retentionDays = try number(value, of: name)
            case "call_records.hidden_digits": settings.records.hiddenDigits = try number(value, of: name)
            case "features.echo": settings.features.echo = value
            case "features.conferences":
                settings.features.conferences = value.split(separator: " ").map { String($0) }
            case "features.music_on_hold": settings.features.musicOnHold = value == "true"
            case "cloud.relay": settings.cloud.relay = value
            case "cloud.control_center": settings.cloud.controlCenter = value
            case "cloud.backup": settings.cloud.backup = value
            case "cloud.monitoring": settings.cloud.monitoring = value
            case "cloud.update": settings.cloud.update = value
            case "cloud.crash": settings.cloud.crash = value
            case "cloud.remote_access": settings.cloud.remoteAccess = value
            case "cloud.monitoring_interval_milliseconds":
                settings.cloud.monitoringInterval = .milliseconds(try number(value, of: name) as Int64)
            case "numbering.country_code": settings.numbering.countryCode = value
            case "numbering.international_prefix": settings.numbering.internationalPrefix = value
            case "numbering.national_prefix": settings.numbering.nationalPrefix = value
            case "numbering.area_code": settings.numbering.areaCode = value
            case "numbering.national_digits": settings.numbering.nationalDigits = try number(value, of: name) as Int
            case "numbering.outside_prefix": settings.numbering.outsidePrefix = value
            case "outgoing.emergency":
                settings.outgoing.emergencyNumbers = value.split(separator: " ").map { String($0) }
            case "media.comfort_noise": settings.media.comfortNoise = value == "true"
            case "privacy.strict": settings.privacy.isStrict = value == "true"
            case _ where FeatureTables.isFeature(name): break  // read once the groups are known
            case "applications":
                guard let applications = ApplicationSettings(recordText: value) else {
                    throw StoreFailure.damaged("the settings of attendants, mailboxes, queues and rooms")
                }
                settings.applications = applications
            default: foreign.append((name, value))
            }
        }
        guard first <= last else { throw StoreFailure.damaged("media ports end before they begin") }
        settings.media.ports = first...last
        if let httpsAddress, let httpsPort { settings.https = ListenAddress(address: httpsAddress, port: httpsPort) }
        return (settings, foreign)
    }

    private static func number<Number: FixedWidthInteger>(_ text: String, of name: String) throws -> Number {
        guard let number = Number(text) else { throw StoreFailure.damaged("'\(name)' is not a number in range") }
        return number
    }

    private static func port(_ value: Int64) throws -> UInt16 {
        guard let port = UInt16(exactly: value) else { throw StoreFailure.damaged("\(value) is not a port") }
        return port
    }

    private static func endpoint(_ text: String, of name: String) throws -> Endpoint {
        guard let endpoint = Endpoint(text) else {
            throw StoreFailure.damaged("'\(name)' is not an IP address with a port")
        }
        return endpoint
    }

    private static func address(_ text: String, of name: String) throws -> IPAddress {
        guard let address = IPAddress(text) else { throw StoreFailure.damaged("'\(name)' is not an IP address") }
        return address
    }
}

/// The enum case that a stored text names.
func decoded<Value: RawRepresentable<String>>(_ text: String, of name: String) throws -> Value {
    guard let value = Value(rawValue: text) else {
        throw StoreFailure.damaged("'\(name)' has the unknown value '\(text)'")
    }
    return value
}
