import Primitives
import Settings
import Yams

/// The section `trunks`, each trunk with its own allowed keys.
struct TrunkReader {
    let reader: YAMLReader
    let limits: Limits
    /// Extensions of users, groups and features: where numbers may lead.
    let destinations: Set<String>

    private static let keys = [
        "name", "kind", "server", "transport", "outbound_proxy", "user", "auth_user", "password", "domain", "expires",
        "channels", "health_interval", "identity", "from_account", "privacy", "codecs", "number_format",
        "number_prefix", "incoming_format", "caller_number", "block", "numbers", "default", "sources", "redirects",
        "srtp", "diversion",
    ]

    func trunks(_ list: Node) -> [TrunkSettings] {
        var trunks: [TrunkSettings] = []
        var numbers = 0
        for (index, node) in reader.list(list, at: "trunks", limit: limits.trunks).enumerated() {
            let key = "trunks[\(index)]"
            guard let trunk = trunk(node, at: key) else { continue }
            if trunks.contains(where: { $0.name == trunk.name }) {
                reader.report("another trunk is named \(trunk.name)", at: node, key: "\(key).name")
            }
            numbers += trunk.directNumberCount
            if numbers > limits.directNumbers, numbers - trunk.directNumberCount <= limits.directNumbers {
                reader.report(
                    "the trunks have more than \(limits.directNumbers) numbers that lead to extensions", at: node,
                    key: key)
            }
            trunks.append(trunk)
        }
        return trunks
    }

    private func trunk(_ node: Node, at key: String) -> TrunkSettings? {
        let entries = reader.mapping(node, at: key, allowed: Self.keys)
        let nameNode = reader.required("name", in: entries, of: node, at: key)
        let name = nameNode.flatMap { self.name($0, at: "\(key).name") }
        let kind = reader.required("kind", in: entries, of: node, at: key)
            .flatMap { reader.choice($0, at: "\(key).kind", of: TrunkSettings.Kind.self) }
        let server = reader.required("server", in: entries, of: node, at: key)
            .flatMap { self.server($0, at: "\(key).server") }
        let user = reader.required("user", in: entries, of: node, at: key)
            .flatMap { reader.text($0, at: "\(key).user", maximumBytes: 100) }
        guard let name, let kind, let server, let user else { return nil }
        var trunk = TrunkSettings(name: name, kind: kind, server: server, user: user)
        readAccount(entries, at: key, into: &trunk)
        readNumbers(entries, at: key, into: &trunk)
        readPolicies(entries, at: key, into: &trunk)
        if kind == .registering, trunk.password == nil, entries["password"] == nil {
            reader.report("a registering trunk needs a 'password'", at: node, key: key)
        }
        if trunk.identity == .from, trunk.fromAccount {
            let text = "leaves no header for the caller's number; set identity to asserted or preferred"
            reader.report(text, at: entries["from_account"], key: "\(key).from_account")
        }
        return trunk
    }

    private func readAccount(_ entries: [String: Node], at key: String, into trunk: inout TrunkSettings) {
        trunk.transport = entries["transport"].flatMap {
            reader.choice($0, at: "\(key).transport", of: SIPSettings.Transport.self)
        }
        trunk.outboundProxy = entries["outbound_proxy"].flatMap { server($0, at: "\(key).outbound_proxy") }
        trunk.authenticationUser = entries["auth_user"].flatMap {
            reader.text($0, at: "\(key).auth_user", maximumBytes: 100)
        }
        trunk.password = entries["password"].flatMap { reader.text($0, at: "\(key).password") }.map { Secret($0) }
        if let node = entries["domain"] {
            let domain = reader.text(node, at: "\(key).domain", maximumBytes: 253)
            if let domain, !TrunkServer.isHostName(domain) {
                reader.report("expected a domain name, for example telco.example", at: node, key: "\(key).domain")
            }
            trunk.domain = domain
        }
        if let node = entries["expires"], let seconds = reader.integer(node, at: "\(key).expires", in: 60...86_400) {
            trunk.expires = .seconds(seconds)
        }
        if let node = entries["channels"], let count = reader.integer(node, at: "\(key).channels", in: 1...1_000) {
            trunk.channels = count
        }
        if let node = entries["health_interval"] {
            let place = "\(key).health_interval"
            guard let seconds = reader.integer(node, at: place, in: 0...3_600) else { return }
            if (1..<5).contains(seconds) { reader.report("expected 0 (off) or 5 to 3600", at: node, key: place) }
            trunk.healthInterval = .seconds(seconds)
        }
        if let list = entries["sources"] {
            for (index, node) in reader.list(list, at: "\(key).sources", limit: 32).enumerated() {
                if let block = node.scalar.flatMap({ AddressBlock($0.string) }) {
                    trunk.sources.append(block)
                } else {
                    let text = "expected an address, a network like 192.0.2.0/24, or address:port"
                    reader.report(text, at: node, key: "\(key).sources[\(index)]")
                }
            }
        }
    }

