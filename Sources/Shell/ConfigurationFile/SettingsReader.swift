import Primitives
import Settings
import Yams

/// The document's sections, each with its own allowed keys.
struct SettingsReader {
    let reader: YAMLReader
    let limits: Limits

    /// An empty document is an empty configuration.
    func read(_ document: Node?) -> ApplianceSettings {
        var settings = ApplianceSettings()
        guard let document else { return settings }
        let sections = reader.mapping(
            document, at: "",
            allowed: [
                "appliance", "sip", "media", "https", "features", "users", "groups", "cloud", "numbering", "trunks",
                "outgoing", "privacy", "call_records",
            ] + ApplicationReader.sections)
        if let node = sections["appliance"] {
            let entries = reader.mapping(node, at: "appliance", allowed: ["edition"])
            if let edition = entries["edition"] {
                settings.edition =
                    reader.choice(edition, at: "appliance.edition", of: ApplianceSettings.Edition.self) ?? .next
            }
        }
        if let node = sections["sip"] { settings.sip = sip(node) }
        if let node = sections["media"] { settings.media = media(node) }
        if let node = sections["https"] {
            let entries = reader.mapping(node, at: "https", allowed: ["listen"])
            if let listen = reader.required("listen", in: entries, of: node, at: "https") {
                settings.https = listenAddress(listen, at: "https.listen")
            }
        }
        if let node = sections["features"] {
            settings.features = features(node)
        }
        if let node = sections["cloud"] { settings.cloud = cloud(node) }
        if let node = sections["privacy"] {
            let entries = reader.mapping(node, at: "privacy", allowed: ["strict"])
            if let strict = entries["strict"] {
                settings.privacy.isStrict = reader.boolean(strict, at: "privacy.strict") ?? settings.privacy.isStrict
            }
        }
        numbers(sections, into: &settings)
        applications(sections, into: &settings)
        trunks(sections, document, into: &settings)
        if let node = sections["call_records"] { settings.records = callRecords(node) }
        return settings
    }

    private func callRecords(_ node: Node) -> CallRecordSettings {
        var settings = CallRecordSettings()
        let entries = reader.mapping(node, at: "call_records", allowed: ["retention_days", "hidden_digits"])
        if let node = entries["retention_days"] {
            settings.retentionDays =
                reader.integer(node, at: "call_records.retention_days", in: 0...3_650) ?? settings.retentionDays
        }
        if let node = entries["hidden_digits"] {
            settings.hiddenDigits =
                reader.integer(node, at: "call_records.hidden_digits", in: 0...15) ?? settings.hiddenDigits
        }
        return settings
    }

    private func features(_ node: Node) -> FeatureSettings {
        var features = FeatureSettings()
        let entries = reader.mapping(
            node, at: "features", allowed: ["echo", "conferences", "music_on_hold", "codes"] + OfficeSettings.names)
        features.office = FeatureReader(reader: reader).office(entries)
        features.echo = entries["echo"].flatMap { reader.number($0, at: "features.echo") }
        if let node = entries["music_on_hold"] {
            features.musicOnHold = reader.boolean(node, at: "features.music_on_hold") ?? features.musicOnHold
        }
        guard let list = entries["conferences"] else { return features }
        for (index, node) in reader.list(list, at: "features.conferences", limit: limits.rooms).enumerated() {
            let key = "features.conferences[\(index)]"
            guard let number = reader.number(node, at: key) else { continue }
            if features.extensions.contains(number) {
                reader.report("extension \(number) is taken by another feature", at: node, key: key)
            } else {
                features.conferences.append(number)
            }
        }
        return features
    }

    /// Trunks, how numbers are dialled on them, and which of them carries which number.
    private func trunks(_ sections: [String: Node], _ document: Node, into settings: inout ApplianceSettings) {
        let outgoing = OutgoingReader(reader: reader, limits: limits)
        if let node = sections["numbering"] { settings.numbering = outgoing.numbering(node) }
        if let list = sections["trunks"] {
            let numbers = settings.users.map(\.extension) + settings.groups.map(\.extension)
            let destinations = Set(numbers + settings.features.extensions + settings.applications.extensions)
            settings.trunks = TrunkReader(reader: reader, limits: limits, destinations: destinations).trunks(list)
            if !settings.trunks.isEmpty, settings.numbering.countryCode == nil {
                reader.report("trunks need numbering.country_code, for example \"49\"", at: list, key: "trunks")
            }
        }
        settings.outgoing = outgoing.outgoing(
            sections["outgoing"], numbering: settings.numbering, trunks: settings.trunks.map(\.name))
        for (section, numbers) in [
            ("users", settings.users.map(\.extension)), ("groups", settings.groups.map(\.extension)),
        ] {
            for (index, number) in numbers.enumerated() where settings.outgoing.emergencyNumbers.contains(number) {
                let text = "extension \(number) is a number for help; change it, or outgoing.emergency"
                reader.report(text, at: sections[section]?.sequence?[index], key: "\(section)[\(index)].extension")
            }
        }
    }

