import ApplianceCore
import CloudMessages
import OpenSSLCrypto
import Pairing
import Persistence
import Primitives
import PrivacyContract
import Settings

/// The services with a store, jobs and a vendor cloud around them: one operation at a time, so that power can be cut
/// between any two.
struct World {
    static let serial = "4711"
    static let password = Secret("correct horse battery")

    // What survives a power cut.
    var snapshot: StoreSnapshot
    var histories = StoreHistories()
    /// What the Control Center knows: user and password by token id.
    var controlCenter: [String: (user: String, password: Secret)] = [:]
    var outbound: [OutboundMessage] = []
    var wall = UnixTime(seconds: 1_800_000_000)

    // What does not.
    var services: ConnectedServices
    var now = Instant(nanoseconds: 1_000_000_000)
    var work: [Effect] = []
    var adminReplies: [AdminRequestID: AdminReply] = [:]
    var serviceReplies: [ServiceRequestID: ServiceReply] = [:]
    var events: [(stream: ServiceRequestID, record: CallRecord)] = []
    var ended: [ServiceRequestID] = []
    var uplinkIsOpen = false
    var remoteIsOpen = false
    var remoteWasOpened = false
    /// What the installer got, and which crash reports are gone from the disk.
    var handedOver: [UpdateManifest] = []
    var removedCrashReports: [String] = []
    var samplesAsked = 0
    var logged: [String] = []
    var cancelled: [CloudRequestID] = []

    // Behaviour.
    var signatureFails = false
    var storeFailure: StoreFailure?
    /// What a server answers; nil: no answer comes.
    var answers: [FlowID: CloudReply] = [
        .c3: .accepted, .c4: .accepted, .c5: .accepted, .c8: .accepted,
        .s2: .accepted, .s10: .accepted,
        .c7: .serviceStatus(BackupServiceStatus(available: true, maximumBytes: 1_000_000, retainedCount: 1)),
    ]
    var silent: Set<FlowID> = []
    /// Operations carried out since the start.
    var operations = 0

    var entropy = Entropy(SeededGenerator(seed: 1))
    private var lastRequest: UInt64 = 0
    let limits: Limits
    let code: PairingCode

    let contract: [Flow]

    init(
        limits: Limits = Limits(), switches: [Switch] = [.controlCenter, .relay], seed: UInt64 = 1,
        contract: [Flow] = Contract.flows
    ) {
        self.contract = contract
        entropy = Entropy(SeededGenerator(seed: seed))
        code = PairingCode(from: &entropy)
        var snapshot = StoreSnapshot()
        snapshot.settings.cloud.relay = "127.0.0.1:7443"
        snapshot.settings.cloud.controlCenter = "https://127.0.0.1:7446"
        snapshot.settings.cloud.backup = "https://127.0.0.1:7444"
        snapshot.settings.cloud.monitoring = "https://127.0.0.1:7445"
        snapshot.settings.cloud.update = "https://127.0.0.1:7448"
        snapshot.settings.cloud.crash = "https://127.0.0.1:7449"
        snapshot.settings.cloud.remoteAccess = "127.0.0.1:7450"
        snapshot.settings.users = [UserSettings(extension: "100", name: "Ada", password: Secret("pw"))]
        for name in switches { snapshot.switches[name] = true }
        self.snapshot = snapshot
        self.limits = limits
        services = Self.services(snapshot, limits, contract, now)
        work = services.start(facts: Self.facts, at: now, wall: wall, entropy: &entropy)
    }

    static let facts = TelephonyFacts(registrations: 3, calls: 2, users: 1)
    /// What the running calls sound like.
    var meanOpinion: Double?

    private static func services(
        _ snapshot: StoreSnapshot, _ limits: Limits, _ contract: [Flow], _ now: Instant
    ) -> ConnectedServices {
        ConnectedServices(
            snapshot: snapshot, serial: serial, model: "next", firmwareVersion: "1.0", hashes: OpenSSLHashes(),
            limits: limits, contract: contract, at: now)
    }

