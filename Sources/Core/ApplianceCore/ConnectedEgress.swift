import Backup
import CloudMessages
import CrashReports
import Pairing
import Persistence
import Primitives
import PrivacyContract
import Settings
import Telemetry
import Updates

/// The way out: the gate, what waits for an answer, the ledger, the uplink.
extension ConnectedServices {
    /// The shell answers every message sooner than this; if it does not, the message counts as lost.
    static let answerLimit = Duration.seconds(120)
    static let uploadAnswerLimit = Duration.seconds(3600)
    /// After it was told to stop, the shell has so long to say what became of a message.
    static let cancelLimit = Duration.seconds(60)
    /// A relay that names ever new addresses on one uplink fills the ledger no faster than this.
    static let locationInterval = Duration.seconds(60)
    /// What the relay learns from the connection itself.
    static let locationFields: [FieldName] = [.externalAddress, .externalPort, .serial]

    // MARK: Messages

    /// Sends one message, if the gate permits it; whatever happens ends as one ledger entry and one answer.
    mutating func send(
        _ flow: FlowID, to recipient: Recipient, _ fields: [OutboundField], on trigger: Trigger,
        purpose: CloudPurpose, within limit: Duration = answerLimit
    ) {
        let message = OutboundMessage(
            id: CloudRequestID(newNumber()), flow: flow, recipient: recipient, fields: fields)
        switch authorise(message, trigger: trigger) {
        case .success(let permit):
            messages[message.id] = PendingMessage(permit: permit, purpose: purpose, deadline: now + limit)
            effects.append(.egress(message, permit))
        case .failure(let refusal):
            record(flow, recipient, fields.map(\.name), bytes: 0, result: "denied \(refusal.kind)")
            effects.append(.log(.warning, "\(refusal)"))
            // Not a refusal by the server: what is denied now may be allowed later.
            tell(purpose, .unreachable("denied: \(refusal)"))
        }
    }

    mutating func authorise(_ message: OutboundMessage, trigger: Trigger) -> Result<Permit, EgressRefusal> {
        if let refusal = roomRefusal(for: message.flow) {
            gate.count(refusal)
            return .failure(refusal)
        }
        return gate.authorise(message, trigger: trigger, switches: switches)
    }

    /// What could not be recorded, or not be waited for, does not leave.
    func roomRefusal(for flow: FlowID) -> EgressRefusal? {
        // Only the revocation, which has no second chance, still leaves a device that is going down.
        guard !isDraining || flow == .c4 else { return .draining(flow) }
        guard messages.count < limits.pendingCloudRequests else {
            return .tooManyPending(flow, limit: limits.pendingCloudRequests)
        }
        // Each message on its way has its ledger entry reserved.
        guard journal.hasLedgerRoom(for: messages.count + 1) else {
            return .ledgerFull(flow, limit: journal.ledgerCapacity)
        }
        return nil
    }

    mutating func answered(_ id: CloudRequestID, _ reply: CloudReply, bytesSent: Int64) {
        guard let message = messages.removeValue(forKey: id) else { return }  // given up before
        let permit = message.permit
        record(permit.flow, permit.recipient, permit.fieldNames, bytes: bytesSent, result: reply.ledgerResult)
        tell(message.purpose, reply)
    }

    /// What waited too long is stopped. Only the shell knows how many bytes have left: its answer is what is recorded,
    /// unless none comes even then.
    mutating func expireMessages() {
        for (id, message) in messages.filter({ $0.value.deadline <= now }).sorted(by: { $0.key < $1.key }) {
            if message.isCancelled {
                answered(id, .unreachable("no answer in time"), bytesSent: 0)
            } else {
                cancel(id)
            }
        }
    }

    func cancellable(_ matches: (PendingMessage) -> Bool) -> [CloudRequestID] {
        messages.filter { !$0.value.isCancelled && matches($0.value) }.keys.sorted()
    }

    mutating func cancel(_ id: CloudRequestID) {
        messages[id]?.isCancelled = true
        messages[id]?.deadline = now + Self.cancelLimit
        effects.append(.cancelEgress(id))
    }