    /// What the appliance answers itself; its numbers belong to nothing else.
    private func applications(_ sections: [String: Node], into settings: inout ApplianceSettings) {
        let users = settings.users.map(\.extension)
        settings.applications = ApplicationReader(reader: reader, limits: limits, users: users).read(sections)
        var taken = Set(users + settings.groups.map(\.extension) + settings.features.extensions)
        for number in settings.applications.extensions where !taken.insert(number).inserted {
            let section = ApplicationReader.sections.first { sections[$0] != nil } ?? "speech"
            reader.report("number \(number) is taken; give it to one thing alone", at: sections[section], key: section)
        }
    }

    private func sip(_ node: Node) -> SIPSettings {
        var settings = SIPSettings()
        let entries = reader.mapping(node, at: "sip", allowed: ["listen", "protection", "realm", "calls"])
        if let list = entries["listen"] {
            for (index, element) in reader.list(list, at: "sip.listen", limit: 16).enumerated() {
                let key = "sip.listen[\(index)]"
                let fields = reader.mapping(element, at: key, allowed: ["transport", "address", "port"])
                let transport = reader.required("transport", in: fields, of: element, at: key)
                    .flatMap { reader.choice($0, at: "\(key).transport", of: SIPSettings.Transport.self) }
                let listen = listenAddress(fields, of: element, at: key)
                if let transport, let listen { settings.listeners.append(.init(transport: transport, listen: listen)) }
            }
        }
        if let protection = entries["protection"] {
            let fields = reader.mapping(protection, at: "sip.protection", allowed: ["enabled"])
            if let enabled = fields["enabled"] {
                settings.protectionEnabled = reader.boolean(enabled, at: "sip.protection.enabled") ?? true
            }
        }
        if let node = entries["calls"] { settings.calls = reader.integer(node, at: "sip.calls", in: 1...1_000) }
        if let realm = entries["realm"].flatMap({ reader.text($0, at: "sip.realm", maximumBytes: 100) }) {
            if realm.utf8.contains(where: { $0 == 0x22 || $0 == 0x5C }) {
                reader.report("must not contain quotation marks or backslashes", at: entries["realm"], key: "sip.realm")
            }
            settings.realm = realm
        }
        return settings
    }

    private func media(_ node: Node) -> MediaSettings {
        var settings = MediaSettings()
        let entries = reader.mapping(
            node, at: "media",
            allowed: [
                "address", "ports", "opus_complexity", "srtp", "country", "workers", "cpu_share", "backend",
                "rtpengine", "comfort_noise", "realtime", "advertised",
            ])
        if let address = entries["address"].flatMap({ reader.address($0, at: "media.address") }) {
            settings.address = address
        }
        settings.advertised = entries["advertised"].flatMap { reader.address($0, at: "media.advertised") }
        if let node = entries["ports"] {
            let parts = (node.scalar?.string ?? "").split(separator: "-", omittingEmptySubsequences: false)
            if parts.count == 2, let first = UInt16(parts[0]), let last = UInt16(parts[1]), first >= 1024,
                Int(last) >= Int(first) + 3
            {
                settings.ports = first...last
            } else {
                let text = "expected a range of at least 4 ports from 1024 to 65535, for example 16384-17383"
                reader.report(text, at: node, key: "media.ports")
            }
        }
        if let node = entries["opus_complexity"] {
            settings.opusComplexity = automatic(node, at: "media.opus_complexity", in: 0...10)
        }
        if let node = entries["workers"] { settings.workers = automatic(node, at: "media.workers", in: 1...64) }
        if let node = entries["realtime"] {
            settings.isRealtime = reader.boolean(node, at: "media.realtime") ?? settings.isRealtime
        }
        if let node = entries["cpu_share"] {
            settings.cpuShare = reader.integer(node, at: "media.cpu_share", in: 1...100) ?? settings.cpuShare
        }
        if let node = entries["srtp"] {
            settings.security = reader.choice(node, at: "media.srtp", of: MediaSecurity.self) ?? settings.security
        }
        if let node = entries["country"] {
            settings.country =
                reader.choice(node, at: "media.country", of: MediaSettings.Country.self) ?? settings.country
        }
        if let node = entries["backend"] {
            settings.backend = reader.choice(node, at: "media.backend", of: MediaBackendKind.self) ?? settings.backend
        }
        if let node = entries["rtpengine"] {
            let control = reader.mapping(node, at: "media.rtpengine", allowed: ["address"])
            if let address = reader.required("address", in: control, of: node, at: "media.rtpengine") {
                settings.rtpengine = rtpengine(address) ?? settings.rtpengine
            }
            if settings.backend != .rtpengine {
                let text = "has no effect unless media.backend is rtpengine; set that, or leave this out"
                reader.report(text, at: node, key: "media.rtpengine")
            }
        }
        if let node = entries["comfort_noise"] {
            settings.comfortNoise = reader.boolean(node, at: "media.comfort_noise") ?? settings.comfortNoise
        }
        return settings
    }

