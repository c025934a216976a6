import Backup
import CloudMessages
import Pairing
import Persistence
import Primitives
import PrivacyContract
import Provisioning
import Settings

/// What the administrator asks for.
extension ConnectedServices {
    /// So many requests of administrators are worked on at once.
    static let simultaneousRequests = 64

    mutating func administer(_ command: AdminCommand, for id: AdminRequestID, entropy: inout Entropy) {
        guard stores.count + jobs.count < Self.simultaneousRequests + limits.pendingStoreTransactions else {
            return reply(id, .refused(status: 503, detail: "too many requests wait for the storage; try again later"))
        }
        switch command {
        case .status: reply(id, .status(status(facts: facts)))
        case .privacy: reply(id, .privacy(flowStates, isStrict: gate.isStrict))
        case .setSwitch(.controlCenter, false): switchControlCenterOff(id)
        case .setSwitch(.remoteAccess, true): switchRemoteAccessOn(id)
        case .setSwitch(let name, true): switchOn(name, id)
        case .setSwitch(let name, false): switchOff(name, id)
        case .enterPairingCode(let text):
            inbox.append(
                .pairing(
                    .enterCode(
                        text, isOptionOn: switches[.controlCenter] == true,
                        hasServer: settings.cloud.controlCenter != nil, PairingRequester(id.value))))
        case .setBackupPassword(let password): setBackupPassword(password, id)
        case .deleteBackupPassword: deleteBackupPassword(id)
        case .backUpNow:
            let order = BackupOrder(
                isOptionOn: switches[.backup] == true, hasServer: settings.cloud.backup != nil, key: backupKey,
                trigger: .administrator, requester: BackupRequester(id.value), parts: plan.parts)
            inbox.append(.backup(.begin(order)))
        case .listBackups: reply(id, .backups(backups))
        case .planBackups(let change): planBackups(change, id)
        case .showBackupPlan: reply(id, .backupPlan(planReport))
        case .backupDrilled(let backup, let outcome): backupDrilled(backup, outcome, id)
        case .recoverySheet(let language): recoverySheet(language, id)
        case .permitRestore: permitRestore(id)
        case .update(let command): update(command, id)
        case .crashReports(let command): crashReports(command, id)
        case .remoteAccess(let command): remoteAccess(command, id)
        case .makeProvisioningToken(let number): makeToken(for: number, id, entropy: &entropy)
        case .ledger(let cursor):
            run(.readLedger(after: cursor, limit: limits.ledgerEntriesPerAnswer), then: .ledger(id))
        case .ledgerCheckpoints(let cursor):
            run(
                .readLedgerCheckpoints(after: cursor, limit: limits.ledgerEntriesPerAnswer),
                then: .ledgerCheckpoints(id))
        case .callRecords(let cursor):
            run(.readCallRecords(after: cursor, limit: limits.callRecordQueue), then: .callRecords(id))
        case .calls, .resync, .applySettings, .applications:
            reply(id, .refused(status: 404, detail: "this request is answered elsewhere in the appliance"))
        }
    }

    mutating func reply(_ id: AdminRequestID, _ reply: AdminReply) {
        effects.append(.adminReply(id, reply))
    }

    mutating func refuse(_ id: AdminRequestID, _ outcome: JobOutcome) {
        reply(id, .refused(status: 503, detail: "it could not be read: \(Self.reason(outcome)); try again"))
    }

    mutating func refuse(_ id: AdminRequestID, _ failure: StoreFailure) {
        let detail = "nothing was changed, because the storage failed (\(failure.summary))"
        reply(id, .refused(status: 503, detail: detail))
    }

    // MARK: Status

    /// The state that `pbxctl status` shows.
    package func status(facts: TelephonyFacts) -> ApplianceStatus {
        let uplinkText =
            switch uplink {
            case .off: "off"
            case .dialling: "connecting"
            case .up(let external): "up \(external)"
            }
        var counters = facts.counters
        counters.append(Counter("egress.permitted", gate.permitCount))
        counters += gate.refusals.map { Counter("egress.denied.\($0.name)", $0.count) }
        counters.append(Counter("ledger.waiting", UInt64(journal.ledgerCount)))
        counters.append(Counter("ledger.unwritten-bytes", UInt64(credentials.unrecordedBytes)))
        counters.append(Counter("ledger.unsigned", checkpoints.unsignedCount))
        counters.append(Counter("call-records.dropped", journal.droppedCount))
        counters.append(Counter("call-data.streams", UInt64(callData.subscribers.count)))
        counters.append(Counter("control.not-authenticated", credentials.refusedCount))
        var status = ApplianceStatus(
            pairing: pairing.stage.rawValue, switches: switches, uplink: uplinkText, registrations: facts.registrations,
            calls: facts.calls, users: facts.users, pairingUser: pairing.liveUser?.name, lastBackup: backups.last,
            counters: counters.sorted { $0.name < $1.name })
        status.backupReminder = backupReminder
        return status
    }

    /// Every flow that the appliance itself may send, with the state of its switches.
    private var flowStates: [FlowState] {
        Contract.flows.compactMap { flow in
            guard flow.direction == .sent, let recipient = flow.recipient else { return nil }
            let isBlocked = gate.isStrict && flow.isBlockedWhenStrict
            return FlowState(
                flow: flow.id, recipient: recipient, fieldNames: flow.fields(isStrict: gate.isStrict),
                offSwitch: flow.switches.last, isOn: flow.isImplemented && !isBlocked && flow.isOn(switches),
                isImplemented: flow.isImplemented, isBlocked: isBlocked)
        }
    }

    // MARK: Switches

