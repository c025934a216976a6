import OpenSSLCrypto
import Persistence
import Primitives
import Provisioning
import Settings
import Testing

struct ProvisioningTests {
    private var entropy = Entropy(SeededGenerator(seed: 11))
    private var desk = ProvisioningDesk(tokens: [], hashes: OpenSSLHashes())
    private let settings = {
        var settings = ApplianceSettings()
        settings.users = [UserSettings(extension: "100", name: "Ada & <Bob>", password: Secret("p\"w'\n"))]
        return settings
    }()
    private let wall = UnixTime(seconds: 1_800_000_123)
    private let client = IPAddress.v4(0xC000_0207)

    private mutating func query(
        _ token: Secret, at now: Instant = .origin, wall: UnixTime? = nil
    ) throws -> ProvisioningDesk.Answer {
        try desk.query(
            token: token, client: client, product: "softphone 1.0", settings: settings, at: now, wall: wall ?? self.wall
        )
    }

    private mutating func token() throws -> Secret {
        let (token, record) = try desk.makeToken(extension: "100", wall: wall, entropy: &entropy)
        desk.committed(record)
        #expect(record.tokenHash.count == 32)
        return token
    }

    @Test mutating func `a token identifies its user, and only its hash is kept`() throws {
        let token = try token()
        #expect(token.count == 40)
        let answer = try query(token)
        #expect(answer.user?.extension == "100")
        #expect(!"\(answer.commands)".contains(token.withBytes { String(decoding: $0, as: UTF8.self) }))
    }

    @Test mutating func `after its first use a token lives ten minutes more`() throws {
        let token = try token()
        _ = try query(token)
        #expect(try query(token, wall: wall + .seconds(599)).user != nil)
        #expect(try query(token, wall: wall + .seconds(600)).user == nil)
    }

    @Test mutating func `an unused token lives a day`() throws {
        let token = try token()
        #expect(try query(token, wall: wall + .seconds(86_400)).user == nil)
    }

    @Test mutating func `a stranger gets nothing but a line in the log, anonymised when written`() throws {
        _ = try token()
        let answer = try query(Secret("guess"))
        #expect(answer.user == nil)
        #expect(
            answer.commands == [
                .appendProvisioningLog(
                    ProvisioningLogEntry(
                        hour: UnixTime(seconds: 1_800_000_000), network: .v4(0xC000_0200), product: "softphone 1.0"))
            ])
    }

    @Test(arguments: [
        ("softphone 2.1 (id=abc; 192.0.2.1)", "softphone 2.1 "), ("user@host", "user"), ("a\u{0}b\nc", "abc"),
        (String(repeating: "x", count: 500), String(repeating: "x", count: 64)),
    ])
    func `the log keeps the product alone`(product: String, kept: String) {
        let entry = ProvisioningDesk.logEntry(
            client: IPAddress.v6(0x2001_0DB8_0001_0002, 3), product: product, wall: wall)
        #expect(entry.product == kept)
        #expect(entry.network == IPAddress.v6(0x2001_0DB8_0001_0000, 0))
        #expect(entry.hour.seconds % 3_600 == 0)
    }

    @Test mutating func `a stranger's guesses do not keep a client with a token from its file`() throws {
        let token = try token()
        for _ in 0..<ProvisioningDesk.queriesPerWindow { _ = try query(Secret("x")) }
        #expect(throws: ProvisioningRefusal.tooManyQueries(limit: 60)) { _ = try query(Secret("x")) }
        #expect(try query(token).user != nil)
    }

    @Test mutating func `sixty guesses a minute are answered, no more`() throws {
        for _ in 0..<ProvisioningDesk.queriesPerWindow { _ = try query(Secret("x")) }
        #expect(throws: ProvisioningRefusal.tooManyQueries(limit: 60)) { _ = try query(Secret("x")) }
        _ = try query(Secret("x"), at: .origin + ProvisioningDesk.rateWindow)
    }

    @Test mutating func `the number of tokens is bounded, and pruning makes room`() throws {
        for _ in 0..<ProvisioningDesk.maximumTokens { _ = try token() }
        #expect(throws: ProvisioningRefusal.tooManyTokens(limit: 1_000)) { _ = try token() }
        let commands = desk.prune(wall: wall + .seconds(86_400))
        #expect(commands.count == 1_001 && desk.tokenCount == 0)
        #expect(commands.last == .pruneProvisioningLog(olderThan: wall + .seconds(86_400 - 364 * 86_400)))
    }

    @Test mutating func `a user who is gone has no file`() throws {
        let token = try token()
        let answer = try desk.query(
            token: token, client: client, product: "", settings: ApplianceSettings(), at: .origin, wall: wall)
        #expect(answer.user == nil)
    }

    @Test func `the file has the form that softphones read, and escapes what users are called`() {
        let xml = String(
            decoding: ProvisioningFile.xml(
                for: settings.users[0],
                ProvisioningFile.Parameters(domain: "pbx.example", outboundProxy: "s4711.pbx.relay.example")),
            as: UTF8.self)
        #expect(xml.contains("<options>") && xml.contains("<accounts>") && xml.contains("<account>"))
        #expect(xml.contains("<name>Ada &amp; &lt;Bob&gt;</name>"))
        #expect(xml.contains("<password>p&quot;w&apos;&#10;</password>"))
        #expect(xml.contains("<transport>tls</transport>"))
        #expect(xml.contains("<outbound_proxy>s4711.pbx.relay.example</outbound_proxy>"))
    }
}