    /// Stops what is on its way and needs a switch that is off now; the shell's answer brings the ledger entry.
    mutating func cancelMessages(needing off: Switch) {
        let stopped = cancellable { Contract.flow($0.permit.flow)?.switches.contains(off) == true }
        for id in stopped { cancel(id) }
    }

    /// Strict mode was switched on: what it blocks is stopped like a flow that was switched off (Q18).
    mutating func cancelBlocked() {
        for id in cancellable({ Contract.flow($0.permit.flow)?.isBlockedWhenStrict == true }) { cancel(id) }
    }

    private mutating func tell(_ purpose: CloudPurpose, _ reply: CloudReply) {
        switch purpose {
        case .pairing(let operation): inbox.append(.pairing(.answered(operation, reply)))
        case .backup(let operation): inbox.append(.backup(.answered(operation, reply)))
        case .telemetry: inbox.append(.telemetry(.answered(reply)))
        case .restore: break
        case .updateQuery: updateAnswered(reply)
        case .updateBundle: inbox.append(.update(.fetched(reply)))
        case .crashReport: inbox.append(.crash(.answered(reply)))
        case .revocation:
            if reply != .accepted {
                effects.append(
                    .log(.notice, "the Control Center was not told of the revocation: \(reply.ledgerResult)"))
            }
        }
    }

    // MARK: Ledger

    mutating func record(
        _ flow: FlowID, _ recipient: Recipient, _ fieldNames: [FieldName], bytes: Int64, result: String
    ) {
        guard journal.hasLedgerRoom(for: 1) else {
            gate.count(.ledgerFull(flow, limit: journal.ledgerCapacity))
            return
        }
        journal.append(
            ledger.entry(
                at: wall, flow: flow, recipient: recipient, fieldNames: fieldNames, bytes: max(0, bytes), result: result
            ))
    }

    // MARK: What the machines want sent

    mutating func perform(_ wishes: [PairingEffect]) {
        for wish in wishes {
            switch wish {
            case .answerOffer(let requester, nil): reply(ServiceRequestID(requester.value), .noContent)
            case .answerOffer(let requester, let refusal?):
                let detail = "\(refusal)"
                reply(
                    ServiceRequestID(requester.value),
                    .problem(status: refusal.status, title: "offer refused", detail: detail))
            case .answerAdministrator(let requester, .success(let text)):
                reply(AdminRequestID(requester.value), .done(text))
            case .answerAdministrator(let requester, .failure(let refusal)):
                reply(AdminRequestID(requester.value), .refused(status: refusal.status, detail: "\(refusal)"))
            case .hash(let operation, let password, let salt):
                run(.hashPassword(password, salt: salt), then: .pairingHash(operation))
            case .persist(let operation, let commands): store(commands, then: .pairing(operation))
            case .send(let operation, let userName, let password, let tokenID):
                send(
                    .c3, to: .controlCenter,
                    [
                        OutboundField(.userName, .text(userName)), OutboundField(.password, .secret(password)),
                        OutboundField(.tokenID, .text(tokenID)),
                    ], on: .codeAccepted, purpose: .pairing(operation))
            case .revoke(let tokenID):
                guard settings.cloud.controlCenter != nil else { continue }
                send(
                    .c4, to: .controlCenter, [OutboundField(.revocation, .text(tokenID))], on: .switchedOff,
                    purpose: .revocation)
            case .credentialsChanged: forgetCredentials()
            case .log(let text): effects.append(.log(.notice, text))
            }
        }
    }

    mutating func perform(_ wishes: [TelemetryMachine.Effect]) {
        for wish in wishes {
            switch wish {
            case .takeSample: effects.append(.takeSample)
            case .send(let points):
                send(
                    .c5, to: .monitoring,
                    [OutboundField(.metrics, .metrics(points)), OutboundField(.serial, .implied)],
                    on: .monitoringInUse, purpose: .telemetry)
            }
        }
    }

