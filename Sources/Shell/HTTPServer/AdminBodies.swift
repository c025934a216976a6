import ApplianceCore
import CloudMessages
import CloudWire
import Media
import Persistence
import Primitives
import PrivacyContract

// The JSON of the administration interface (docs/protocols): flat, camel case, times in RFC 3339.

struct SwitchBody: Codable { var on: Bool }
struct PairingCodeBody: Codable { var code: String }
struct PasswordBody: Codable { var password: String }
struct ClaimBody: Codable {
    var code: String
    var password: String
}
struct SessionBody: Codable { var token: String }
struct ProvisioningTokenRequestBody: Codable { var `extension`: String }
struct ResyncBody: Codable {
    var `extension`: String
    var reboot: Bool?
}
struct MessageBody: Codable { var message: String }

struct RestoreBody: Codable {
    var path: String?
    var id: String?
    var password: String
}

struct ChangesBody: Codable {
    var changes: [String]
    var applied: Bool
}

struct StatusBody: Codable {
    var serial: String
    var model: String
    var firmwareVersion: String
    var pairing: String
    var pairingUser: String?
    var switches: [String: Bool]
    var uplink: String
    var registrations: Int
    var calls: Int
    var users: Int
    var lastBackup: BackupBody?
    /// What the owner has to do about backups.
    var backupReminder: String?
    var trunks: [TrunkBody]
    var audio: AudioBody
    var loop: LoopBody
    var media: MediaBody
    var counters: [String: UInt64]

    init(_ status: ApplianceStatus, _ identity: AdminIdentity) {
        serial = identity.serial
        model = identity.model
        firmwareVersion = identity.firmwareVersion
        pairing = status.pairing
        pairingUser = status.pairingUser
        switches = Dictionary(Switch.allCases.map { ($0.rawValue, status.switches[$0] ?? false) }) { first, _ in first }
        uplink = status.uplink
        registrations = status.registrations
        calls = status.calls
        users = status.users
        lastBackup = status.lastBackup.map(BackupBody.init)
        backupReminder = status.backupReminder
        trunks = status.trunks.map(TrunkBody.init)
        audio = AudioBody(status.audio)
        loop = LoopBody(status.loopTurns)
        media = MediaBody(status.media)
        counters = Dictionary(status.counters.map { ($0.name, $0.value) }) { $0 + $1 }
    }
}

/// A line to the outside.
struct TrunkBody: Codable {
    var name: String
    var state: String
    var detail: String
    var calls: Int
    var server: String?

    init(_ trunk: TrunkSummary) {
        name = trunk.name
        state = trunk.state
        detail = trunk.detail
        calls = trunk.calls
        server = trunk.server
    }
}

/// Turns of the control loop, in milliseconds.
struct LoopBody: Codable {
    var turns: UInt64
    var p50: Double
    var p99: Double
    var p999: Double
    var longest: Double

    init(_ durations: DurationHistogram) {
        turns = durations.count
        p50 = durations.quantile(0.5) / .milliseconds(1)
        p99 = durations.quantile(0.99) / .milliseconds(1)
        p999 = durations.quantile(0.999) / .milliseconds(1)
        longest = durations.longest / .milliseconds(1)
    }
}

/// What the media workers have time for: milliseconds of processor time a second.
struct MediaBody: Codable {
    var workers: Int
    var sessions: Int
    var budget: Double
    var charged: Double
    var heldUp: Bool

    init(_ media: MediaLoad) {
        workers = media.workers
        sessions = media.sessions
        budget = media.capacity / .milliseconds(1)
        charged = media.charged / .milliseconds(1)
        heldUp = media.isHeldUp
    }
}

struct BackupBody: Codable {
    var id: String
    var createdAt: String
    var sizeBytes: Int64
    var keyId: String
    var sha256: String
    var uploaded: Bool
    /// `made`, `uploaded`, `proved` (green), `failed`.
    var state: String
    /// The latest restore drill.
    var drilledAt: String?
    var drillFailure: String?

