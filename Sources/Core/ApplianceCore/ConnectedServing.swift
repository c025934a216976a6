import CloudMessages
import Pairing
import Persistence
import Primitives
import PrivacyContract
import Provisioning
import Settings

/// Who may use the service `control`: the pairing user, checked by a job, remembered as a digest.
struct ConnectedCredentials: Sendable {
    enum Purpose: Sendable { case deviceState, callData(after: UInt64), adminSession }
    /// Requests whose password is being checked, with what they want; gone when the peer leaves.
    var waiting: [ServiceRequestID: Purpose] = [:]
    /// SHA-256 of the last name and password that were found right; not every request runs scrypt.
    var verifiedDigest: [UInt8]?
    /// Counts changes of the live user: a check that began before the change is void.
    var generation: UInt64 = 0
    var refusedCount: UInt64 = 0
    /// What the ledger's last row of F-C13 stands for, and when it was written.
    var shownState: DeviceState?
    var shownAt = Instant.origin
    /// Answers of F-C13 that are not in the ledger yet.
    var unrecordedCount = 0
    var unrecordedBytes: Int64 = 0
    /// When they are to be written.
    var recordAt: Instant? { unrecordedCount > 0 ? shownAt + Self.showingInterval : nil }
    static let showingInterval = Duration.seconds(3600)
    /// So many checks run at once; scrypt takes memory and time.
    static let simultaneousChecks = 4
}

/// Subscribers of call data (F-C6).
struct ConnectedCallData: Sendable {
    struct Subscriber: Sendable {
        var id: ServiceRequestID
        var cursor: UInt64
        var sentCount = 0
        /// False once the history is read: new records come as they are stored.
        var isReading = true
        /// `lastStoredID` when the batch was asked for.
        var storedAtRead: UInt64 = 0
    }
    var subscribers: [Subscriber] = []
    /// The highest id that is durable.
    var lastStoredID: UInt64 = 0
    /// So many records are read from the history at once.
    static let batch = 100
}

/// What comes in through the relay: offers, the Control Center's questions, softphones.
extension ConnectedServices {
    /// What the answers carry: the gate compares it with the contract, and the simulator with the bytes on the wire.
    static let deviceStateFields = DeviceState.wireNames.map { FieldName($0) }
    static let callRecordFields = CallRecord.wireNames.map { FieldName($0) }
    static let provisioningFields: [FieldName] = [.identification, .provisioningFile]

    mutating func serve(_ request: ServiceRequest, for id: ServiceRequestID) {
        guard stores.count < limits.pendingStoreTransactions else {
            return reply(
                id, .problem(status: 503, title: "overloaded", detail: "the storage is behind; try again later"))
        }
        guard !isDraining else {
            return reply(id, .problem(status: 503, title: "shutting down", detail: "try again in a minute"))
        }
        switch request {
        case .offer(let offer, let signatureIsValid):
            inbox.append(.pairing(.offer(offer, signatureIsValid: signatureIsValid, PairingRequester(id.value))))
        case .deviceState(let credentials): check(credentials, for: id, .deviceState)
        case .callData(let credentials, let cursor): check(credentials, for: id, .callData(after: cursor))
        case .adminSession(let credentials): check(credentials, for: id, .adminSession)
        case .provisioningFile(let token, let client, let product):
            provisioningQuery(token: token, client: client, product: product, for: id)
        }
    }

    mutating func serviceClosed(_ id: ServiceRequestID) {
        credentials.waiting[id] = nil
        callData.subscribers.removeAll { $0.id == id }
        remote.sessions.removeAll { $0 == id }
    }

    mutating func reply(_ id: ServiceRequestID, _ reply: ServiceReply) {
        effects.append(.serviceReply(id, reply))
    }

    // MARK: Credentials (X3, X5)

    private mutating func check(
        _ presented: Credentials, for id: ServiceRequestID, _ purpose: ConnectedCredentials.Purpose
    ) {
        guard switches[.controlCenter] == true, let user = pairing.liveUser,
            constantTimeEquals(Array(user.name.utf8), Array(presented.user.utf8))
        else { return notAuthenticated(id) }
        let secret = presented.password.withBytes { Array($0) }
        let digest = hashes.sha256(Array(presented.user.utf8) + [0] + secret)
        if let known = credentials.verifiedDigest, constantTimeEquals(known, digest) { return grant(id, purpose) }
        guard credentials.waiting.count < ConnectedCredentials.simultaneousChecks else {
            return reply(id, .problem(status: 503, title: "overloaded", detail: "too many logins at once; try again"))
        }
        credentials.waiting[id] = purpose
        run(
            .verifyPassword(presented.password, salt: user.salt, hash: user.passwordHash),
            then: .credentials(id, digest: digest, generation: credentials.generation))
    }

    mutating func credentialsChecked(
        _ id: ServiceRequestID, digest: [UInt8], generation: UInt64, _ outcome: JobOutcome
    ) {
        guard let purpose = credentials.waiting.removeValue(forKey: id) else { return }  // the peer left
        guard generation == credentials.generation, pairing.liveUser != nil, outcome == .passwordVerified(true) else {
            return notAuthenticated(id)
        }
        credentials.verifiedDigest = digest
        grant(id, purpose)
    }

