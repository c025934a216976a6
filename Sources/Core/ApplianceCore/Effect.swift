package import Applications
package import CloudMessages
package import Media
package import Persistence
package import Primitives
package import PrivacyContract
package import SIPTransaction
package import ServerLocation
package import Updates

/// Everything the core can ask of the shell.
package enum Effect: Sendable, Equatable {
    case sipTransmit([UInt8], SIPFlow)
    /// Close the connection behind a flow (protocol error, abuse).
    case sipClose(SIPFlow)
    /// One question to the name servers; its outcome comes back as `Input.resolved`, whatever happens.
    case resolve(DNSQuery)
    case media(MediaCommand)
    /// One transaction; its outcome comes back as `Input.stored`.
    case store(StoreTicket, [StoreCommand])
    /// The only way towards a vendor server. The permit can be made by the gate alone.
    case egress(OutboundMessage, Permit)
    /// Stop sending a message whose flow was switched off or that waited too long; its `Input.cloudReply` still comes.
    case cancelEgress(CloudRequestID)
    /// Hold the uplink open (dial, keep alive, dial again with back-off); F-S5.
    case openUplink(Permit)
    case closeUplink
    case serviceReply(ServiceRequestID, ServiceReply)
    /// One more record on a call data stream (F-C6), under its permit.
    case serviceEvent(ServiceRequestID, CallRecord, Permit)
    case serviceEnd(ServiceRequestID)
    case adminReply(AdminRequestID, AdminReply)
    case run(JobID, Job)
    /// Ask the HAL for a `SystemSample`.
    case takeSample
    case log(LogLevel, String)
    /// After `Input.drain`: nothing is left to do.
    case drained
    /// For who keeps the files of voice messages; what becomes of it comes back as `Input.messages`.
    case messages(MessageCommand)
    /// Hold the uplink to the remote access server open (F-C10), until it is closed.
    case openRemoteAccess(Permit)
    /// At once, with every session on it.
    case closeRemoteAccess
}

package enum LogLevel: Int, Sendable, Hashable { case debug, info, notice, warning, error }

package enum ServiceReply: Sendable, Equatable {
    case noContent
    /// F-C13, under its permit.
    case deviceState(DeviceState, Permit)
    /// The provisioning file (XML) of an identified client, under its permit.
    case provisioningFile([UInt8], Permit)
    /// A stream of `serviceEvent` follows.
    case callDataStream
    /// The session may begin, under its permit (F-C10).
    case adminSession(Permit)
    /// RFC 9457.
    case problem(status: Int, title: String, detail: String)
}

package enum AdminReply: Sendable, Equatable {
    case done(String)
    case status(ApplianceStatus)
    case backup(BackupEntry)
    case backups([BackupRecord])
    case backupPlan(BackupPlanReport)
    case recoverySheet(String)
    /// The answer to `AdminCommand.permitRestore`: one request, to be reported under this id.
    case restorePermit(CloudRequestID, Permit)
    case provisioningToken(Secret, extension: String)
    case calls([CallSummary])
    case ledger([LedgerEntry])
    case ledgerCheckpoints([LedgerCheckpoint])
    case callRecords([CallRecord])
    case privacy([FlowState], isStrict: Bool)
    case messages([VoiceMessage])
    case rooms([RoomSummary])
    case queues([QueueSummary])
    case update(UpdateStatus)
    case crashReports(CrashReportList)
    case remoteAccess(RemoteAccessStatus)
    /// `status` follows HTTP (400, 404, 409, 429, 503); `detail` says what to do.
    case refused(status: Int, detail: String)
}

package struct ApplianceStatus: Sendable, Equatable {
    package var pairing: String
    package var switches: [Switch: Bool]
    package var uplink: String
    package var registrations: Int
    package var calls: Int
    package var users: Int
    package var pairingUser: String?
    package var lastBackup: BackupRecord?
    package var counters: [Counter]
    package var trunks: [TrunkSummary] = []
    package var audio = AudioSummary()
    /// What the owner has to be told about backups; nil: nothing.
    package var backupReminder: String?
    /// How long the turns of the control loop took, which is how long anything else had to wait; the shell's to say.
    package var loopTurns = DurationHistogram()
    /// How the media workers stand; the shell's to say.
    package var media = MediaLoad()
    package init(
        pairing: String, switches: [Switch: Bool], uplink: String, registrations: Int, calls: Int, users: Int,
        pairingUser: String?, lastBackup: BackupRecord?, counters: [Counter]
    ) {
        self.pairing = pairing
        self.switches = switches
        self.uplink = uplink
        self.registrations = registrations
        self.calls = calls
        self.users = users
        self.pairingUser = pairingUser
        self.lastBackup = lastBackup
        self.counters = counters
    }
}

/// Something that was dropped, refused or answered, counted by name (`sip.malformed`, `egress.denied`, …).
package struct Counter: Sendable, Equatable {
    package var name: String
    package var value: UInt64
    package init(_ name: String, _ value: UInt64) {
        self.name = name
        self.value = value
    }
}

/// A line to the outside as `pbxctl status` shows it.
package struct TrunkSummary: Sendable, Equatable {
    package var name: String
    /// `registered`, `reachable`, `trying`, `refused`, `unreachable`, `idle`, `unregistered`.
    package var state: String
    /// The state with its reason and what to try.
    package var detail: String
    /// Channels in use.
    package var calls: Int
    /// The server in use; nil when none is.
    package var server: String?
    package init(name: String, state: String, detail: String, calls: Int, server: String?) {
        self.name = name
        self.state = state
        self.detail = detail
        self.calls = calls
        self.server = server
    }
}

/// A running call as `pbxctl calls` shows it.
package struct CallSummary: Sendable, Equatable {
    package var caller: String
    package var callee: String
    package var state: String
    package var codecs: String
    package var seconds: Int
    /// How the legs that are joined sound; empty before media flow.
    package var legs: [CallLegQuality]
    /// Who is not heard and why, in words.
    package var trouble: [String]
    package init(
        caller: String, callee: String, state: String, codecs: String, seconds: Int, legs: [CallLegQuality] = [],
        trouble: [String] = []
    ) {
        self.caller = caller
        self.callee = callee
        self.state = state
        self.codecs = codecs
        self.seconds = seconds
        self.legs = legs
        self.trouble = trouble
    }
}

/// One row of the contract with the present state of its switch.
package struct FlowState: Sendable, Equatable {
    package var flow: FlowID
    package var recipient: Recipient
    package var fieldNames: [FieldName]
    package var offSwitch: Switch?
    package var isOn: Bool
    /// False where nothing here sends it yet; `isOn` is false then too.
    package var isImplemented: Bool
    /// Strict mode lets nothing of it out (Q18); `isOn` is false then too.
    package var isBlocked: Bool
    package init(
        flow: FlowID, recipient: Recipient, fieldNames: [FieldName], offSwitch: Switch?, isOn: Bool,
        isImplemented: Bool = true, isBlocked: Bool = false
    ) {
        self.flow = flow
        self.recipient = recipient
        self.fieldNames = fieldNames
        self.offSwitch = offSwitch
        self.isOn = isOn
        self.isImplemented = isImplemented
        self.isBlocked = isBlocked
    }
}
