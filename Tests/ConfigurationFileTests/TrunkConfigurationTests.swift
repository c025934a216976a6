import ConfigurationFile
import Primitives
import Settings
import Testing

struct TrunkConfigurationTests {
    private static let head = """
        users:
        - {extension: "100", name: A, password: x, caller_number: "+493012345611"}
        - {extension: "101", name: B, password: x}
        groups: [{extension: "610", name: G, members: ["100"]}]
        numbering: {country_code: "49", area_code: "30", outside_prefix: "0"}

        """

    @Test func `every key of a trunk reaches its setting`() throws {
        let settings = try parse(
            Self.head + """
                trunks:
                - name: telco
                  kind: registering
                  server: "[2001:db8::1]:5071"
                  transport: tls
                  outbound_proxy: proxy.telco.example
                  user: account
                  auth_user: auth
                  password: "secret"
                  domain: telco.example
                  expires: 300
                  channels: 4
                  health_interval: 0
                  identity: preferred
                  from_account: true
                  privacy: false
                  codecs: [PCMA, G722]
                  number_format: national
                  number_prefix: "99"
                  incoming_format: international
                  caller_number: "+4930123456"
                  block: {base: "+4930123456", first: "00", last: "99", extension_prefix: "1"}
                  numbers: [{number: "+4930999", extension: "610"}, {number: "22", extension: "101"}]
                  default: "610"
                  sources: ["192.0.2.0/24", "[2001:db8::7]:5080", "127.0.0.1:5080"]
                  redirects: follow
                  srtp: required
                outgoing:
                  emergency: ["112"]
                  rules: [{prefix: "+", trunks: [telco]}, {prefix: "+49900", trunks: []}, {prefix: "115", trunks: [telco]}]
                """)
        var expected = TrunkSettings(
            name: "telco", kind: .registering, server: TrunkServer(host: "2001:db8::1", port: 5071), user: "account",
            password: Secret("secret"))
        expected.transport = .tls
        expected.outboundProxy = TrunkServer(host: "proxy.telco.example")
        expected.authenticationUser = "auth"
        expected.domain = "telco.example"
        expected.expires = .seconds(300)
        expected.channels = 4
        expected.healthInterval = .zero
        expected.identity = .preferred
        expected.fromAccount = true
        expected.honoursPrivacy = false
        expected.codecs = ["PCMA", "G722"]
        expected.numberFormat = .national
        expected.numberPrefix = "99"
        expected.incomingFormat = .international
        expected.callerNumber = "+4930123456"
        expected.block = DirectDialBlock(base: "+4930123456", first: "00", last: "99", extensionPrefix: "1")
        expected.numbers = [.init(number: "+4930999", destination: "610"), .init(number: "22", destination: "101")]
        expected.defaultDestination = "610"
        expected.sources = ["192.0.2.0/24", "[2001:db8::7]:5080", "127.0.0.1:5080"].compactMap { AddressBlock($0) }
        expected.redirects = .follow
        expected.mediaSecurity = .required
        #expect(settings.trunks == [expected] && expected.sources.count == 3)
        #expect(settings.users[0].callerNumber == "+493012345611" && settings.users[1].callerNumber == nil)
        #expect(settings.outgoing.emergencyNumbers == ["112"])
        #expect(settings.outgoing.rules.map(\.prefix) == ["+", "+49900", "115"])
        #expect(settings.outgoing.rules[1].trunks.isEmpty)
    }

    @Test(arguments: [
        ("49", "00", "0", ["110", "112"]), ("1", "011", "1", ["911"]), ("39", "00", "", ["112", "113", "115", "118"]),
        ("33", "00", "0", ["112", "15", "17", "18"]), ("246", "00", "0", ["112"]),
    ])
    func `a country brings its usual prefixes and numbers for help`(
        code: String, international: String, national: String, emergency: [String]
    ) throws {
        let settings = try parse(
            "numbering: {country_code: \"\(code)\"}\n"
                + "trunks: [{name: t, kind: static, server: 192.0.2.1, user: u}]")
        #expect(settings.numbering.internationalPrefix == international)
        #expect(settings.numbering.nationalPrefix == national)
        #expect(settings.outgoing.emergencyNumbers == emergency)
    }