    /// Power comes back: nothing but the store and the servers' memory is left.
    mutating func reboot() {
        now = Instant(nanoseconds: 7_000_000_000)
        services = Self.services(snapshot, limits, contract, now)
        adminReplies = [:]
        uplinkIsOpen = false
        remoteIsOpen = false
        work = services.start(facts: Self.facts, at: now, wall: wall, entropy: &entropy)
    }

    mutating func handle(_ input: Input) {
        var facts = Self.facts
        facts.meanOpinion = meanOpinion
        work += services.handle(input, facts: facts, at: now, wall: wall, entropy: &entropy)
    }

    /// Carries out one effect; false when there is none.
    mutating func step() -> Bool {
        guard !work.isEmpty else { return false }
        operations += 1
        let effect = work.removeFirst()
        switch effect {
        case .store(let ticket, let commands):
            if let storeFailure { return handle(.stored(ticket, .failed(storeFailure))) == () }
            snapshot.apply(commands)
            histories.apply(commands)
            handle(.stored(ticket, .committed))
        case .run(let id, let job):
            if case .handOverUpdate(let manifest) = job { handedOver.append(manifest) }
            if case .removeCrashReport(let report) = job { removedCrashReports.append(report) }
            handle(.jobFinished(id, outcome(of: job)))
        case .egress(let message, _): deliver(message)
        case .cancelEgress(let id): cancelled.append(id)
        case .openUplink:
            uplinkIsOpen = true
            handle(.uplink(.up(external: Endpoint(address: .v4(0xCB00_7107), port: 40_000))))
        case .closeUplink: uplinkIsOpen = false
        case .openRemoteAccess:
            remoteIsOpen = true
            remoteWasOpened = true
            handle(.remoteLink(.up(external: Endpoint(address: .v4(0xCB00_7107), port: 40_001))))
        case .closeRemoteAccess: remoteIsOpen = false
        case .adminReply(let id, let reply): adminReplies[id] = reply
        case .serviceReply(let id, let reply): serviceReplies[id] = reply
        case .serviceEvent(let id, let record, _): events.append((id, record))
        case .serviceEnd(let id): ended.append(id)
        case .takeSample: samplesAsked += 1
        case .log(_, let text): logged.append(text)
        case .sipTransmit, .sipClose, .resolve, .media, .messages, .drained: break
        }
        return true
    }

    /// The server has it first, and only then (another operation) does the answer come: power may fail between.
    private mutating func deliver(_ message: OutboundMessage) {
        outbound.append(message)
        guard !silent.contains(message.flow) else { return }
        if message.flow == .c3, case .text(let token)? = message[.tokenID], case .text(let user)? = message[.userName],
            case .secret(let password)? = message[.password]
        {
            controlCenter[token] = (user, password)
        }
        if message.flow == .c4, case .text(let token)? = message[.revocation] { controlCenter[token] = nil }
        guard let answer = answers[message.flow] else { return }
        pendingAnswers.append((message.id, answer))
    }
    private var pendingAnswers: [(CloudRequestID, CloudReply)] = []

    mutating func run(limit: Int = 10_000) {
        var left = limit
        while left > 0 {
            left -= 1
            if step() { continue }
            guard !pendingAnswers.isEmpty else { return }
            let (id, reply) = pendingAnswers.removeFirst()
            operations += 1
            handle(.cloudReply(id, reply, bytesSent: 321))
        }
    }

    /// Runs `count` operations and no more; answers on their way are lost.
    mutating func runAndCut(after count: Int) {
        run(limit: count)
        work = []
        pendingAnswers = []
        reboot()
    }

    mutating func advance(_ duration: Duration) {
        let end = now + duration
        run()
        while let deadline = services.nextDeadline, deadline <= end {
            let moved = max(deadline, now)
            wall = wall + (moved - now)
            now = moved
            handle(.deadline)
            run()
        }
        wall = wall + (end - now)
        now = end
    }

