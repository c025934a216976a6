import ConfigurationFile
import Foundation
import Primitives
import Settings
import Testing

struct ConfigurationFileTests {
    private let examples = String(#filePath.dropLast("Tests/ConfigurationFileTests/ConfigurationFileTests.swift".count))

    @Test(arguments: ["minimal.yaml", "demo.yaml", "trunk.yaml", "rtpengine.yaml", "office.yaml"])
    func `the examples are accepted`(name: String) throws {
        let settings = try ConfigurationFile.load(path: "\(examples)Examples/\(name)")
        #expect(settings.users.first?.extension == "100")
        #expect(settings.features.echo == "600")
        #expect(settings.sip.listeners.count >= 2)
    }

    @Test func `every section reaches its setting`() throws {
        let settings = try parse(
            """
            appliance: { edition: flex }
            sip: { listen: [ {transport: tls, address: "::1", port: 0} ], protection: {enabled: false},
                   realm: a.example, calls: 20 }
            media: { address: 127.0.0.2, ports: 20000-20101, opus_complexity: 3, country: GB, comfort_noise: true,
                     workers: 2, cpu_share: 40, realtime: true, advertised: 192.0.2.9 }
            https: { listen: {address: 127.0.0.1, port: 8443} }
            features: { echo: "600", conferences: ["800", "801"], music_on_hold: false }
            users: [ { extension: "100", name: Ada, password: "p w" } ]
            groups: [ { extension: "610", name: Sales, strategy: all, members: ["100"] } ]
            cloud: { relay: "127.0.0.1:7443", control_center: "https://cc.example:1", backup: "https://[::1]:7444",
                     monitoring: "https://127.0.0.1:7445", monitoring_interval: 30,
                     update: "https://127.0.0.1:7448", crash: "https://127.0.0.1:7449",
                     remote_access: "127.0.0.1:7450" }
            privacy: { strict: false }
            call_records: { retention_days: 30, hidden_digits: 3 }
            """)
        #expect(settings.edition == .flex)
        #expect(settings.sip.listeners == [.init(transport: .tls, listen: .init(address: .v6(0, 1), port: 0))])
        #expect(!settings.sip.protectionEnabled && settings.sip.realm == "a.example")
        #expect(settings.media.ports == 20_000...20_101 && settings.media.opusComplexity == 3)
        #expect(settings.media.country == .unitedKingdom && !settings.features.musicOnHold)
        #expect(settings.features.extensions == ["600", "800", "801"])
        #expect(settings.media.comfortNoise)
        #expect(settings.media.workers == 2 && settings.media.cpuShare == 40 && settings.sip.calls == 20)
        #expect(settings.media.isRealtime && settings.media.advertised == IPAddress("192.0.2.9"))
        #expect(settings.https == ListenAddress(address: .loopbackV4, port: 8443))
        #expect(settings.users == [UserSettings(extension: "100", name: "Ada", password: Secret("p w"))])
        #expect(settings.groups.first?.members == ["100"])
        #expect(settings.cloud.controlCenter == "https://cc.example:1")
        #expect(settings.cloud.monitoringInterval == .seconds(30))
        #expect(settings.cloud.update == "https://127.0.0.1:7448" && settings.cloud.crash == "https://127.0.0.1:7449")
        #expect(settings.cloud.remoteAccess == "127.0.0.1:7450")
        #expect(!settings.privacy.isStrict && ApplianceSettings().privacy.isStrict)
        #expect(settings.records.retentionDays == 30 && settings.records.hiddenDigits == 3)
    }

    @Test func `features of the office, of users and of groups reach their settings`() throws {
        let settings = try parse(
            """
            features: { park_orbits: ["71", "72"], park_seconds: 90, speed_dials: {"701": "0301234567"},
                        codes: {park: "*75"} }
            users: [ { extension: "100", name: Ada, password: "p w",
                       features: {dnd: true, forward_busy: "101", pickup_groups: [sales, it], permission: local} },
                     { extension: "101", name: Bob, password: "p w" } ]
            groups: [ { extension: "610", name: Sales, strategy: longest_idle, members: ["100"], ring_seconds: 20,
                        overflow: "101" } ]
            """)
        let office = settings.features.office
        #expect(office.parkOrbits == ["71", "72"] && office.parkSeconds == 90)
        #expect(office.speedDials == [SpeedDial(short: "701", number: "0301234567")])
        #expect(office.codes.digits(of: .park) == "*75" && office.codes.digits(of: .pickup) == "*8")
        let ada = settings.users[0].features
        #expect(ada.doNotDisturb && ada.forwarding.busy == "101" && ada.pickupGroups == ["sales", "it"])
        #expect(ada.permission == .local && settings.users[1].features == UserFeatures())
        #expect(settings.groups[0].strategy == .longestIdle && settings.groups[0].ringSeconds == 20)
        #expect(settings.groups[0].overflow == "101")
    }

    @Test(arguments: [
        "features: { park_seconds: 5 }", "features: { codes: {park: \"12\"} }", "features: { codes: {park: \"*8\"} }",
        "users: [ { extension: \"1\", name: A, password: p, features: {dnd: perhaps} } ]",
        "users: [ { extension: \"1\", name: A, password: p, features: {colour: red} } ]",
        "features: { park_orbits: [\"100\"] }\nusers: [ { extension: \"100\", name: A, password: p } ]",
    ])
    func `what is no value of a feature is refused`(text: String) {
        #expect(throws: ConfigurationError.self) { try parse(text) }
    }

    @Test func `rtpengine may carry media`() throws {
        let settings = try parse("media: { backend: rtpengine, rtpengine: { address: 127.0.0.1:22223 } }")
        #expect(settings.media.backend == .rtpengine)
        #expect(settings.media.rtpengine == Endpoint(address: .loopbackV4, port: 22_223))
        #expect(try parse("media: { backend: rtpengine }").media.rtpengine.port == 2_223)
        #expect(try parse("media: { backend: builtin }").media.backend == .builtin)
    }

    @Test func `what the board decides may be said aloud`() throws {
        let settings = try parse("media: { opus_complexity: auto, workers: auto }")
        #expect(settings == ApplianceSettings())
    }

    @Test func `an empty document is an empty configuration`() throws {
        #expect(try parse("") == ApplianceSettings())
    }

    private static func rooms(_ count: Int) -> String {
        (0..<count).map { "\"\(800 + $0)\"" }.joined(separator: ", ")
    }

    @Test(arguments: [
        ("sip: {}\ncolour: red", 2, "unknown key 'colour'"),
        ("sip:\n  listen:\n    - {transport: udp, address: 127.0.0.1, port: 5060, tos: 4}", 3, "unknown key 'tos'"),
        ("sip:\n  listen:\n    - {transport: sctp, address: 127.0.0.1, port: 5060}", 3, "udp, tcp, tls"),
        ("sip:\n  listen:\n    - {transport: udp, address: pbx, port: 5060}", 3, "IPv4 or IPv6"),
        ("sip:\n  listen:\n    - {transport: udp, address: 127.0.0.1, port: 70000}", 3, "0 to 65535"),
        ("sip:\n  listen:\n    - {transport: udp, address: 127.0.0.1}", 3, "'port' is missing"),
        ("sip: {protection: {enabled: yes}}", 1, "true or false"),
        ("media: {ports: 17000-16000}", 1, "range of at least 4 ports"),
        ("media:\n  backend: asterisk", 2, "builtin, rtpengine"),
        ("media:\n  backend: rtpengine\n  rtpengine: {address: localhost:2223}", 3, "for example 127.0.0.1:2223"),
        ("media:\n  backend: rtpengine\n  rtpengine: {address: 127.0.0.1}", 3, "for example 127.0.0.1:2223"),
        ("media:\n  backend: rtpengine\n  rtpengine: {address: \"0.0.0.0:2223\"}", 3, "for example 127.0.0.1:2223"),
        ("media:\n  backend: rtpengine\n  rtpengine: {}", 3, "'address' is missing"),
        ("media:\n  backend: rtpengine\n  rtpengine: {port: 1}", 3, "unknown key 'port'"),
        ("media:\n  rtpengine: {address: 127.0.0.1:2223}", 2, "unless media.backend is rtpengine"),
        ("media: {comfort_noise: 1}", 1, "true or false"),
        ("media: {opus_complexity: 11}", 1, "0 to 10, or auto"),
        ("media: {workers: many}", 1, "1 to 64, or auto"),
        ("media: {cpu_share: 0}", 1, "1 to 100"),
        ("sip: {calls: 0}", 1, "1 to 1000"),
        ("appliance:\n  edition: deluxe", 2, "next, flex, tryout"),
        ("features: {echo: abc}", 1, "1 to 20 digits"),
        ("features: {conferences: [\"8\", \"8\"]}", 1, "taken by another feature"),
        ("features: {echo: \"8\", conferences: [\"8\"]}", 1, "taken by another feature"),
        (
            "features: {conferences: [\"8\"]}\nusers:\n- {extension: \"8\", name: A, password: x}", 3,
            "taken by features.conf"
        ),
        ("features: {conferences: [\(Self.rooms(11))]}", 1, "10"),
        ("features: {music_on_hold: loud}", 1, "true or false"),
        ("media: {country: XX}", 1, "one of ITU, AT"),
        ("privacy: {strict: maybe}", 1, "true or false"),
        ("privacy: {lenient: true}", 1, "unknown key 'lenient'"),
        ("users:\n- {extension: \"1\", name: A, password: 12345}", 2, "double quotes"),
        ("users:\n- {extension: \"1\", name: A}", 2, "'password' is missing"),
        (
            "users:\n- {extension: \"1\", name: A, password: x}\n- {extension: \"1\", name: B, password: y}", 3,
            "taken by"
        ),
        ("features: {echo: \"1\"}\nusers:\n- {extension: \"1\", name: A, password: x}", 3, "taken by features.echo"),
        ("groups:\n- {extension: \"6\", name: G, members: [\"9\"]}", 2, "no user has the extension 9"),
        ("groups:\n- {extension: \"6\", name: G, strategy: random, members: []}", 2, "one of all"),
        ("cloud: {relay: relay}", 1, "host:port"),
        ("cloud: {remote_access: there}", 1, "host:port"),
        ("cloud: {update: \"http://127.0.0.1:1\"}", 1, "https://host:port"),
        ("cloud: {backup: \"http://127.0.0.1:1\"}", 1, "https://host:port"),
        ("cloud: {monitoring_interval: 0}", 1, "1 to 86400"),
        ("users: 3", 1, "expected a list"),
        ("- 1", 1, "expected a mapping"),
        ("sip: {}\nmedia: {}\nsip: {}", 1, "twice"),
        ("sip: [", nil, "not YAML"),
        ("users:\n- {extension: \"1\", name: \"a\\u0007\", password: x}", 2, "control characters"),
    ])
    func `what is wrong is named with its line and what is allowed`(text: String, line: Int?, says: String) throws {
        let error = try #require(throws: ConfigurationError.self) { try parse(text) }
        guard case .problems(let problems) = error else {
            Issue.record("unexpected \(error)")
            return
        }
        #expect(problems.contains { $0.text.contains(says) && (line == nil || $0.line == line) }, "\(error)")
        #expect(error.description.hasPrefix("test.yaml"))
    }

    @Test func `all problems are reported at once, in the order of lines`() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try parse("media: {ports: x}\nappliance: {edition: x}\nfoo: 1\ncloud: {relay: x}")
        }
        guard case .problems(let problems) = error else { return }
        #expect(problems.map(\.line) == [1, 2, 3, 4])
    }

    @Test func `more users than the limit are refused`() throws {
        var limits = Limits()
        limits.users = 2
        let users = (1...3).map { "- {extension: \"\($0)\", name: U, password: p}" }.joined(separator: "\n")
        #expect(throws: ConfigurationError.self) {
            try ConfigurationFile.parse(Array("users:\n\(users)".utf8), file: "test.yaml", limits: limits)
        }
    }

    @Test func `a file beyond the size limit is refused`() {
        let bytes = [UInt8](repeating: UInt8(ascii: "#"), count: ConfigurationFile.maximumBytes + 1)
        #expect(throws: ConfigurationError.tooLong(file: "f", limit: ConfigurationFile.maximumBytes)) {
            try ConfigurationFile.parse(bytes, file: "f")
        }
    }

    @Test func `a missing file is named`() {
        #expect(throws: ConfigurationError.unreadable(file: "/nowhere.yaml", reason: "No such file or directory")) {
            try ConfigurationFile.load(path: "/nowhere.yaml")
        }
    }

    @Test(arguments: ["[", "{a: ", "- ", "? ", "{"])
    func `deep nesting is refused without exhausting the stack`(unit: String) {
        let text = String(repeating: unit, count: 100_000)
        #expect(throws: ConfigurationError.self) { try parse(text) }
    }

    @Test func `mutated documents never trap`() throws {
        let seedText = Array(try String(contentsOfFile: "\(examples)Examples/demo.yaml", encoding: .utf8).utf8)
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            var bytes = seedText
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            _ = try? ConfigurationFile.parse(bytes, file: "mutated")
        }
    }

    @Test func `the difference names what changes, and no password`() throws {
        let old = try parse(
            "users: [{extension: \"1\", name: A, password: one}, {extension: \"2\", name: B, password: x}]")
        let new = try parse(
            "media: {ports: 20000-20010}\n"
                + "users: [{extension: \"1\", name: A, password: two}, {extension: \"3\", name: C, password: x}]"
        )
        let difference = SettingsDifference(from: old, to: new)
        #expect(
            difference.text == [
                "~ media.ports: 16384-17383 -> 20000-20010", "- users.2: B", "+ users.3: C",
                "~ users.1.password: <secret> -> <another secret>",
            ])
        #expect(SettingsDifference(from: new, to: new).isEmpty)
    }

    @Test func `the difference says that a desk's PIN changes, and not to what`() throws {
        func settings(_ pin: String) throws -> ApplianceSettings {
            try parse("users: [{extension: \"1\", name: A, password: one, features: {desk_pin: \"\(pin)\"}}]")
        }
        let difference = SettingsDifference(from: try settings("4711"), to: try settings("0815"))
        #expect(difference.text == ["~ users.1.features.desk_pin: <secret> -> <another secret>"])
        let added = SettingsDifference(from: ApplianceSettings(), to: try settings("4711")).text.joined()
        #expect(added.contains("desk_pin: <secret>") && !added.contains("4711"))
    }

    private func parse(_ text: String) throws -> ApplianceSettings {
        try ConfigurationFile.parse(Array(text.utf8), file: "test.yaml")
    }
}