    private mutating func notAuthenticated(_ id: ServiceRequestID) {
        credentials.refusedCount += 1
        // A 401 makes the Control Center dissolve the pairing. While a new password is on its way to it, the one that it
        // still has is neither valid nor revoked: it is told to come back.
        guard pairing.stage != .confirming || switches[.controlCenter] != true else {
            return reply(
                id,
                .problem(status: 503, title: "pairing under way", detail: "the pairing is being confirmed; try again"))
        }
        let detail = "the pairing user or its password is not valid; pair again"
        reply(id, .problem(status: 401, title: "not authenticated", detail: detail))
    }

    /// From this moment the old credential opens nothing, and what it had opened is closed.
    mutating func forgetCredentials() {
        credentials.generation += 1
        credentials.verifiedDigest = nil
        recordShownStates()
        credentials.shownState = nil
        endStreams()
    }

    private mutating func grant(_ id: ServiceRequestID, _ purpose: ConnectedCredentials.Purpose) {
        switch purpose {
        case .deviceState: showDeviceState(id)
        case .callData(let cursor): subscribe(id, after: cursor)
        case .adminSession: openSession(id)
        }
    }

    /// F-C13. A Control Center asks every few seconds: the ledger has a row when something else is shown than before, and
    /// one for all answers since then an hour later, so that polling does not fill it and each byte is in it.
    private mutating func showDeviceState(_ id: ServiceRequestID) {
        if let refusal = roomRefusal(for: .c13) {
            gate.count(refusal)
            return reply(id, .problem(status: 503, title: "overloaded", detail: "\(refusal)"))
        }
        switch gate.permitDeviceState(fields: Self.deviceStateFields, switches: switches) {
        case .success(let permit):
            let state = deviceState
            credentials.unrecordedCount += 1
            credentials.unrecordedBytes += Self.contentBytes(state)
            if credentials.shownState != state || now - credentials.shownAt >= ConnectedCredentials.showingInterval {
                credentials.shownState = state
                recordShownStates()
            }
            reply(id, .deviceState(state, permit))
        case .failure(let refusal):
            reply(id, .problem(status: 403, title: "not permitted", detail: "\(refusal)"))
        }
    }

    /// One row for every answer since the last one.
    mutating func recordShownStates() {
        let count = credentials.unrecordedCount
        guard count > 0 else { return }
        credentials.shownAt = now
        guard journal.hasLedgerRoom(for: messages.count + 1) else { return }  // with the next answer, or in an hour
        record(
            .c13, .controlCenter, Self.deviceStateFields, bytes: credentials.unrecordedBytes,
            result: count == 1 ? "sent" : "sent \(count) answers")
        credentials.unrecordedCount = 0
        credentials.unrecordedBytes = 0
    }

    /// The values as text, without the framing that the shell adds.
    private static func contentBytes(_ state: DeviceState) -> Int64 {
        let texts = [
            state.model, state.firmwareVersion, state.edition, String(state.registeredUsers), String(state.activeCalls),
        ]
        return (texts + state.services).reduce(0) { $0 + Int64($1.utf8.count) }
    }

    /// How many are registered and talking are monitoring values: shown only while F-C5 is on.
    private var deviceState: DeviceState {
        let isMonitored = switches[.monitoring] == true
        return DeviceState(
            model: model, firmwareVersion: firmwareVersion, edition: settings.edition.rawValue,
            registeredUsers: isMonitored ? facts.registrations : 0, activeCalls: isMonitored ? facts.calls : 0,
            services: Switch.allCases.filter { switches[$0] == true }.map(\.rawValue).sorted())
    }

    // MARK: Call data (F-C6, R7)

    private mutating func subscribe(_ id: ServiceRequestID, after cursor: UInt64) {
        guard callData.subscribers.count < limits.callRecordSubscribers else {
            let detail = "\(limits.callRecordSubscribers) call data streams are open; close one first"
            return reply(id, .problem(status: 503, title: "too many streams", detail: detail))
        }
        if case .failure(let refusal) = gate.permitCallRecord(fields: Self.callRecordFields, switches: switches) {
            record(.c6, .controlCenter, [], bytes: 0, result: "denied \(refusal.kind)")
            return reply(id, .problem(status: 403, title: "call data is off", detail: "\(refusal)"))
        }
        callData.subscribers.append(ConnectedCallData.Subscriber(id: id, cursor: cursor))
        reply(id, .callDataStream)
        readHistory(callData.subscribers.count - 1)
    }

    private mutating func readHistory(_ index: Int) {
        callData.subscribers[index].storedAtRead = callData.lastStoredID
        let subscriber = callData.subscribers[index]
        run(
            .readCallRecords(after: subscriber.cursor, limit: ConnectedCallData.batch),
            then: .callHistory(subscriber.id))
    }

