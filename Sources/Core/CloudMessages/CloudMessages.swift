package import Primitives

/// What the Control Center offers at F-C2: the hash of a code that a person will type (WIRE.md, Pairing step 2).
package struct PairingOffer: Sendable, Hashable {
    package var tokenID: String
    package var serial: String
    package var issuedAt: UnixTime
    package var expiresAt: UnixTime
    /// SHA-256 over `PairingCode.hashInput` (see Core/Pairing).
    package var codeHash: [UInt8]

    package init(tokenID: String, serial: String, issuedAt: UnixTime, expiresAt: UnixTime, codeHash: [UInt8]) {
        self.tokenID = tokenID
        self.serial = serial
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.codeHash = codeHash
    }
}

/// One metric of F-C5; names are on the telemetry allow-list, values carry no label that names a person.
package struct MetricPoint: Sendable, Hashable {
    package var name: String
    /// UCUM unit as OTLP wants it: `1`, `By`, `s`, `{call}`.
    package var unit: String
    package var value: Double
    /// Allow-listed attributes only, for example `state=used`.
    package var attributes: [MetricAttribute]

    package init(name: String, unit: String, value: Double, attributes: [MetricAttribute] = []) {
        self.name = name
        self.unit = unit
        self.value = value
        self.attributes = attributes
    }
}

package struct MetricAttribute: Sendable, Hashable {
    package var key: String
    package var value: String
    package init(_ key: String, _ value: String) {
        self.key = key
        self.value = value
    }
}

/// A call record with the fields of FLOWS.md section 5 (F-C6, local history).
package struct CallRecord: Sendable, Hashable {
    package enum Direction: String, Sendable, Hashable { case incoming, outgoing, `internal` }

    /// Unique and ordered in time; also the stream's cursor.
    package var callDataID: UInt64
    package var startDate: UnixTime
    /// Connected time in whole seconds; 0 when not answered.
    package var lengthSeconds: Int
    package var externalName: String = ""
    package var externalPhoneNumber: String = ""
    package var msn: String = ""
    package var userNumber: String = ""
    package var userName: String = ""
    package var connectedUserNumber: String = ""
    package var connectedUserName: String = ""
    package var groupNumber: String = ""
    package var groupName: String = ""
    package var cost: Double = 0
    package var costFactor: Double = 0
    package var direction: Direction = .internal
    package var callType: String = "voice"
    package var success: Bool = false
    /// Quality per leg; stays on the appliance (not a field of F-C6).
    package var quality: [CallLegQuality] = []

    package init(callDataID: UInt64, startDate: UnixTime, lengthSeconds: Int) {
        self.callDataID = callDataID
        self.startDate = startDate
        self.lengthSeconds = lengthSeconds
    }

    /// The names of what is passed on of a record, as they are written.
    package static let wireNames = [
        "CallDataId", "startDate", "length", "externalName", "externalPhoneNumber", "msn", "userNumber", "userName",
        "connectedUserNumber", "connectedUserName", "groupNumber", "groupName", "cost", "costFactor", "direction",
        "callType", "success",
    ]
}

/// How one leg of a call sounds: what came from its party as "received", what went to it as "sent". None of it leaves the
/// appliance.
package struct CallLegQuality: Sendable, Hashable {
    /// The number of the party; empty in records of earlier firmware.
    package var party: String = ""
    /// In both directions.
    package var codec: String
    package var packetsReceived: UInt64
    package var packetsSent: UInt64
    package var packetsLost: UInt64
    package var jitterMilliseconds: Double
    /// Came too late to be played.
    package var packetsDiscarded: UInt64 = 0
    /// Nil when the peer has not reported.
    package var roundTripMilliseconds: Double?
    /// MOS-CQE, 1...4.5, of what came from the party; nil when nothing did.
    package var opinionReceived: Double?
    /// The same of what was sent to it; nil when it has not reported.
    package var opinionSent: Double?
    /// True when `opinionSent` is the party's own word (RFC 3611), false when it is calculated from what it lost.
    package var isOpinionReported: Bool = false
    /// What the party reports lost of what was sent to it, 0...1; nil when it has not.
    package var peerLossFraction: Double?
    /// What of it came too late to be played there, 0...1; nil when it does not say (RFC 3611).
    package var peerDiscardFraction: Double?
    /// Interarrival jitter of what was sent to it, as it reports.
    package var peerJitterMilliseconds: Double?
    /// Whether the party is heard, in the end or now: `heard`, `held`, `comfort-noise-only`, `no-packets`, `refused-source`,
    /// `not-authentic`, `undecodable`; nil in records of earlier firmware.
    package var audioPath: String?
    /// What kept the party from being heard last, in words, though it may be over; nil when nothing did.
    package var trouble: String?

    package init(
        codec: String, packetsReceived: UInt64, packetsSent: UInt64, packetsLost: UInt64, jitterMilliseconds: Double
    ) {
        self.codec = codec
        self.packetsReceived = packetsReceived
        self.packetsSent = packetsSent
        self.packetsLost = packetsLost
        self.jitterMilliseconds = jitterMilliseconds
    }

    /// Lost of what the party sent, 0...1; nil when nothing was expected.
    package var lossFraction: Double? {
        let expected = Double(packetsReceived) + Double(packetsLost)
        return expected > 0 ? Double(packetsLost) / expected : nil
    }
}

/// The backup server's answer to F-C7.
package struct BackupServiceStatus: Sendable, Hashable {
    package var available: Bool
    package var maximumBytes: Int64
    package var retainedCount: Int
    package init(available: Bool, maximumBytes: Int64, retainedCount: Int) {
        self.available = available
        self.maximumBytes = maximumBytes
        self.retainedCount = retainedCount
    }
}

/// One backup as the server lists it.
package struct BackupEntry: Sendable, Hashable {
    package var id: String
    package var createdAt: UnixTime
    package var sizeBytes: Int64
    package var keyID: String
    /// SHA-256 of the ciphertext.
    package var sha256: [UInt8]
    package init(id: String, createdAt: UnixTime, sizeBytes: Int64, keyID: String, sha256: [UInt8]) {
        self.id = id
        self.createdAt = createdAt
        self.sizeBytes = sizeBytes
        self.keyID = keyID
        self.sha256 = sha256
    }
}

/// What the appliance tells a paired Control Center about itself (WIRE.md, Pairing step 5).
package struct DeviceState: Sendable, Hashable {
    package var model: String
    package var firmwareVersion: String
    package var edition: String
    package var registeredUsers: Int
    package var activeCalls: Int
    /// Services the owner has switched on, by switch name, sorted.
    package var services: [String]
    package init(
        model: String, firmwareVersion: String, edition: String, registeredUsers: Int, activeCalls: Int,
        services: [String]
    ) {
        self.model = model
        self.firmwareVersion = firmwareVersion
        self.edition = edition
        self.registeredUsers = registeredUsers
        self.activeCalls = activeCalls
        self.services = services
    }

    /// The names of what it says, as they are written.
    package static let wireNames = [
        "model", "firmwareVersion", "edition", "registeredUsers", "activeCalls", "services",
    ]
}
