package import CloudMessages
package import Primitives
package import PrivacyContract
package import Settings

/// One change to the appliance's database. Several travel as one transaction: all of them happen, or none.
package enum StoreCommand: Sendable, Equatable {
    /// Replaces users, groups and settings by these.
    case replaceSettings(ApplianceSettings)
    case setSwitch(Switch, Bool)
    /// Replaces the pairing record.
    case putPairing(PairingRecord)
    /// R8, X5: token, user and password hash vanish from every byte of the files (secure delete, WAL truncated).
    case erasePairing
    case putBackupKey(BackupKeyRecord)
    /// Q10: crypto-shredding; the encrypted identity and recipient vanish from every byte of the files.
    case eraseBackupKey
    case putBackup(BackupRecord)
    /// Out of the own list; the server's copy is the server's affair.
    case removeBackup(id: String)
    case putBackupPlan(BackupPlan)
    case putProvisioningToken(ProvisioningTokenRecord)
    case removeProvisioningToken(tokenHash: [UInt8])
    case appendCallRecord(CallRecord)
    case appendLedger(LedgerEntry)
    case appendProvisioningLog(ProvisioningLogEntry)
    /// R2: what is older vanishes from every byte of the files, copies of the database included.
    case pruneProvisioningLog(olderThan: UnixTime)
    /// Records of calls that began earlier go, as the owner's retention wants it.
    case pruneCallRecords(olderThan: UnixTime)
    /// Bindings survive a restart; replaces all of the address of record's bindings (empty: none left).
    case replaceBindings(aor: String, [BindingRecord])
    case appendLedgerCheckpoint(LedgerCheckpoint)
    /// A user has switched something by telephone; nothing when there is no such user.
    case putUserFeatures(`extension`: String, UserFeatures)
    case putNightSwitch(Bool)
    case putServiceState(ServiceState)
}

/// Names a transaction so that its outcome can come back as an input.
package struct StoreTicket: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

package enum StoreFailure: Error, Sendable, Hashable {
    case diskFull
    case readOnly
    case damaged(String)
    case input(String)
    /// Committed, but bytes of what was erased are still in a file, for this reason; the store tries again.
    case scrubPending(String)

    package var isTransient: Bool { self == .diskFull }
}

/// Everything the core has to know at start; what a power cut must not lose is in here.
package struct StoreSnapshot: Sendable, Equatable {
    package var settings = ApplianceSettings()
    /// Absent switches are off.
    package var switches: [Switch: Bool] = [:]
    package var pairing: PairingRecord?
    package var backupKey: BackupKeyRecord?
    package var backups: [BackupRecord] = []
    package var backupPlan = BackupPlan()
    package var provisioningTokens: [ProvisioningTokenRecord] = []
    package var bindings: [String: [BindingRecord]] = [:]
    /// The highest call record id and ledger sequence in use; 0 when none.
    package var lastCallDataID: UInt64 = 0
    package var lastLedgerEntry: LedgerEntry?
    /// The last ledger entry that the device has signed; 0 when none.
    package var signedLedgerSequence: UInt64 = 0
    package var services = ServiceState()
    package init() {}
}

/// What survives of the pairing (WIRE.md, Pairing). The code itself is never stored, only the offer's hash of it.
package struct PairingRecord: Sendable, Equatable {
    package enum Stage: String, Sendable, Hashable { case offered, confirming, paired }
    package var stage: Stage
    package var offer: PairingOffer
    /// Wrong codes typed so far.
    package var wrongAttempts: Int
    /// Set from `confirming` on.
    package var user: PairingUser?
    package init(stage: Stage, offer: PairingOffer, wrongAttempts: Int, user: PairingUser?) {
        self.stage = stage
        self.offer = offer
        self.wrongAttempts = wrongAttempts
        self.user = user
    }
}

/// X3: the machine account; only a salted scrypt hash of its password is kept.
package struct PairingUser: Sendable, Equatable {
    package var name: String
    package var salt: [UInt8]
    package var passwordHash: [UInt8]
    package init(name: String, salt: [UInt8], passwordHash: [UInt8]) {
        self.name = name
        self.salt = salt
        self.passwordHash = passwordHash
    }
}