    @Test func `without trunks there are no numbers for help`() throws {
        #expect(try parse("users: [{extension: \"112\", name: A, password: x}]").outgoing.emergencyNumbers.isEmpty)
    }

    @Test(arguments: [
        ("colour: red", "unknown key 'colour'"), ("server: \"a:b:c\"", "host or host:port"),
        ("server: \"a:0\"", "host or host:port"), ("transport: sctp", "udp, tcp, tls"),
        ("kind: dynamic", "registering, static"), ("name: \"a b\"", "letters, digits"), ("expires: 10", "60 to 86400"),
        ("channels: 0", "1 to 1000"), ("health_interval: 3", "0 (off) or 5 to 3600"),
        ("identity: trusted", "asserted, preferred, from"), ("privacy: maybe", "true or false"),
        ("codecs: [GSM]", "opus, G722, PCMA, PCMU"), ("number_format: x", "e164, national, dialled"),
        ("number_prefix: abc", "1 to 20 digits"), ("incoming_format: x", "automatic, international, national"),
        ("caller_number: Ada", "telephone number"), ("caller_number: \"+0123\"", "telephone number"),
        ("block: {base: \"0301\", first: \"0\", last: \"9\"}", "country code"),
        ("block: {base: \"+49301\", first: \"0\", last: \"10\"}", "same number of digits"),
        ("block: {base: \"+49301\", first: \"9\", last: \"0\"}", "must not be above"),
        ("block: {base: \"+49301\", first: \"0\"}", "'last' is missing"),
        ("block: {base: \"+49301\", first: \"0000\", last: \"9999\"}", "more than 1000 numbers"),
        ("numbers: [{number: \"1\", extension: \"999\"}]", "nothing has the extension 999"),
        ("numbers: [{number: \"1\", extension: \"100\"}, {number: \"1\", extension: \"100\"}]", "twice"),
        ("default: \"999\"", "nothing has the extension 999"), ("sources: [here]", "a network like"),
        ("sources: [\"192.0.2.0/33\"]", "a network like"), ("redirects: maybe", "refuse, follow"),
        ("srtp: maybe", "off, optional, required"), ("domain: \"a b\"", "domain name"),
        ("identity: from\n  from_account: true", "leaves no header"),
    ])
    func `what is wrong with a trunk is named with its line`(entry: String, says: String) throws {
        var lines = ["name: t", "kind: static", "server: 192.0.2.1", "user: u"]
        let key = entry.prefix { $0 != ":" }
        lines.removeAll { $0.hasPrefix("\(key):") }
        let problems = try problems(of: Self.head + "trunks:\n- " + (lines + [entry]).joined(separator: "\n  "))
        let found = try #require(problems.first { $0.text.contains(says) }, "\(problems)")
        #expect((7...13).contains(found.line ?? 0) && found.key.hasPrefix("trunks[0]"))
    }

    @Test(arguments: [
        ("trunks: [{name: t, kind: registering, server: a.example, user: u}]", "needs a 'password'"),
        ("trunks: [{kind: static, server: a.example, user: u}]", "'name' is missing"),
        (
            "trunks: [{name: t, kind: static, server: a, user: u}, {name: t, kind: static, server: b, user: u}]",
            "another trunk is named t"
        ),
        ("outgoing: {rules: [{prefix: \"+\", trunks: [none]}]}", "no trunk is named none"),
        ("outgoing: {rules: [{prefix: \"030\", trunks: []}, {prefix: \"030\", trunks: []}]}", "another rule"),
        ("outgoing: {rules: [{prefix: abc, trunks: []}]}", "beginning of a number"),
        ("outgoing: {rules: [{prefix: \"\", trunks: []}]}", "beginning of a number"),
        ("outgoing: {rules: [{prefix: \"+\"}]}", "'trunks' is missing"),
        ("outgoing: {emergency: [help]}", "1 to 15 digits"),
        ("outgoing: {emergency: [\"610\"]}", "extension 610 is a number for help"),
        ("outgoing: {emergency: [\"100\"]}", "extension 100 is a number for help"),
    ])
    func `what does not fit together is named`(text: String, says: String) throws {
        let problems = try problems(of: Self.head + text)
        #expect(problems.contains { $0.text.contains(says) && $0.line != nil }, "\(problems)")
    }