    mutating func perform(_ wishes: [BackupEffect]) {
        for wish in wishes {
            switch wish {
            case .query(let operation):
                send(
                    .c7, to: .backup,
                    [OutboundField(.externalAddress, .implied), OutboundField(.certificate, .implied)],
                    on: .beforeBackup, purpose: .backup(operation))
            case .make(let operation, let id, let recipient, let createdAt, let parts):
                run(
                    .makeBackup(id: id, recipient: recipient, createdAt: createdAt, parts: parts),
                    then: .backup(operation))
            case .sendKey(let operation, let key, let createdAt, let trigger):
                sendBackup(
                    .bytes(key.encryptedIdentity), size: Int64(key.encryptedIdentity.count), at: createdAt,
                    keyID: key.keyID, on: trigger, operation)
            case .sendBackup(let operation, let entry, let trigger):
                sendBackup(
                    .artifact(name: entry.id, sizeBytes: entry.sizeBytes), size: entry.sizeBytes, at: entry.createdAt,
                    keyID: entry.keyID, on: trigger, operation)
            case .persist(let operation, let commands, let retainedCount):
                store(commands + remember(commands, retainedCount: retainedCount), then: .backup(operation))
            case .discardArtifact(let name): run(.discardArtifact(name: name), then: .discarded)
            case .answer(let requester, .success(let entry)): reply(AdminRequestID(requester.value), .backup(entry))
            case .answer(let requester, .failure(let refusal)):
                reply(AdminRequestID(requester.value), .refused(status: refusal.status, detail: "\(refusal)"))
            case .answerPending(let requester, let text): reply(AdminRequestID(requester.value), .done(text))
            case .log(let text): effects.append(.log(.notice, text))
            }
        }
    }

    private mutating func sendBackup(
        _ ciphertext: OutboundValue, size: Int64, at time: UnixTime, keyID: String, on trigger: Trigger,
        _ operation: BackupOperation
    ) {
        send(
            .c8, to: .backup,
            [
                OutboundField(.ciphertext, ciphertext), OutboundField(.size, .integer(size)),
                OutboundField(.time, .time(time)), OutboundField(.keyID, .text(keyID)),
            ], on: trigger, purpose: .backup(operation), within: Self.uploadAnswerLimit)
    }

    // MARK: Uplink (F-S5)

    mutating func uplinkChanged(_ event: UplinkEvent) {
        if case .off = uplink { return }  // late
        switch event {
        case .up(let external):
            let former = uplink
            uplink = .up(external)
            if case .up(let known) = former {
                // A welcome that says nothing new, or new things all the time, is not a location of its own each.
                guard known != external, now - locationRecordedAt >= Self.locationInterval else { return }
            }
            locationRecordedAt = now
            // Address, port and serial are implied by the connection: no application bytes.
            record(.s5, .relay, Self.locationFields, bytes: 0, result: "sent")
        case .down(let reason):
            uplink = .dialling
            effects.append(.log(.notice, "the uplink is down: \(reason)"))
        }
    }

    mutating func reviewUplink() {
        let wanted = switches[.relay] == true ? settings.cloud.relay : nil
        guard wanted != uplinkAddress else { return }
        if uplinkAddress != nil {
            effects.append(.closeUplink)
            uplinkAddress = nil
            uplink = .off
        }
        guard let wanted, !isDraining else { return }
        if let refusal = roomRefusal(for: .s5) { return uplinkRefused(refusal, isCounted: false) }
        switch gate.permitConnection(.s5, fields: Self.locationFields, switches: switches) {
        case .success(let permit):
            uplinkAddress = wanted
            uplink = .dialling
            uplinkRefusal = nil
            effects.append(.openUplink(permit))
        case .failure(let refusal): uplinkRefused(refusal, isCounted: true)
        }
    }

    /// The uplink is asked for anew at every turn: the same refusal is said once.
    private mutating func uplinkRefused(_ refusal: EgressRefusal, isCounted: Bool) {
        guard uplinkRefusal != refusal else { return }
        uplinkRefusal = refusal
        if !isCounted { gate.count(refusal) }
        effects.append(.log(.warning, "\(refusal)"))
    }

    /// How often F-C5 is wanted now; nil: not at all. In use means: paired, both options on, and a server is known.
    var monitoringInterval: Duration? {
        let isOn = switches[.controlCenter] == true && switches[.monitoring] == true
        guard isOn, !isDraining, pairing.stage == .paired, settings.cloud.monitoring != nil else { return nil }
        return settings.cloud.monitoringInterval
    }
}
