package import Applications
package import Backup
package import CloudMessages
package import Media
package import Persistence
package import Primitives
package import PrivacyContract
package import SIPTransaction
package import ServerLocation
package import Settings
package import Telemetry

/// Everything that can happen to the appliance.
package enum Input: Sendable, Equatable {
    /// The armed deadline was reached (or the loop woke early: harmless).
    case deadline
    /// What the wall clock says now. The core keeps the offset to the monotonic clock until the next one.
    case wallClock(UnixTime)
    /// The SIP listeners are bound; the addresses are what Via and Contact may name.
    case listening([ListenerAddress])
    /// One datagram, or one message framed from a stream.
    case sipMessage([UInt8], SIPFlow)
    /// The connection behind a flow is gone.
    case sipFlowClosed(SIPFlow)
    /// The shell dropped, refused or closed something by itself; the name is a counter's.
    case counted(String, by: UInt64 = 1)
    case media(MediaEvent)
    /// The outcome of an `Effect.resolve`.
    case resolved(DNSQuery, DNSOutcome)
    /// SIP comes in faster than it is worked off, or no longer does.
    case overload(Bool)
    /// What the media workers present over DTLS; comes once, before the first message.
    case mediaCertificate(CertificateFingerprint)
    case stored(StoreTicket, StoreOutcome)
    /// The answer to an `Effect.egress`, with the application bytes that it took.
    case cloudReply(CloudRequestID, CloudReply, bytesSent: Int64)
    case uplink(UplinkEvent)
    /// A request that came in through the relay, TLS already terminated here.
    case service(ServiceRequestID, ServiceRequest)
    /// The peer of a service request (a call data stream) went away.
    case serviceClosed(ServiceRequestID)
    case admin(AdminRequestID, AdminCommand)
    case sample(SystemSample)
    case jobFinished(JobID, JobOutcome)
    /// SIGTERM: no new calls; running ones end or `Duration` passes, then `Effect.drained`.
    case drain(within: Duration)
    /// The sounds that are at hand, at the start and whenever they have changed.
    case prompts(PromptLibrary)
    /// What the store of voice messages has found or done.
    case messages(MessageEvent)
    /// Of the uplink to the remote access server (F-C10).
    case remoteLink(UplinkEvent)
    /// The connection of a remote session is gone, after so many application bytes to the other side.
    case sessionEnded(ServiceRequestID, bytesSent: Int64)
    /// Reports of crashes that are on the disk; comes once, at the start.
    case crashReports([CrashReport])
}

package enum StoreOutcome: Sendable, Equatable {
    case committed
    case failed(StoreFailure)
}

package enum UplinkEvent: Sendable, Equatable {
    /// `POST /v1/welcome`: our address as the relay sees it (F-S5).
    case up(external: Endpoint)
    case down(reason: String)
}

package struct ServiceRequestID: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

package struct AdminRequestID: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

package struct JobID: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// A request on one of the appliance's services (WIRE.md, Uplink), as the shell has decoded it.
package enum ServiceRequest: Sendable, Equatable {
    /// Service `pairing`, F-C2. `signatureIsValid`: ES256 by a certificate of the vendor CA in the Control Center's role.
    case offer(PairingOffer, signatureIsValid: Bool)
    /// Service `control`; the credentials are HTTP Basic inside the end-to-end TLS.
    case deviceState(Credentials)
    case callData(Credentials, after: UInt64)
    /// Service `provisioning`, F-S3: the token that identifies the client, and who asked (for F-S4).
    case provisioningFile(token: Secret, client: IPAddress, product: String)
    /// Service `admin`, F-C10: the first request of a session; the credentials are the pairing user's.
    case adminSession(Credentials)
}

package struct Credentials: Sendable, Equatable {
    package var user: String
    package var password: Secret
    package init(user: String, password: Secret) {
        self.user = user
        self.password = password
    }
}

/// What the administrator asks for, through the local socket or HTTPS.
package enum AdminCommand: Sendable, Equatable {
    case status
    case setSwitch(Switch, Bool)
    /// The code as typed, F-C3.
    case enterPairingCode(String)
    /// Set-up or change of the backup password: a new identity.
    case setBackupPassword(Secret)
    case deleteBackupPassword
    case backUpNow
    case listBackups
    /// Changes the schedule, the parts or the reminder; what is nil stays.
    case planBackups(BackupPlanChange)
    case showBackupPlan
    /// The shell has put a backup to the proof, and reports.
    case backupDrilled(id: String, DrillOutcome)
    /// A printable sheet; `language` is a code of ISO 639.
    case recoverySheet(language: String)
    /// Leave to fetch one object from the backup server for a restore. The shell asks, never an interface; it reports
    /// the outcome as `Input.cloudReply`, whatever happens.
    case permitRestore
    /// Makes a one-time token for a softphone of that extension.
    case makeProvisioningToken(extension: String)
    /// Asks the telephones of that extension to fetch their configuration again (`Event: check-sync`).
    case resync(extension: String, reboots: Bool)
    case calls
    case ledger(after: UInt64)
    /// The device's signatures over the ledger.
    case ledgerCheckpoints(after: UInt64)
    case callRecords(after: UInt64)
    case applySettings(ApplianceSettings)
    case privacy
    /// Something about mailboxes, queues or rooms.
    case applications(ApplicationRequest)
    case update(UpdateCommand)
    case crashReports(CrashReportCommand)
    case remoteAccess(RemoteAccessCommand)
}

/// Slow or blocking work which the shell does off the loop.
package enum Job: Sendable, Equatable {
    /// scrypt over the password with a fresh salt.
    case hashPassword(Secret, salt: [UInt8])
    case verifyPassword(Secret, salt: [UInt8], hash: [UInt8])
    /// A new X25519 identity, encrypted under the password (age scrypt recipient).
    case makeBackupKey(password: Secret)
    /// Snapshot, tar, compress, encrypt to `recipient`; the artifact is named after the id.
    case makeBackup(id: String, recipient: String, createdAt: UnixTime, parts: [BackupPart])
    case discardArtifact(name: String)
    /// Reads from the store on behalf of an administrator or a stream.
    case readLedger(after: UInt64, limit: Int)
    case readCallRecords(after: UInt64, limit: Int)
    case readLedgerCheckpoints(after: UInt64, limit: Int)
    /// Has the device's key sign the ledger up to this entry (`LedgerCheckpoint.signedText`).
    case signLedger(sequence: UInt64, hash: [UInt8], time: UnixTime)
    /// Gives the fetched bundle to the installer.
    case handOverUpdate(UpdateManifest)
    case removeCrashReport(id: String)
}

package enum JobOutcome: Sendable, Equatable {
    case passwordHash([UInt8])
    case passwordVerified(Bool)
    case backupKey(BackupKeyRecord)
    case backup(sizeBytes: Int64, sha256: [UInt8])
    case ledger([LedgerEntry])
    case callRecords([CallRecord])
    case ledgerCheckpoints([LedgerCheckpoint])
    case ledgerSigned(LedgerCheckpoint)
    case done
    case failed(String)
}
