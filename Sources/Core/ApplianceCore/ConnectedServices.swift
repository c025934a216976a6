import Backup
package import CloudMessages
import CrashReports
import Pairing
package import Persistence
package import Primitives
package import PrivacyContract
import Provisioning
package import Settings
import Telemetry
import Updates

/// Everything that speaks to the vendor's servers or for them: pairing, monitoring, backup, provisioning, call data, the
/// uplink, the egress gate and the ledger. Telephony is not in here; its numbers come as `TelephonyFacts`.
///
/// Every message towards a vendor server passes `send` (ConnectedEgress.swift) and ends as one ledger entry. A power cut
/// is survived by building a new value from the store's snapshot. Tickets, jobs and messages are numbered from
/// `firstNumber` on, so that their owner can tell them from its own.
package struct ConnectedServices: Sendable {
    package static let firstNumber: UInt64 = 1 << 48

    enum StoreContinuation: Sendable {
        case journal
        case pairing(PairingOperation)
        case backup(BackupOperation)
        /// With the switch's generation when it was asked for: an off since then, by whatever way, wins.
        case switchChange(Switch, Bool, generation: UInt64, AdminRequestID)
        case backupKey(BackupKeyRecord, BackupPlan, AdminRequestID)
        case backupPlan(BackupPlan, AdminRequestID)
        case backupDrill(BackupRecord, BackupPlan, AdminRequestID)
        case backupKeyErased(BackupKeyRecord?, AdminRequestID)
        case provisioningToken(Secret, ProvisioningTokenRecord, AdminRequestID)
        case provisioningAnswer(UserSettings?, ServiceRequestID)
        case pruned
        case ledgerCheckpoint(LedgerCheckpoint)
        case serviceState(AdminRequestID?, String)
        case remoteAccess(end: UnixTime, monotonicEnd: Instant, generation: UInt64, AdminRequestID)
    }
    enum JobContinuation: Sendable {
        case pairingHash(PairingOperation)
        case backupKey(AdminRequestID)
        case backup(BackupOperation)
        case discarded
        case credentials(ServiceRequestID, digest: [UInt8], generation: UInt64)
        case callHistory(ServiceRequestID)
        case ledger(AdminRequestID)
        case callRecords(AdminRequestID)
        case ledgerCheckpoints(AdminRequestID)
        case ledgerSigned
        case updateHandedOver
        case crashReportRemoved
    }
    enum CloudPurpose: Sendable {
        case pairing(PairingOperation)
        case revocation
        case telemetry
        case backup(BackupOperation)
        /// The shell sends it and reports; the ledger entry is all that is left to do.
        case restore
        case updateQuery
        case updateBundle
        case crashReport
    }
    struct PendingMessage: Sendable {
        var permit: Permit
        var purpose: CloudPurpose
        /// When the shell should long have answered: then it is told to stop, and after that the message is given up.
        var deadline: Instant
        var isCancelled = false
    }
    /// What a machine is to be told once the present one has finished: inputs are queued, never nested.
    enum InternalInput: Sendable {
        case pairing(PairingInput)
        case backup(BackupInput)
        case telemetry(TelemetryMachine.Input)
        case update(UpdateMachine.Input)
        case crash(CrashReportMachine.Input)
    }
    enum Uplink: Sendable { case off, dialling, up(Endpoint) }

    let serial: String
    let model: String
    let firmwareVersion: String
    let platform: Platform
    let hashes: any HashFunctions
    let limits: Limits

    var settings: ApplianceSettings
    var switches: [Switch: Bool]
    /// How often each switch was turned off since the start.
    var switchGenerations: [Switch: UInt64] = [:]
    var gate: EgressGate
    var ledger: Ledger
    var journal: ConnectedJournal
    var checkpoints: ConnectedCheckpoints
    var pairing: PairingMachine
    var telemetry = TelemetryMachine()
    var backup: BackupMachine
    var desk: ProvisioningDesk
    var backupKey: BackupKeyRecord?
    var backups: [BackupRecord]
    var plan: BackupPlan
    /// The interval whose backup is being made.
    var scheduledSlot: Int64?
    /// When the schedule next has work to do; nil: it is off.
    var scheduleAt: Instant?
    /// A scheduled backup that failed is tried again at this time.
    var scheduleRetryAt = Instant.origin
    var callData = ConnectedCallData()
    var credentials = ConnectedCredentials()
    var updates: UpdateMachine
    var crashes = CrashReportMachine()
    var remote = ConnectedRemoteAccess()
    var state: ServiceState
    var uplink = Uplink.off
    /// The relay that the open uplink goes to.
    var uplinkAddress: String?
    /// Why it is wanted and not open.
    var uplinkRefusal: EgressRefusal?
    /// When F-S5 was last written into the ledger.
    var locationRecordedAt = Instant.origin
    /// Set by `Input.drain`, for good.
    private(set) var isDraining = false
    var pruneAt: Instant
    var lastCallDataID: UInt64

    var stores: [StoreTicket: StoreContinuation] = [:]
    var jobs: [JobID: JobContinuation] = [:]
    var messages: [CloudRequestID: PendingMessage] = [:]
    private var lastNumber = ConnectedServices.firstNumber

    private let clockFloor: UnixTime?
    private var isStarted = false
    /// Settings changed outside of `handle`.
    private var needsReview = false
    // Valid during one `handle` only.
    var now: Instant
    var wall = UnixTime(milliseconds: 0)
    var facts = TelephonyFacts(registrations: 0, calls: 0, users: 0)
    var effects: [Effect] = []
    var inbox: [InternalInput] = []

    /// From what the store holds; nothing is sent before `start`.
    ///
    /// - Parameter contract: what the gate compares with; tests take something away from it.
    package init(
        snapshot: StoreSnapshot, serial: String, model: String, firmwareVersion: String, hashes: any HashFunctions,
        limits: Limits, contract: [Flow] = Contract.flows, platform: Platform = Platform(), at now: Instant
    ) {
        self.serial = serial
        self.model = model
        self.firmwareVersion = firmwareVersion
        self.platform = platform
        self.hashes = hashes
        self.limits = limits
        self.now = now
        settings = snapshot.settings
        switches = snapshot.switches
        gate = EgressGate(flows: contract, isStrict: snapshot.settings.privacy.isStrict)
        ledger = Ledger(after: snapshot.lastLedgerEntry, hashes: hashes)
        clockFloor = snapshot.lastLedgerEntry?.time
        journal = ConnectedJournal(limits: limits)
        checkpoints = ConnectedCheckpoints(
            last: snapshot.lastLedgerEntry, signed: snapshot.signedLedgerSequence, at: now)
        pairing = PairingMachine(record: snapshot.pairing, serial: serial, limits: limits, hashes: hashes)
        backup = BackupMachine(limits: limits)
        desk = ProvisioningDesk(tokens: snapshot.provisioningTokens, hashes: hashes)
        backupKey = snapshot.backupKey
        backups = snapshot.backups
        plan = snapshot.backupPlan
        state = snapshot.services
        updates = UpdateMachine(
            judge: UpdateJudge(
                running: firmwareVersion, board: platform.board, bundleLimit: limits.updateBundleBytes, hashes: hashes))
        lastCallDataID = snapshot.lastCallDataID
        pruneAt = now
    }

    /// Begins: opens the uplink if it is wanted, takes up an interrupted pairing. The first `handle` does it otherwise.
    package mutating func start(
        facts: TelephonyFacts, at now: Instant, wall: UnixTime, entropy: inout Entropy
    ) -> [Effect] {
        enter(facts, now, wall)
        begin(entropy: &entropy)
        return leave(entropy: &entropy)
    }

    /// Takes one input that concerns the cloud, the administrator's requests (all but `.calls` and `.applySettings`)
    /// and the passing of time. Inputs of telephony change nothing.
    package mutating func handle(
        _ input: Input, facts: TelephonyFacts, at now: Instant, wall: UnixTime, entropy: inout Entropy
    ) -> [Effect] {
        enter(facts, now, wall)
        begin(entropy: &entropy)
        switch input {
        case .deadline, .wallClock: break
        case .cloudReply(let id, let reply, let bytesSent): answered(id, reply, bytesSent: bytesSent)
        case .uplink(let event): uplinkChanged(event)
        case .remoteLink(let event): remoteLinkChanged(event)
        case .sessionEnded(let id, let bytesSent): sessionEnded(id, bytesSent: bytesSent)
        case .crashReports(let reports): inbox.append(.crash(.found(reports)))
        case .service(let id, let request): serve(request, for: id)
        case .serviceClosed(let id): serviceClosed(id)
        case .admin(let id, let command): administer(command, for: id, entropy: &entropy)
        case .sample(let sample):
            let gauges = TelemetryGauges(
                activeCalls: facts.calls, registrations: facts.registrations, meanOpinionScore: facts.meanOpinion)
            inbox.append(.telemetry(.sample(sample, gauges)))
        case .jobFinished(let id, let outcome): jobFinished(id, outcome)
        case .stored(let ticket, let outcome): stored(ticket, outcome, entropy: &entropy)
        case .listening, .sipMessage, .sipFlowClosed, .counted, .media, .resolved, .overload, .mediaCertificate,
            .prompts,
            .messages:
            break
        case .drain: drain()
        }
        return leave(entropy: &entropy)
    }

    /// A call is over: its record is stored, unless the owner keeps none, and passed on to whoever subscribed once it is durable (F-C6).
    package mutating func callEnded(
        _ record: CallRecord, at now: Instant, wall: UnixTime, entropy: inout Entropy
    ) -> [Effect] {
        enter(facts, now, wall)
        begin(entropy: &entropy)
        guard settings.records.retentionDays > 0 else { return leave(entropy: &entropy) }
        var record = record.anonymised(hiding: settings.records.hiddenDigits)
        // Unique and ascending, whatever happened to the caller's counter: it is the stream's cursor.
        record.callDataID = max(record.callDataID, lastCallDataID + 1)
        if journal.append(record) { lastCallDataID = record.callDataID }
        return leave(entropy: &entropy)
    }

    /// New settings are committed and in force; what follows from them comes with the next input (`nextDeadline` is due).
    package mutating func adopt(_ settings: ApplianceSettings) {
        if settings.records.retentionDays != self.settings.records.retentionDays { pruneAt = now }
        self.settings = settings
        gate.isStrict = settings.privacy.isStrict
        needsReview = true
    }

    /// When `handle(.deadline)` next has work to do.
    package var nextDeadline: Instant? {
        guard isStarted, !needsReview else { return .origin }
        let own = pairing.nextDeadline.orEarlier(telemetry.nextDeadline).orEarlier(backup.nextDeadline)
        let signing = isDraining ? nil : checkpoints.nextDeadline
        let records = journal.retryAt.orEarlier(signing).orEarlier(credentials.recordAt)
        let due = own.orEarlier(records).orEarlier(pruneAt).orEarlier(scheduleAt)
        let services = updates.nextDeadline.orEarlier(crashes.nextDeadline).orEarlier(remoteAccessDeadline)
        return due.orEarlier(services).orEarlier(messages.values.lazy.map(\.deadline).min())
    }

    /// After `Input.drain`: nothing is on its way, and ledger and call records are durable.
    package var isDrained: Bool { isDraining && messages.isEmpty && journal.isEmpty }

    /// Nothing new leaves (F-C4 excepted) and what is on its way is stopped. The uplink stays: running calls use it.
    private mutating func drain() {
        guard !isDraining else { return }
        isDraining = true
        for id in cancellable({ $0.permit.flow != .c4 }) { cancel(id) }
        recordShownStates()
        inbox.append(.backup(.cancel))
        endStreams()
    }

    // MARK: One turn

    private mutating func enter(_ facts: TelephonyFacts, _ now: Instant, _ wall: UnixTime) {
        self.facts = facts
        self.now = now
        self.wall = wall
    }

    private mutating func begin(entropy: inout Entropy) {
        guard !isStarted else { return }
        isStarted = true
        let resumed = pairing.resume(
            isOptionOn: switches[.controlCenter] == true, clockFloor: clockFloor, at: now, wall: wall,
            entropy: &entropy)
        perform(resumed)
    }

    /// Settles what follows from the input and hands the effects over.
    private mutating func leave(entropy: inout Entropy) -> [Effect] {
        if needsReview, gate.isStrict { cancelBlocked() }
        needsReview = false
        expireMessages()
        reviewSchedule()
        inbox.append(.pairing(.timePassed))
        inbox.append(.backup(.timePassed))
        drainInbox(entropy: &entropy)
        inbox.append(.telemetry(.wanted(every: monitoringInterval)))
        inbox.append(.telemetry(.timePassed))
        reviewUpdates()
        reviewCrashReports()
        drainInbox(entropy: &entropy)
        reviewUplink()
        reviewRemoteAccess()
        reviewStreams()
        prune()
        if let due = credentials.recordAt, due <= now { recordShownStates() }
        flushJournal()
        signLedger()
        defer { effects = [] }
        return effects
    }

    private mutating func drainInbox(entropy: inout Entropy) {
        while !inbox.isEmpty {
            switch inbox.removeFirst() {
            case .pairing(let input): perform(pairing.handle(input, at: now, wall: wall, entropy: &entropy))
            case .backup(let input): perform(backup.handle(input, at: now, wall: wall, entropy: &entropy))
            case .telemetry(let input): perform(telemetry.handle(input, at: now, entropy: &entropy))
            case .update(let input):
                perform(updates.handle(input, at: now, wall: wall, entropy: &entropy), entropy: &entropy)
            case .crash(let input): perform(crashes.handle(input, at: now, entropy: &entropy))
            }
        }
    }

    mutating func newNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    // MARK: Store and jobs

    mutating func store(_ commands: [StoreCommand], then continuation: StoreContinuation) {
        let ticket = StoreTicket(newNumber())
        stores[ticket] = continuation
        effects.append(.store(ticket, commands))
    }

    mutating func run(_ job: Job, then continuation: JobContinuation) {
        let id = JobID(newNumber())
        jobs[id] = continuation
        effects.append(.run(id, job))
    }

    private mutating func flushJournal() {
        let ticket = StoreTicket(newNumber())
        guard let commands = journal.begin(ticket, at: now) else { return }
        stores[ticket] = .journal
        effects.append(.store(ticket, commands))
    }

    private mutating func stored(_ ticket: StoreTicket, _ outcome: StoreOutcome, entropy: inout Entropy) {
        guard let continuation = stores.removeValue(forKey: ticket) else { return }
        switch (continuation, outcome) {
        case (.journal, .committed):
            let committed = journal.committed()
            checkpoints.committed(committed, at: now)
            passOn(committed)
        case (.ledgerCheckpoint(let checkpoint), .committed): checkpoints.stored(checkpoint, at: now)
        case (.ledgerCheckpoint, .failed(let failure)):
            checkpoints.failed(at: now)
            effects.append(.log(.warning, "the ledger's signature waits for the storage: \(failure.summary)"))
        case (.journal, .failed(let failure)):
            journal.failed(at: now, entropy: &entropy)
            effects.append(.log(.error, "ledger and call records wait for the storage: \(failure.summary)"))
        case (.pairing(let operation), .committed): inbox.append(.pairing(.stored(operation)))
        case (.pairing(let operation), .failed(let failure)):
            inbox.append(.pairing(.storingFailed(operation, failure)))
        case (.backup(let operation), .committed): inbox.append(.backup(.stored(operation)))
        case (.backup(let operation), .failed(let failure)):
            inbox.append(.backup(.storingFailed(operation, failure)))
        case (.switchChange(let name, let isOn, let generation, let id), _):
            switchStored(name, isOn, generation, id, outcome)
        case (.backupKey(let record, let plan, let id), _): backupKeyStored(record, plan, id, outcome)
        case (.backupPlan(let plan, let id), _): planStored(plan, id, outcome)
        case (.backupDrill(let record, let plan, let id), _): drillStored(record, plan, id, outcome)
        case (.backupKeyErased(let previous, let id), _): backupKeyErased(previous, id, outcome)
        case (.provisioningToken(let token, let record, let id), _): tokenStored(token, record, id, outcome)
        case (.provisioningAnswer(let user, let id), _): queryLogged(user, id, outcome)
        case (.serviceState(let id, let text), _): stateStored(id, text, outcome)
        case (.remoteAccess(let end, let monotonicEnd, let generation, let id), _):
            remoteAccessStored(end: end, monotonicEnd: monotonicEnd, generation: generation, id, outcome)
        case (.pruned, .committed): break
        case (.pruned, .failed(let failure)):
            effects.append(.log(.error, "logs and call records could not be pruned: \(failure.summary)"))
        }
    }

    private mutating func jobFinished(_ id: JobID, _ outcome: JobOutcome) {
        guard let continuation = jobs.removeValue(forKey: id) else { return }
        switch continuation {
        case .pairingHash(let operation):
            if case .passwordHash(let hash) = outcome {
                inbox.append(.pairing(.hashed(operation, hash)))
            } else {
                inbox.append(.pairing(.hashingFailed(operation, Self.reason(outcome))))
            }
        case .backup(let operation):
            if case .backup(let sizeBytes, let sha256) = outcome {
                inbox.append(.backup(.made(operation, sizeBytes: sizeBytes, sha256: sha256)))
            } else {
                inbox.append(.backup(.makingFailed(operation, Self.reason(outcome))))
            }
        case .backupKey(let id): backupKeyMade(outcome, id)
        case .credentials(let id, let digest, let generation):
            credentialsChecked(id, digest: digest, generation: generation, outcome)
        case .callHistory(let id): historyRead(id, outcome)
        case .ledger(let id):
            if case .ledger(let entries) = outcome { reply(id, .ledger(entries)) } else { refuse(id, outcome) }
        case .ledgerCheckpoints(let id):
            if case .ledgerCheckpoints(let list) = outcome {
                reply(id, .ledgerCheckpoints(list))
            } else {
                refuse(id, outcome)
            }
        case .ledgerSigned: ledgerSigned(outcome)
        case .callRecords(let id):
            if case .callRecords(let records) = outcome {
                reply(id, .callRecords(records))
            } else {
                refuse(id, outcome)
            }
        case .updateHandedOver:
            inbox.append(
                .update(outcome == .done ? .handedOver : .handOverFailed(Self.reason(outcome))))
        case .crashReportRemoved:
            if case .failed(let reason) = outcome {
                effects.append(.log(.warning, "a crash report could not be removed: \(reason)"))
            }
        case .discarded:
            if case .failed(let reason) = outcome {
                effects.append(.log(.warning, "a backup's file could not be removed: \(reason)"))
            }
        }
    }

    /// The owner's retention; of what is kept no longer at all, nothing stays.
    private var pruneCallRecords: StoreCommand {
        let days = Int64(settings.records.retentionDays)
        let limit = days > 0 ? wall.milliseconds - days * 86_400_000 : .max
        return .pruneCallRecords(olderThan: UnixTime(milliseconds: limit))
    }

    static func reason(_ outcome: JobOutcome) -> String {
        if case .failed(let reason) = outcome { reason } else { "the job gave an unexpected result" }
    }

    private mutating func prune() {
        guard now >= pruneAt else { return }
        pruneAt = now + ProvisioningDesk.pruneInterval
        store([pruneCallRecords] + desk.prune(wall: wall), then: .pruned)
    }
}