    private func readPolicies(_ entries: [String: Node], at key: String, into trunk: inout TrunkSettings) {
        func choice<Value: RawRepresentable<String> & CaseIterable>(_ name: String, _ value: inout Value) {
            guard let node = entries[name] else { return }
            value = reader.choice(node, at: "\(key).\(name)", of: Value.self) ?? value
        }
        func flag(_ name: String, _ value: inout Bool) {
            guard let node = entries[name] else { return }
            value = reader.boolean(node, at: "\(key).\(name)") ?? value
        }
        choice("identity", &trunk.identity)
        choice("number_format", &trunk.numberFormat)
        choice("incoming_format", &trunk.incomingFormat)
        choice("redirects", &trunk.redirects)
        choice("srtp", &trunk.mediaSecurity)
        flag("from_account", &trunk.fromAccount)
        flag("privacy", &trunk.honoursPrivacy)
        flag("diversion", &trunk.tellsDiversion)
        if let list = entries["codecs"] {
            for (index, node) in reader.list(list, at: "\(key).codecs", limit: 16).enumerated() {
                let place = "\(key).codecs[\(index)]"
                if let codec = reader.choice(node, at: place, of: CodecName.self) {
                    trunk.codecs.append(codec.rawValue)
                }
            }
        }
    }

    /// The codecs that the appliance has, in their SDP spelling.
    private enum CodecName: String, CaseIterable { case opus, G722, PCMA, PCMU }

    // MARK: Numbers

    private func readNumbers(_ entries: [String: Node], at key: String, into trunk: inout TrunkSettings) {
        if let node = entries["number_prefix"] {
            trunk.numberPrefix = reader.number(node, at: "\(key).number_prefix") ?? ""
        }
        trunk.callerNumber = entries["caller_number"].flatMap { reader.telephoneNumber($0, at: "\(key).caller_number") }
        trunk.block = entries["block"].flatMap { block($0, at: "\(key).block") }
        trunk.defaultDestination = entries["default"].flatMap { destination($0, at: "\(key).default") }
        guard let list = entries["numbers"] else { return }
        for (index, node) in reader.list(list, at: "\(key).numbers", limit: limits.directNumbers).enumerated() {
            let place = "\(key).numbers[\(index)]"
            let fields = reader.mapping(node, at: place, allowed: ["number", "extension"])
            let number = reader.required("number", in: fields, of: node, at: place)
                .flatMap { reader.telephoneNumber($0, at: "\(place).number") }
            let destination = reader.required("extension", in: fields, of: node, at: place)
                .flatMap { self.destination($0, at: "\(place).extension") }
            guard let number, let destination else { continue }
            if trunk.numbers.contains(where: { $0.number == number }) {
                reader.report("\(number) is there twice", at: node, key: "\(place).number")
            }
            trunk.numbers.append(DirectNumber(number: number, destination: destination))
        }
    }

    private func block(_ node: Node, at key: String) -> DirectDialBlock? {
        let entries = reader.mapping(node, at: key, allowed: ["base", "first", "last", "extension_prefix"])
        let baseNode = reader.required("base", in: entries, of: node, at: key)
        let base = baseNode.flatMap { reader.telephoneNumber($0, at: "\(key).base") }
        if let base, !base.hasPrefix("+") {
            reader.report(
                "expected + and the country code, for example \"+4930123456\"", at: baseNode, key: "\(key).base")
        }
        let first = reader.required("first", in: entries, of: node, at: key)
            .flatMap { reader.digits($0, at: "\(key).first") }
        let last = reader.required("last", in: entries, of: node, at: key)
            .flatMap { reader.digits($0, at: "\(key).last") }
        let prefix = entries["extension_prefix"].flatMap { reader.digits($0, at: "\(key).extension_prefix") } ?? ""
        guard let base, let first, let last else { return nil }
        let block = DirectDialBlock(base: base, first: first, last: last, extensionPrefix: prefix)
        guard block.count > 0 else {
            let text = "first and last must have the same number of digits, and first must not be above last"
            reader.report(text, at: node, key: key)
            return nil
        }
        return block
    }

    private func destination(_ node: Node, at key: String) -> String? {
        guard let number = reader.number(node, at: key) else { return nil }
        if !destinations.contains(number) {
            reader.report("nothing has the extension \(number)", at: node, key: key)
        }
        return number
    }

    private func name(_ node: Node, at key: String) -> String? {
        guard let name = reader.text(node, at: key, maximumBytes: 32) else { return nil }
        let isAllowed = name.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F
        }
        if !isAllowed { reader.report("expected letters, digits, '-', '_' and '.'", at: node, key: key) }
        return name
    }

    private func server(_ node: Node, at key: String) -> TrunkServer? {
        guard let text = reader.text(node, at: key) else { return nil }
        guard let server = TrunkServer(text) else {
            reader.report("expected host or host:port, for example \"sip.telco.example:5061\"", at: node, key: key)
            return nil
        }
        return server
    }
}