    /// An address with a port, other than 0.
    private func rtpengine(_ node: Node) -> Endpoint? {
        guard let text = node.scalar?.string, let endpoint = Endpoint(text), endpoint.port > 0,
            !endpoint.address.isUnspecified
        else {
            let text = "expected rtpengine's control address with its port, for example 127.0.0.1:2223"
            reader.report(text, at: node, key: "media.rtpengine.address")
            return nil
        }
        return endpoint
    }

    /// A number, or `auto`, which is nil.
    private func automatic(_ node: Node, at key: String, in range: ClosedRange<Int>) -> Int? {
        node.scalar?.string == "auto" ? nil : reader.integer(node, at: key, in: range, or: "auto")
    }

    private func cloud(_ node: Node) -> CloudSettings {
        var settings = CloudSettings()
        let entries = reader.mapping(
            node, at: "cloud",
            allowed: [
                "relay", "control_center", "backup", "monitoring", "monitoring_interval",
                "update",
                "crash",
                "remote_access",
            ])
        settings.relay = authority(entries["relay"], at: "cloud.relay")
        settings.remoteAccess = authority(entries["remote_access"], at: "cloud.remote_access")
        settings.update = server(entries["update"], at: "cloud.update")
        settings.crash = server(entries["crash"], at: "cloud.crash")
        settings.controlCenter = server(entries["control_center"], at: "cloud.control_center")
        settings.backup = server(entries["backup"], at: "cloud.backup")
        settings.monitoring = server(entries["monitoring"], at: "cloud.monitoring")
        if let node = entries["monitoring_interval"] {
            let seconds = reader.integer(node, at: "cloud.monitoring_interval", in: 1...86_400)
            settings.monitoringInterval = .seconds(seconds ?? 10)
        }
        return settings
    }

    private func authority(_ node: Node?, at key: String) -> String? {
        guard let node, let text = reader.text(node, at: key) else { return nil }
        if !Self.isAuthority(text) {
            reader.report("expected host:port, for example \"127.0.0.1:7443\"", at: node, key: key)
        }
        return text
    }

    private func server(_ node: Node?, at key: String) -> String? {
        guard let node, let text = reader.text(node, at: key) else { return nil }
        guard text.hasPrefix("https://"), Self.isAuthority(text.dropFirst(8)) else {
            reader.report("expected https://host:port", at: node, key: key)
            return nil
        }
        return text
    }