    mutating func historyRead(_ id: ServiceRequestID, _ outcome: JobOutcome) {
        guard let index = callData.subscribers.firstIndex(where: { $0.id == id }) else { return }
        guard case .callRecords(let records) = outcome else { return endStream(id) }
        guard deliver(records, to: index) else { return }
        // What became durable after this batch was asked for may be missing from it.
        if records.count == ConnectedCallData.batch || callData.lastStoredID > callData.subscribers[index].storedAtRead
        {
            readHistory(index)
        } else {
            callData.subscribers[index].isReading = false
        }
    }

    /// Durable records go to every subscriber that has read the history.
    mutating func passOn(_ committed: [StoreCommand]) {
        for case .appendCallRecord(let record) in committed {
            callData.lastStoredID = max(callData.lastStoredID, record.callDataID)
            for id in callData.subscribers.filter({ !$0.isReading }).map(\.id) {
                guard let index = callData.subscribers.firstIndex(where: { $0.id == id }) else { continue }
                _ = deliver([record], to: index)
            }
        }
    }

    /// False when the stream ended. A consumer that has `Limits.callRecordQueue` records acknowledges them by coming
    /// again with its cursor: so many, and no more, can wait on the way.
    private mutating func deliver(_ records: [CallRecord], to index: Int) -> Bool {
        let id = callData.subscribers[index].id
        var bytes: Int64 = 0
        var count = 0
        for record in records where record.callDataID > callData.subscribers[index].cursor {
            guard callData.subscribers[index].sentCount < limits.callRecordQueue, roomRefusal(for: .c6) == nil,
                case .success(let permit) = gate.permitCallRecord(fields: Self.callRecordFields, switches: switches)
            else {
                recordStreamed(count, bytes: bytes)
                endStream(id)
                return false
            }
            var passed = record
            passed.quality = []  // not a field of F-C6
            effects.append(.serviceEvent(id, passed, permit))
            callData.subscribers[index].cursor = record.callDataID
            callData.subscribers[index].sentCount += 1
            bytes += Self.contentBytes(passed)
            count += 1
        }
        recordStreamed(count, bytes: bytes)
        return true
    }

    private mutating func recordStreamed(_ count: Int, bytes: Int64) {
        guard count > 0 else { return }
        record(
            .c6, .controlCenter, Self.callRecordFields, bytes: bytes,
            result: count == 1 ? "sent" : "sent \(count) records")
    }

    /// The values as text, without the framing that the shell adds.
    private static func contentBytes(_ record: CallRecord) -> Int64 {
        let texts = [
            String(record.callDataID), record.startDate.rfc3339, String(record.lengthSeconds), record.externalName,
            record.externalPhoneNumber, record.msn, record.userNumber, record.userName, record.connectedUserNumber,
            record.connectedUserName, record.groupNumber, record.groupName, "\(record.cost)", "\(record.costFactor)",
            record.direction.rawValue, record.callType, "\(record.success)",
        ]
        return texts.reduce(0) { $0 + Int64($1.utf8.count) }
    }

    private mutating func endStream(_ id: ServiceRequestID) {
        callData.subscribers.removeAll { $0.id == id }
        effects.append(.serviceEnd(id))
    }

    mutating func endStreams() {
        for subscriber in callData.subscribers { endStream(subscriber.id) }
    }

    /// Ends the streams as soon as a switch of F-C6 is off.
    mutating func reviewStreams() {
        if Contract.flow(.c6)?.isOn(switches) != true { endStreams() }
    }

    // MARK: Provisioning (F-S3, F-S4)

    private mutating func provisioningQuery(
        token: Secret, client: IPAddress, product: String, for id: ServiceRequestID
    ) {
        do throws(ProvisioningRefusal) {
            let answer = try desk.query(
                token: token, client: client, product: product, settings: settings, at: now, wall: wall)
            store(answer.commands, then: .provisioningAnswer(answer.user, id))
        } catch {
            refuse(id, error)
        }
    }

    mutating func queryLogged(_ user: UserSettings?, _ id: ServiceRequestID, _ outcome: StoreOutcome) {
        if case .failed(let failure) = outcome { return refuse(id, .storage(failure)) }
        guard let user else { return refuse(id, .notIdentified) }
        if let refusal = roomRefusal(for: .s3) {
            gate.count(refusal)
            return reply(id, .problem(status: 503, title: "overloaded", detail: "\(refusal)"))
        }
        switch gate.permitProvisioningFile(fields: Self.provisioningFields, switches: switches) {
        case .success(let permit):
            let file = ProvisioningFile.xml(
                for: user,
                ProvisioningFile.Parameters(
                    domain: settings.sip.realm, outboundProxy: RelayName.serverName(serial: serial)))
            record(.s3, .client, permit.fieldNames, bytes: Int64(file.count), result: "sent")
            reply(id, .provisioningFile(file, permit))
        case .failure(let refusal):
            record(.s3, .client, [], bytes: 0, result: "denied \(refusal.kind)")
            reply(id, .problem(status: 403, title: "not permitted", detail: "\(refusal)"))
        }
    }

    private mutating func refuse(_ id: ServiceRequestID, _ refusal: ProvisioningRefusal) {
        reply(id, .problem(status: refusal.status, title: "no configuration", detail: "\(refusal)"))
    }
}
