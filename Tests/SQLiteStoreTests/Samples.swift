import CloudMessages
import Foundation
import GRDB
import Persistence
import Primitives
import PrivacyContract
import SQLiteStore
import Settings
import Testing

enum Samples {
    static let passwordBytes = Array("ada's long password".utf8)

    static var settings: ApplianceSettings {
        var settings = ApplianceSettings()
        settings.edition = .flex
        settings.sip.listeners = [.init(transport: .tls, listen: .init(address: .v6(0, 1), port: 5061))]
        settings.sip.protectionEnabled = false
        settings.sip.realm = "office.example"
        settings.media.ports = 20_000...20_999
        settings.media.opusComplexity = 2
        settings.media.backend = .rtpengine
        settings.media.rtpengine = Endpoint(address: .v6(0, 1), port: 22_223)
        settings.media.workers = 3
        settings.media.cpuShare = 55
        settings.media.isRealtime = true
        settings.media.comfortNoise = true
        settings.sip.calls = 12
        settings.https = ListenAddress(address: .loopbackV4, port: 8443)
        settings.features.echo = "600"
        settings.features.conferences = ["800", "801"]
        settings.features.musicOnHold = false
        settings.media.country = .austria
        settings.users = [
            UserSettings(extension: "101", name: "Ada", password: Secret(passwordBytes)),
            UserSettings(extension: "100", name: "Bob", password: Secret("p")),
        ]
        settings.groups = [GroupSettings(extension: "610", name: "Sales", strategy: .all, members: ["101", "100"])]
        settings.applications.voicemail.boxes = [MailboxSettings(extension: "101", pin: Secret("4711"))]
        settings.applications.queues = [QueueSettings(extension: "700", name: "Service")]
        settings.cloud.relay = "127.0.0.1:7443"
        settings.cloud.controlCenter = "https://127.0.0.1:7446"
        settings.cloud.backup = "https://127.0.0.1:7444"
        settings.cloud.monitoring = "https://127.0.0.1:7445"
        settings.cloud.monitoringInterval = .seconds(30)
        settings.cloud.update = "https://127.0.0.1:7448"
        settings.cloud.crash = "https://127.0.0.1:7449"
        settings.cloud.remoteAccess = "127.0.0.1:7450"
        settings.privacy.isStrict = false
        settings.records.retentionDays = 14
        settings.records.hiddenDigits = 3
        settings.users[1].callerNumber = "+493012345611"
        settings.users[1].features.doNotDisturb = true
        settings.users[1].features.forwarding.busy = "101"
        settings.groups[0].ringSeconds = 25
        settings.groups[0].overflow = "101"
        settings.features.office.parkOrbits = ["71", "72"]
        settings.features.office.isNight = true
        settings.features.office.codes.changed = [.park: "*75"]
        settings.numbering = NumberingSettings(countryCode: "49")
        settings.numbering.areaCode = "30"
        settings.numbering.nationalDigits = 10
        settings.numbering.outsidePrefix = "0"
        settings.outgoing.emergencyNumbers = ["112", "110"]
        settings.outgoing.rules = [
            OutgoingRule(prefix: "+", trunks: ["telco", "backup"]), OutgoingRule(prefix: "+49900", trunks: []),
        ]
        settings.trunks = [trunk, TrunkSettings(name: "backup", kind: .static, server: .init(host: "b"), user: "us")]
        return settings
    }

    /// Takes away what the fourth migration brought: what firmware of schema 3 leaves behind.
    static func takeBackToVersion3(_ path: String) throws {
        let database = try DatabaseQueue(path: path)
        try database.write {
            try dropAdditions($0)
            try $0.execute(sql: "DELETE FROM grdb_migrations WHERE identifier >= '4'")
        }
        try database.close()
    }

    /// Tables that came without a new schema version.
    private static func dropAdditions(_ database: Database) throws {
        for table in ["call_leg_figures", "ledger_checkpoint", "backup_proof", "backup_plan", "service_state"] {
            try database.execute(sql: "DROP TABLE \(table)")
        }
    }