    /// `host:port`, the port from 1.
    private static func isAuthority(_ text: some StringProtocol) -> Bool {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            return false
        }
        let host = text[..<colon]
        if host.hasPrefix("[") { return IPAddress(host) != nil }
        return !host.isEmpty
            && host.utf8.allSatisfy { $0 > 0x20 && $0 != 0x2F && $0 != 0x3A && $0 != 0x40 && $0 < 0x7F }
    }

    private func listenAddress(_ node: Node, at key: String) -> ListenAddress? {
        listenAddress(reader.mapping(node, at: key, allowed: ["address", "port"]), of: node, at: key)
    }

    private func listenAddress(_ entries: [String: Node], of node: Node, at key: String) -> ListenAddress? {
        let address = reader.required("address", in: entries, of: node, at: key)
            .flatMap { reader.address($0, at: "\(key).address") }
        let port = reader.required("port", in: entries, of: node, at: key)
            .flatMap { reader.integer($0, at: "\(key).port", in: 0...65_535) }
        guard let address, let port else { return nil }
        return ListenAddress(address: address, port: UInt16(port))
    }

    /// Users, groups and the rule that a number belongs to one thing alone.
    private func numbers(_ sections: [String: Node], into settings: inout ApplianceSettings) {
        var owners: [String: String] = [:]
        func claim(_ number: String, for owner: String, at node: Node, key: String) {
            if let other = owners[number] {
                reader.report("extension \(number) is taken by \(other)", at: node, key: key)
            } else {
                owners[number] = owner
            }
        }
        if let echo = settings.features.echo { owners[echo] = "features.echo" }
        for number in settings.features.conferences { owners[number] = "features.conferences" }
        for number in settings.features.office.parkOrbits { owners[number] = "features.park_orbits" }
        if let number = settings.features.office.dialTone { owners[number] = "features.dial_tone" }
        if let list = sections["users"] {
            for (index, node) in reader.list(list, at: "users", limit: limits.users).enumerated() {
                let key = "users[\(index)]"
                let entries = reader.mapping(
                    node, at: key, allowed: ["extension", "name", "password", "caller_number", "features"])
                let numberNode = reader.required("extension", in: entries, of: node, at: key)
                let number = numberNode.flatMap { reader.number($0, at: "\(key).extension") }
                let name = reader.required("name", in: entries, of: node, at: key)
                    .flatMap { reader.text($0, at: "\(key).name") }
                let password = reader.required("password", in: entries, of: node, at: key)
                    .flatMap { reader.text($0, at: "\(key).password") }
                if let number, let numberNode { claim(number, for: key, at: numberNode, key: "\(key).extension") }
                let shown = entries["caller_number"].flatMap {
                    reader.telephoneNumber($0, at: "\(key).caller_number")
                }
                if let number, let name, let password {
                    settings.users.append(
                        UserSettings(
                            extension: number, name: name, password: Secret(password), callerNumber: shown))
                    if let node = entries["features"] {
                        settings.users[settings.users.count - 1].features = FeatureReader(reader: reader)
                            .user(node, at: "\(key).features")
                    }
                }
            }
        }
        let users = Set(settings.users.map(\.extension))
        guard let list = sections["groups"] else { return }
        for (index, node) in reader.list(list, at: "groups", limit: limits.users).enumerated() {
            let key = "groups[\(index)]"
            guard let (group, numberNode) = group(node, at: key, users: users) else { continue }
            claim(group.extension, for: key, at: numberNode, key: "\(key).extension")
            settings.groups.append(group)
        }
    }

    private func group(_ node: Node, at key: String, users: Set<String>) -> (GroupSettings, Node)? {
        let entries = reader.mapping(
            node, at: key, allowed: ["extension", "name", "strategy", "members"] + GroupSettings.names)
        let numberNode = reader.required("extension", in: entries, of: node, at: key)
        let number = numberNode.flatMap { reader.number($0, at: "\(key).extension") }
        let name = reader.required("name", in: entries, of: node, at: key).flatMap {
            reader.text($0, at: "\(key).name")
        }
        let strategy = entries["strategy"].map {
            reader.choice($0, at: "\(key).strategy", of: GroupSettings.Strategy.self)
        }
        var members: [String] = []
        if let list = reader.required("members", in: entries, of: node, at: key) {
            for (index, element) in reader.list(list, at: "\(key).members", limit: limits.users).enumerated() {
                let place = "\(key).members[\(index)]"
                guard let member = reader.number(element, at: place) else { continue }
                if !users.contains(member) {
                    reader.report("no user has the extension \(member)", at: element, key: place)
                } else if members.contains(member) {
                    reader.report("extension \(member) is a member already", at: element, key: place)
                }
                members.append(member)
            }
        }
        guard let number, let numberNode, let name, let strategy = strategy ?? .all else { return nil }
        var group = GroupSettings(extension: number, name: name, strategy: strategy, members: members)
        FeatureReader(reader: reader).fill(&group, from: entries, at: key)
        return (group, numberNode)
    }
}