    @Test(arguments: [
        ("numbering: {country_code: \"049\"}", "1 to 3 digits"),
        ("numbering: {country_code: \"1234\"}", "1 to 3 digits"),
        ("numbering: {national_digits: 3}", "5 to 14"), ("numbering: {outside_prefix: \"#\"}", "1 to 15 digits"),
        ("numbering: {dial_tone: true}", "unknown key"),
        ("trunks: [{name: t, kind: static, server: a, user: u}]", "need numbering.country_code"),
    ])
    func `what is wrong with the numbering is named`(text: String, says: String) throws {
        #expect(try problems(of: text).contains { $0.text.contains(says) && $0.line == 1 })
    }

    @Test func `more trunks, rules and numbers than the limits are refused`() throws {
        let trunks = (0...20).map { "- {name: t\($0), kind: static, server: a, user: u}" }.joined(separator: "\n")
        #expect(try problems(of: Self.head + "trunks:\n\(trunks)").contains { $0.text.contains("at most 20") })
        let rules = (0...100).map { "- {prefix: \"+\($0)\", trunks: []}" }.joined(separator: "\n")
        #expect(
            try problems(of: "outgoing:\n  rules:\n\(rules)".replacing("\n-", with: "\n  -"))
                .contains { $0.text.contains("at most 100") })
        let block = "block: {base: \"+49301\", first: \"000\", last: \"999\"}"
        let one = "- {name: a, kind: static, server: a, user: u, \(block)}"
        #expect(try parse(Self.head + "trunks:\n\(one)").trunks[0].directNumberCount == 1_000)
        let more =
            "\(one)\n- {name: b, kind: static, server: a, user: u, numbers: [{number: \"1\", extension: \"100\"}]}"
        #expect(try problems(of: Self.head + "trunks:\n\(more)").contains { $0.text.contains("more than 1000") })
    }

    @Test func `the difference names what changes at a trunk, and no password`() throws {
        let numbering = "numbering: {country_code: \"49\"}\n"
        let old = try parse(
            numbering + "trunks: [{name: a, kind: registering, server: x.example, user: u, password: one}]")
        let new = try parse(
            numbering + "trunks: [{name: a, kind: registering, server: y.example, user: u, password: two}]\n"
                + "outgoing: {rules: [{prefix: \"+\", trunks: [a]}, {prefix: \"+1900\", trunks: []}]}")
        #expect(
            SettingsDifference(from: old, to: new).text == [
                "+ outgoing.rules.+: a", "+ outgoing.rules.+1900: barred", "~ trunks.a.server: x.example -> y.example",
                "~ trunks.a.password: <secret> -> <another secret>",
            ])
        let gone = SettingsDifference(from: new, to: ApplianceSettings())
        #expect(gone.text.contains("- trunks.a.kind: registering"))
        #expect(!gone.text.joined().contains("two"))
    }

    private func parse(_ text: String) throws -> ApplianceSettings {
        try ConfigurationFile.parse(Array(text.utf8), file: "test.yaml")
    }

    private func problems(of text: String) throws -> [ConfigurationProblem] {
        let error = try #require(throws: ConfigurationError.self) { try parse(text) }
        guard case .problems(let problems) = error else { return [] }
        return problems
    }
}