    /// A record as firmware of schema 3 writes it; throws if it refused the database.
    static func appendWithVersion3(_ id: Int, _ path: String) throws {
        let database = try DatabaseQueue(path: path)
        try database.write {
            let version = try #require(try Int.fetchOne($0, sql: "PRAGMA user_version"))
            try #require(version <= 3)
            try $0.execute(
                sql: "INSERT INTO call_record VALUES (?, 0, 1, '', '', '', '', '', '', '', '', '', 0, 0, ?, ?, 1)",
                arguments: [id, "internal", "voice"])
            try $0.execute(sql: "INSERT INTO call_leg VALUES (?, 0, 'PCMU', 7, 8, 1, 0.25)", arguments: [id])
        }
        try database.close()
    }

    /// Takes away what the migrations since the first brought.
    static func takeBackToVersion1(_ path: String) throws {
        let database = try DatabaseQueue(path: path)
        try database.write {
            for table in [
                "outgoing_rule_trunk", "outgoing_rule", "trunk_number", "trunk_setting", "trunk", "user_setting",
            ] {
                try $0.execute(sql: "DROP TABLE \(table)")
            }
            try $0.execute(sql: "DELETE FROM setting WHERE name LIKE 'numbering.%' OR name LIKE 'outgoing.%'")
            if try $0.tableExists("grdb_migrations") {
                for column in ["path", "user_agent", "is_outbound", "public_gruu"] {
                    try $0.execute(sql: "ALTER TABLE binding DROP COLUMN \(column)")
                }
                try dropAdditions($0)
                try $0.execute(sql: "DELETE FROM grdb_migrations WHERE identifier NOT LIKE '1%'")
            }
            try $0.execute(sql: "PRAGMA user_version = 1")
        }
        try database.close()
    }

    static let trunkPasswordBytes = Array("the trunk's long password".utf8)

    /// Every field has another value than its default.
    static var trunk: TrunkSettings {
        var trunk = TrunkSettings(
            name: "telco", kind: .registering, server: TrunkServer(host: "2001:db8::1", port: 5071), user: "account",
            password: Secret(trunkPasswordBytes))
        trunk.transport = .tls
        trunk.outboundProxy = TrunkServer(host: "proxy.telco.example")
        trunk.authenticationUser = "auth"
        trunk.domain = "telco.example"
        trunk.expires = .seconds(300)
        trunk.channels = 4
        trunk.healthInterval = .zero
        trunk.identity = .preferred
        trunk.fromAccount = true
        trunk.honoursPrivacy = false
        trunk.codecs = ["PCMA", "G722"]
        trunk.numberFormat = .national
        trunk.numberPrefix = "99"
        trunk.incomingFormat = .international
        trunk.callerNumber = "+4930123456"
        trunk.block = DirectDialBlock(base: "+4930123456", first: "00", last: "99", extensionPrefix: "1")
        trunk.numbers = [DirectNumber(number: "+4930999", destination: "610"), .init(number: "2", destination: "101")]
        trunk.defaultDestination = "610"
        trunk.sources = [AddressBlock("192.0.2.0/24")!, AddressBlock("[2001:db8::7]:5080")!]
        trunk.redirects = .follow
        trunk.mediaSecurity = .required
        return trunk
    }

    static let pairing = PairingRecord(
        stage: .confirming,
        offer: PairingOffer(
            tokenID: "0192aabb-token-id", serial: "SN1", issuedAt: UnixTime(seconds: 10),
            expiresAt: UnixTime(seconds: 86_410), codeHash: Array(0x20..<0x40)),
        wrongAttempts: 1,
        user: PairingUser(name: "ccc-7k3m9q2z", salt: Array(0x80..<0x90), passwordHash: Array(0xA0..<0xC0)))

    static let backupKey = BackupKeyRecord(
        keyID: "k1", recipient: "age1examplerecipient", encryptedIdentity: Array("AGE-ENCRYPTED-IDENTITY-BYTES".utf8))

    static let backup = BackupRecord(
        entry: .init(id: "b1", createdAt: UnixTime(seconds: 5), sizeBytes: 77, keyID: "k1", sha256: Array(0..<32)),
        uploaded: true)