/// The backup identity: public recipient, and the private identity encrypted under the customer's password (age scrypt).
package struct BackupKeyRecord: Sendable, Equatable {
    package var keyID: String
    /// `age1…`
    package var recipient: String
    package var encryptedIdentity: [UInt8]
    package init(keyID: String, recipient: String, encryptedIdentity: [UInt8]) {
        self.keyID = keyID
        self.recipient = recipient
        self.encryptedIdentity = encryptedIdentity
    }
}

package struct BackupRecord: Sendable, Equatable {
    /// How far a backup may be trusted.
    package enum State: String, Sendable, Hashable {
        /// Made, not at the server.
        case made
        /// At the server; whether it can be restored is not known.
        case uploaded
        /// Green: it was decrypted and restored into a scratch copy that passed its self-test.
        case proved
        /// Its drill failed.
        case failed
    }
    package var entry: BackupEntry
    package var uploaded: Bool
    /// The latest drill; nil: none so far.
    package var proof: BackupProof?
    package init(entry: BackupEntry, uploaded: Bool, proof: BackupProof? = nil) {
        self.entry = entry
        self.uploaded = uploaded
        self.proof = proof
    }

    package var state: State {
        guard uploaded else { return .made }
        guard let proof else { return .uploaded }
        return proof.failure == nil ? .proved : .failed
    }
}

/// Identifies a softphone for F-S3; only the hash of the token is kept.
package struct ProvisioningTokenRecord: Sendable, Equatable {
    package var tokenHash: [UInt8]
    package var `extension`: String
    package var expiresAt: UnixTime
    package init(tokenHash: [UInt8], `extension`: String, expiresAt: UnixTime) {
        self.tokenHash = tokenHash
        self.extension = `extension`
        self.expiresAt = expiresAt
    }
}

/// F-S4, anonymised when written (Q12, Q13): /24 or /48, time to the hour.
package struct ProvisioningLogEntry: Sendable, Equatable {
    package var hour: UnixTime
    package var network: IPAddress
    package var product: String
    package init(hour: UnixTime, network: IPAddress, product: String) {
        self.hour = hour
        self.network = network
        self.product = product
    }
}

/// One Contact of a registered user.
package struct BindingRecord: Sendable, Equatable {
    package var contact: String
    package var callID: String
    package var cseq: UInt32
    package var expiresAt: UnixTime
    package var flow: String
    /// Path values, as a comma list; empty without one.
    package var path: String
    package var userAgent: String?
    /// A flow of RFC 5626.
    package var isOutbound: Bool
    package var publicGRUU: String?
    package init(
        contact: String, callID: String, cseq: UInt32, expiresAt: UnixTime, flow: String, path: String = "",
        userAgent: String? = nil, isOutbound: Bool = false, publicGRUU: String? = nil
    ) {
        self.contact = contact
        self.callID = callID
        self.cseq = cseq
        self.expiresAt = expiresAt
        self.flow = flow
        self.path = path
        self.userAgent = userAgent
        self.isOutbound = isOutbound
        self.publicGRUU = publicGRUU
    }
}

/// One line of the owner's ledger: what left, to whom, which fields, how much; never content.
package struct LedgerEntry: Sendable, Equatable {
    package var sequence: UInt64
    package var time: UnixTime
    package var flow: FlowID
    package var recipient: Recipient
    package var fieldNames: [FieldName]
    /// Application bytes handed to TLS, headers included.
    package var bytes: Int64
    /// `sent`, `refused …`, `unreachable …`, `denied …`.
    package var result: String
    /// SHA-256 over the previous entry's hash and this entry's canonical text.
    package var hash: [UInt8]
    package init(
        sequence: UInt64, time: UnixTime, flow: FlowID, recipient: Recipient, fieldNames: [FieldName], bytes: Int64,
        result: String, hash: [UInt8]
    ) {
        self.sequence = sequence
        self.time = time
        self.flow = flow
        self.recipient = recipient
        self.fieldNames = fieldNames
        self.bytes = bytes
        self.result = result
        self.hash = hash
    }
}