    init(_ record: BackupRecord) {
        self.init(record.entry, uploaded: record.uploaded)
        state = record.state.rawValue
        drilledAt = record.proof?.at.rfc3339
        drillFailure = record.proof?.failure
    }

    init(_ entry: BackupEntry, uploaded: Bool) {
        id = entry.id
        createdAt = entry.createdAt.rfc3339
        sizeBytes = entry.sizeBytes
        keyId = entry.keyID
        sha256 = Hex.encode(entry.sha256)
        self.uploaded = uploaded
        state = (uploaded ? BackupRecord.State.uploaded : .made).rawValue
    }
}

struct BackupsBody: Codable { var backups: [BackupBody] }

struct ProvisioningTokenBody: Codable {
    var `extension`: String
    var token: String
    /// Where a softphone fetches its file, on the provisioning service or this server.
    var path: String
}

struct CallBody: Codable {
    var caller: String
    var callee: String
    var state: String
    var codecs: String
    var seconds: Int
    var legs: [LegBody]
    var trouble: [String]

    init(_ call: CallSummary) {
        caller = call.caller
        callee = call.callee
        state = call.state
        codecs = call.codecs
        seconds = call.seconds
        legs = call.legs.map(LegBody.init)
        trouble = call.trouble
    }
}

struct CallsBody: Codable { var calls: [CallBody] }

/// `timeMilliseconds` and `hash` allow the chain to be checked by whoever reads it (`pbxctl ledger verify`).
struct LedgerEntryBody: Codable {
    var sequence: UInt64
    var time: String
    var timeMilliseconds: Int64
    var flow: String
    var recipient: String
    var fields: [String]
    var bytes: Int64
    var result: String
    var hash: String

    init(_ entry: LedgerEntry) {
        sequence = entry.sequence
        time = entry.time.rfc3339
        timeMilliseconds = entry.time.milliseconds
        flow = entry.flow.rawValue
        recipient = entry.recipient.rawValue
        fields = entry.fieldNames.map(\.rawValue)
        bytes = entry.bytes
        result = entry.result
        hash = Hex.encode(entry.hash)
    }
}

struct LedgerBody: Codable { var entries: [LedgerEntryBody] }

/// A signature of the device over the ledger; `signature` is a DER-encoded ECDSA-Sig-Value in hexadecimal.
struct LedgerCheckpointBody: Codable {
    var sequence: UInt64
    var timeMilliseconds: Int64
    var hash: String
    var signature: String
    /// PEM, leaf first.
    var certificateChain: String

    init(_ checkpoint: LedgerCheckpoint) {
        sequence = checkpoint.sequence
        timeMilliseconds = checkpoint.time.milliseconds
        hash = Hex.encode(checkpoint.hash)
        signature = Hex.encode(checkpoint.signature)
        certificateChain = checkpoint.certificateChain
    }
}

struct LedgerCheckpointsBody: Codable { var checkpoints: [LedgerCheckpointBody] }

/// F-C6's fields and, since it does not leave the appliance here, the quality of each leg.
struct CallRecordWithQualityBody: Codable {
    var record: CallRecordBody
    var quality: [LegBody]

    init(_ record: CallRecord) {
        self.record = CallRecordBody(record)
        quality = record.quality.map(LegBody.init)
    }
}

struct CallRecordsBody: Codable { var records: [CallRecordWithQualityBody] }

struct FlowBody: Codable {
    var flow: String
    var recipient: String
    var fields: [String]
    var offSwitch: String?
    var isOn: Bool
    /// False where the contract has a row and no code sends yet.
    var isImplemented: Bool
    /// Strict mode lets nothing of it out.
    var isBlocked: Bool

    init(_ state: FlowState) {
        flow = state.flow.rawValue
        recipient = state.recipient.rawValue
        fields = state.fieldNames.map(\.rawValue)
        offSwitch = state.offSwitch?.rawValue
        isOn = state.isOn
        isImplemented = state.isImplemented
        isBlocked = state.isBlocked
    }
}

struct FlowsBody: Codable {
    var flows: [FlowBody]
    var strict: Bool
}