    private mutating func switchOn(_ name: Switch, _ id: AdminRequestID) {
        if name == .controlCenter, pairing.isErasing {
            let detail = "the former pairing is still being erased; free storage space and try again"
            return reply(id, .refused(status: 503, detail: detail))
        }
        store([.setSwitch(name, true)], then: .switchChange(name, true, generation: generation(of: name), id))
    }

    /// Off counts from this moment, before it is stored.
    private mutating func switchOff(_ name: Switch, _ id: AdminRequestID) {
        turnOff(name)
        if name == .backup { inbox.append(.backup(.cancel)) }
        store([.setSwitch(name, false)], then: .switchChange(name, false, generation: generation(of: name), id))
    }

    /// Every off passes here. What is still being stored as on does not come back on.
    mutating func turnOff(_ name: Switch) {
        switches[name] = false
        switchGenerations[name] = generation(of: name) + 1
        cancelMessages(needing: name)
    }

    func generation(of name: Switch) -> UInt64 { switchGenerations[name] ?? 0 }

    /// F-C4. The options that depend on the Control Center go off with it: a later pairing starts from zero (X5, Q5).
    private mutating func switchControlCenterOff(_ id: AdminRequestID) {
        let affected = [.controlCenter] + Contract.controlCenterDependents
        for name in affected {
            turnOff(name)
        }
        inbox.append(
            .pairing(.switchOff(with: affected.map { .setSwitch($0, false) }, PairingRequester(id.value))))
    }

    mutating func switchStored(
        _ name: Switch, _ isOn: Bool, _ generation: UInt64, _ id: AdminRequestID, _ outcome: StoreOutcome
    ) {
        switch outcome {
        case .committed:
            // Switched on only now; but not if it was switched off again while this was being stored.
            if isOn {
                guard generation == self.generation(of: name) else {
                    return reply(id, .refused(status: 409, detail: "\(name.rawValue) was switched off in the meantime"))
                }
                switches[name] = true
            }
            reply(id, .done("\(name.rawValue) is \(isOn ? "on" : "off")"))
        case .failed(let failure) where isOn: refuse(id, failure)
        case .failed(let failure):
            let detail =
                "\(name.rawValue) is off until the next start only: it could not be stored (\(failure.summary))"
            reply(id, .refused(status: 503, detail: detail))
        }
    }

    // MARK: Backup

    private mutating func setBackupPassword(_ password: Secret, _ id: AdminRequestID) {
        do throws(BackupRefusal) {
            try BackupPassword.check(password, serial: serial)
            run(.makeBackupKey(password: password), then: .backupKey(id))
        } catch {
            reply(id, .refused(status: error.status, detail: "\(error)"))
        }
    }

    mutating func backupKeyMade(_ outcome: JobOutcome, _ id: AdminRequestID) {
        guard case .backupKey(let record) = outcome else {
            let detail = "no key could be made: \(Self.reason(outcome)); the former one is unchanged"
            return reply(id, .refused(status: 503, detail: detail))
        }
        // Whoever sets a password has just typed it.
        var plan = plan
        plan.passwordSeenAt = wall
        store([.putBackupKey(record), .putBackupPlan(plan)], then: .backupKey(record, plan, id))
    }

    mutating func backupKeyStored(
        _ record: BackupKeyRecord, _ plan: BackupPlan, _ id: AdminRequestID, _ outcome: StoreOutcome
    ) {
        if case .failed(let failure) = outcome { return refuse(id, failure) }
        backupKey = record
        self.plan.passwordSeenAt = plan.passwordSeenAt
        reply(id, .done("backups are encrypted to key \(record.keyID) from now on; older ones need their own password"))
    }

    /// Q10: what was encrypted under the password cannot be read by anybody from now on, unless it was written down.
    private mutating func deleteBackupPassword(_ id: AdminRequestID) {
        guard let previous = backupKey else {
            return reply(id, .refused(status: 404, detail: "no backup password is set"))
        }
        backupKey = nil
        inbox.append(.backup(.cancel))
        store([.eraseBackupKey], then: .backupKeyErased(previous, id))
    }

    mutating func backupKeyErased(_ previous: BackupKeyRecord?, _ id: AdminRequestID, _ outcome: StoreOutcome) {
        if case .failed(.scrubPending(let reason)) = outcome {
            let detail =
                "the backup key is erased, but bytes of it may be left in a file (\(reason)); it is tried again"
            return reply(id, .refused(status: 503, detail: detail))
        }
        if case .failed(let failure) = outcome {
            backupKey = backupKey ?? previous  // it is in the store still: say so, rather than pretend
            return refuse(id, failure)
        }
        reply(id, .done("the backup key is erased; no further backup is made before a new password is set"))
    }

    // MARK: Provisioning

    private mutating func makeToken(for number: String, _ id: AdminRequestID, entropy: inout Entropy) {
        do throws(ProvisioningRefusal) {
            guard settings.users.contains(where: { $0.extension == number }) else { throw .noSuchExtension(number) }
            let (token, record) = try desk.makeToken(extension: number, wall: wall, entropy: &entropy)
            store([.putProvisioningToken(record)], then: .provisioningToken(token, record, id))
        } catch {
            reply(id, .refused(status: error.status, detail: "\(error)"))
        }
    }

    mutating func tokenStored(
        _ token: Secret, _ record: ProvisioningTokenRecord, _ id: AdminRequestID, _ outcome: StoreOutcome
    ) {
        if case .failed(let failure) = outcome { return refuse(id, failure) }
        desk.committed(record)
        reply(id, .provisioningToken(token, extension: record.extension))
    }
}