    // MARK: Jobs

    private func outcome(of job: Job) -> JobOutcome {
        switch job {
        case .hashPassword(let password, let salt): .passwordHash(Self.hash(password, salt))
        case .verifyPassword(let password, let salt, let hash): .passwordVerified(Self.hash(password, salt) == hash)
        case .makeBackupKey:
            .backupKey(BackupKeyRecord(keyID: "key-1", recipient: "age1x", encryptedIdentity: [1, 2, 3]))
        case .makeBackup: .backup(sizeBytes: 500, sha256: [UInt8](repeating: 1, count: 32))
        case .discardArtifact, .handOverUpdate, .removeCrashReport: .done
        case .readLedger(let cursor, let limit): .ledger(histories.ledger(after: cursor, limit: limit))
        case .readCallRecords(let cursor, let limit): .callRecords(histories.callRecords(after: cursor, limit: limit))
        case .readLedgerCheckpoints(let cursor, let limit):
            .ledgerCheckpoints(histories.ledgerCheckpoints(after: cursor, limit: limit))
        case .signLedger(let sequence, let hash, let time):
            signatureFails
                ? .failed("the key is not there")
                : .ledgerSigned(
                    LedgerCheckpoint(
                        sequence: sequence, time: time, hash: hash, signature: [1], certificateChain: "chain"))
        }
    }

    static func hash(_ password: Secret, _ salt: [UInt8]) -> [UInt8] {
        OpenSSLHashes().sha256(salt + password.withBytes { Array($0) })
    }

    // MARK: Requests

    @discardableResult
    mutating func admin(_ command: AdminCommand) -> AdminReply? {
        lastRequest += 1
        let id = AdminRequestID(lastRequest)
        handle(.admin(id, command))
        run()
        return adminReplies[id]
    }

    /// The id, for requests that are not carried out to their end.
    mutating func begin(_ command: AdminCommand) -> AdminRequestID {
        lastRequest += 1
        handle(.admin(AdminRequestID(lastRequest), command))
        return AdminRequestID(lastRequest)
    }

    @discardableResult
    mutating func service(_ request: ServiceRequest) -> (id: ServiceRequestID, reply: ServiceReply?) {
        lastRequest += 1
        let id = ServiceRequestID(lastRequest)
        handle(.service(id, request))
        run()
        return (id, serviceReplies[id])
    }

    func offer(_ tokenID: String = "token-1") -> PairingOffer {
        let input = PairingCode.hashInput(tokenID: tokenID, serial: Self.serial, code: code)
        return PairingOffer(
            tokenID: tokenID, serial: Self.serial, issuedAt: wall, expiresAt: wall + .seconds(86_400),
            codeHash: OpenSSLHashes().sha256(input))
    }

    mutating func pair(_ tokenID: String = "token-1") {
        service(.offer(offer(tokenID), signatureIsValid: true))
        admin(.enterPairingCode(code.formatted))
    }

    /// What the Control Center would present now.
    var credentials: Credentials? {
        guard let known = controlCenter.values.first else { return nil }
        return Credentials(user: known.user, password: known.password)
    }

    mutating func callEnded(_ count: Int = 1, number: String = "") {
        for _ in 0..<count {
            var record = CallRecord(callDataID: 0, startDate: wall, lengthSeconds: 5)
            record.externalPhoneNumber = number
            record.quality = [
                CallLegQuality(codec: "opus", packetsReceived: 1, packetsSent: 1, packetsLost: 0, jitterMilliseconds: 0)
            ]
            work += services.callEnded(record, at: now, wall: wall, entropy: &entropy)
        }
        run()
    }

    func sent(_ flow: FlowID) -> Int { outbound.filter { $0.flow == flow }.count }
    func recorded(_ flow: FlowID) -> [LedgerEntry] { histories.ledger.filter { $0.flow == flow } }
}
