/// A trunk as named texts: for the store, and for showing what changes. The password and the numbers are not among them.
extension TrunkSettings {
    package struct Field: Sendable, Hashable {
        /// As in the configuration file; parts of the block are `block.base` and so on.
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Always in the same order; what is absent has no field.
    package var fields: [Field] {
        let always = [
            Field("kind", kind.rawValue), Field("server", server.description), Field("user", user),
            Field("expires", String(expires.components.seconds)), Field("channels", String(channels)),
            Field("health_interval", String(healthInterval.components.seconds)), Field("identity", identity.rawValue),
            Field("from_account", String(fromAccount)), Field("privacy", String(honoursPrivacy)),
            Field("number_format", numberFormat.rawValue), Field("incoming_format", incomingFormat.rawValue),
            Field("redirects", redirects.rawValue), Field("srtp", mediaSecurity.rawValue),
        ]
        let optional: [(String, String?)] = [
            ("transport", transport?.rawValue), ("outbound_proxy", outboundProxy?.description),
            ("auth_user", authenticationUser), ("domain", domain), ("caller_number", callerNumber),
            ("default", defaultDestination), ("block.base", block?.base), ("block.first", block?.first),
            ("block.last", block?.last), ("block.extension_prefix", block?.extensionPrefix),
            ("number_prefix", numberPrefix), ("codecs", codecs.joined(separator: " ")),
            ("sources", sources.map(\.description).joined(separator: " ")),
            ("diversion", tellsDiversion ? "true" : nil),
        ]
        return always
            + optional.compactMap { name, value in value.flatMap { $0.isEmpty ? nil : Field(name, $0) } }
    }

    /// The trunk of those fields, in any order; nil when one is unreadable or missing. Those that are not known, of firmware of
    /// another version, are passed over.
    package init?(name: String, fields: [Field]) {
        var texts: [String: String] = [:]
        for field in fields { texts[field.name] = field.value }
        guard let kind = texts.removeValue(forKey: "kind").flatMap(Kind.init),
            let server = texts.removeValue(forKey: "server").flatMap({ TrunkServer($0) }),
            let user = texts.removeValue(forKey: "user")
        else { return nil }
        self.init(name: name, kind: kind, server: server, user: user)
        if let base = texts.removeValue(forKey: "block.base"), let first = texts.removeValue(forKey: "block.first"),
            let last = texts.removeValue(forKey: "block.last")
        {
            block = DirectDialBlock(
                base: base, first: first, last: last,
                extensionPrefix: texts.removeValue(forKey: "block.extension_prefix") ?? "")
        }
        for (name, value) in texts where set(name, value) == false { return nil }
    }

    /// Whether a field of that name means something here.
    package static func knows(field name: String) -> Bool {
        let parts = ["kind", "server", "user", "block.base", "block.first", "block.last", "block.extension_prefix"]
        var trunk = TrunkSettings(name: "", kind: .registering, server: TrunkServer(host: ""), user: "")
        return parts.contains(name) || trunk.set(name, "") != nil
    }

    /// Nil for a name that is not known, false for a value that cannot be read.
    private mutating func set(_ name: String, _ text: String) -> Bool? {
        switch name {
        case "transport": transport = SIPSettings.Transport(rawValue: text)
        case "outbound_proxy": outboundProxy = TrunkServer(text)
        case "auth_user": authenticationUser = text
        case "domain": domain = text
        case "caller_number": callerNumber = text
        case "default": defaultDestination = text
        case "number_prefix": numberPrefix = text
        case "codecs": codecs = text.split(separator: " ").map(String.init)
        case "sources": sources = text.split(separator: " ").compactMap { AddressBlock($0) }
        case "expires": return take(Int64(text).map { .seconds($0) }, \.expires)
        case "health_interval": return take(Int64(text).map { .seconds($0) }, \.healthInterval)
        case "channels": return take(Int(text), \.channels)
        case "identity": return take(Identity(rawValue: text), \.identity)
        case "from_account": return take(Bool(text), \.fromAccount)
        case "privacy": return take(Bool(text), \.honoursPrivacy)
        case "number_format": return take(NumberFormat(rawValue: text), \.numberFormat)
        case "incoming_format": return take(IncomingFormat(rawValue: text), \.incomingFormat)
        case "redirects": return take(Redirects(rawValue: text), \.redirects)
        case "diversion": return take(Bool(text), \.tellsDiversion)
        case "srtp": return take(MediaSecurity(rawValue: text), \.mediaSecurity)
        default: return nil
        }
        return true
    }

    /// False when there is no value.
    private mutating func take<Value>(_ value: Value?, _ place: WritableKeyPath<TrunkSettings, Value>) -> Bool {
        guard let value else { return false }
        self[keyPath: place] = value
        return true
    }
}