    static let token = ProvisioningTokenRecord(
        tokenHash: Array(0xD0..<0xF0), extension: "100", expiresAt: UnixTime(seconds: 99))

    static let binding = BindingRecord(
        contact: "<sip:100@192.0.2.1:5062>", callID: "c1", cseq: 4_000_000_000, expiresAt: UnixTime(seconds: 60),
        flow: "UDP 127.0.0.1:5060 192.0.2.1:5062", path: "<sip:edge.example;lr;ob>", userAgent: "phone",
        isOutbound: true, publicGRUU: "sip:100@pbx.example;gr=urn:uuid:1")

    static func callRecord(_ id: UInt64) -> CallRecord {
        var record = CallRecord(callDataID: id, startDate: UnixTime(seconds: Int64(id)), lengthSeconds: 12)
        record.userNumber = "100"
        record.connectedUserName = "Bob"
        record.cost = 0.25
        record.direction = .outgoing
        record.success = true
        record.quality = [
            .init(codec: "opus", packetsReceived: 5, packetsSent: 6, packetsLost: 1, jitterMilliseconds: 1.5),
            .init(codec: "PCMA", packetsReceived: 6, packetsSent: 5, packetsLost: 0, jitterMilliseconds: 0.5),
        ]
        record.quality[0].party = "100"
        record.quality[0].packetsDiscarded = 2
        record.quality[0].roundTripMilliseconds = 12.5
        record.quality[0].opinionReceived = 4.25
        record.quality[0].opinionSent = 3.5
        record.quality[0].isOpinionReported = true
        record.quality[0].peerLossFraction = 0.125
        record.quality[0].peerDiscardFraction = 0.25
        record.quality[0].peerJitterMilliseconds = 2.5
        record.quality[0].audioPath = "heard"
        record.quality[0].trouble = "sends nothing that arrives"
        record.quality[1].party = "+49301234"
        record.quality[1].audioPath = "held"
        return record
    }

    static func ledger(_ sequence: UInt64) -> LedgerEntry {
        LedgerEntry(
            sequence: sequence, time: UnixTime(seconds: 1), flow: .c5, recipient: .monitoring,
            fieldNames: [FieldName("metrics"), FieldName("serial")], bytes: 300, result: "sent",
            hash: [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: 32))
    }

    static func checkpoint(_ sequence: UInt64) -> LedgerCheckpoint {
        LedgerCheckpoint(
            sequence: sequence, time: UnixTime(seconds: 2), hash: ledger(sequence).hash, signature: [1, 2, 3],
            certificateChain: "chain")
    }
}

/// A directory of its own for each test, removed afterwards.
final class TemporaryFolder: Sendable {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("store-\(UUID().uuidString)").path

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func store(_ options: SQLiteStore.Options = .init()) throws -> SQLiteStore {
        try SQLiteStore(directory: path, at: UnixTime(seconds: 1_700_000_000), options: options)
    }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }

    func write(_ data: Data, to name: String) throws { try data.write(to: URL(fileURLWithPath: "\(path)/\(name)")) }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(path)/\(name)") }

    /// Overwrites the start of the second page, which holds a table.
    func damage(_ name: String) throws {
        let url = URL(fileURLWithPath: "\(path)/\(name)")
        var data = try Data(contentsOf: url)
        data.replaceSubrange(4096..<4196, with: Data(repeating: 0xFF, count: 100))
        try data.write(to: url)
    }

    /// All files below the folder, one behind the other.
    func contents() throws -> Data {
        try FileManager.default.subpathsOfDirectory(atPath: path).sorted().reduce(into: Data()) { all, name in
            all.append(FileManager.default.contents(atPath: "\(path)/\(name)") ?? Data())
        }
    }

    /// Whether any file below the folder holds these bytes.
    func contains(_ bytes: [UInt8]) throws -> Bool {
        for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
            guard let data = FileManager.default.contents(atPath: "\(path)/\(name)") else { continue }
            if data.range(of: Data(bytes)) != nil { return true }
        }
        return false
    }
}
