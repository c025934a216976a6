import ApplianceCore
import CloudCore
import Persistence
import Primitives
import PrivacyContract

/// What must hold at every moment, whatever the seed; a violation ends the scenario.
enum Invariants {
    /// A flow that is off sends nothing: asked of the committed switches, not of the gate that made the permit.
    static func checkPermit(_ permit: Permit, switches: [Switch: Bool], world: World) {
        guard let row = Contract.flows.first(where: { $0.id == permit.flow }) else {
            return world.violated("\(permit.flow.rawValue) is not in the contract")
        }
        // The one message about switching off is sent after the switch is off (F-C4).
        guard permit.flow != .c4 else { return }
        for name in row.switches where switches[name] != true {
            world.violated("\(permit.flow.rawValue) sends although \(name.rawValue) is off")
        }
    }

    /// Only declared fields, to the declared recipient.
    static func checkFields(_ message: OutboundMessage, _ permit: Permit, world: World) {
        guard let row = Contract.flows.first(where: { $0.id == message.flow }) else {
            return world.violated("\(message.flow.rawValue) is not in the contract")
        }
        for field in message.fields where !row.fields.contains(field.name) {
            world.violated("\(message.flow.rawValue) sends the undeclared field \(field.name)")
        }
        if row.recipient != message.recipient || permit.flow != message.flow {
            world.violated("\(message.flow.rawValue) goes to \(message.recipient.rawValue)")
        }
    }

    /// X6, X7: what goes to the backup server is an age file.
    static func checkCiphertext(_ message: OutboundMessage, artifact: [UInt8]?, world: World) {
        let bytes: [UInt8]
        switch message[.ciphertext] {
        case .bytes(let content)?: bytes = content
        case .artifact?: bytes = artifact ?? []
        case .text, .integer, .time, .secret, .metrics, .callRecord, .bundle, .implied, nil: return
        }
        if !bytes.starts(with: Array("age-encryption.org/v1\n".utf8)) {
            world.violated("\(message.flow.rawValue) sends something else than ciphertext")
        }
    }

    /// What must hold once everything has come to rest.
    static func checkAtRest(_ world: World) throws(ScenarioFailure) {
        if let violation = world.violations.first { throw violation }
        // Longer than timers B, F and H, and than a registration's refresh that has just begun.
        world.advance(.seconds(40))
        try world.wait("telephones at rest", within: .seconds(60)) { world.phones.allSatisfy(\.isQuiet) }
        try world.wait("the appliance's calls and transactions at rest", within: .seconds(60)) {
            world.appliance.core?.isTelephonyIdle != false
        }
        try world.wait("media sessions released", within: .seconds(60)) { world.appliance.media.sessionCount == 0 }
        guard world.appliance.media.nextDeadline == nil else {
            throw ScenarioFailure("media without sessions have a deadline", at: world.now)
        }
        if let violation = world.violations.first { throw violation }
        let status = try world.status()
        guard status.calls == 0 else { throw ScenarioFailure("\(status.calls) calls are left", at: world.now) }
        guard world.appliance.jobs.artifactCount == 0 else {
            throw ScenarioFailure("\(world.appliance.jobs.artifactCount) prepared backups are left", at: world.now)
        }
        try checkLedger(world)
        try checkPairing(world)
    }

    /// The chain holds, its signatures are the device's, and without a power cut each byte that the network saw is in it.
    private static func checkLedger(_ world: World) throws(ScenarioFailure) {
        let ledger = world.appliance.disk.histories.ledger(after: 0, limit: .max)
        if let damage = Ledger.verify(ledger, hashes: world.hashes) {
            throw ScenarioFailure("the ledger: \(damage)", at: world.now)
        }
        let checkpoints = world.appliance.disk.histories.ledgerCheckpoints
        do throws(LedgerDamage) {
            _ = try Ledger.judge(
                ledger, checkpoints, serial: ApplianceNode.serial, hashes: world.hashes,
                signatures: SimulatedSignatureCheck())
        } catch { throw ScenarioFailure("the ledger: \(error)", at: world.now) }
        guard world.appliance.boot == 1 else { return }
        // Answers to a Control Center that asks every few seconds are written together.
        let counters = try world.status().counters
        let unwritten = Int64(counters.first { $0.name == "ledger.unwritten-bytes" }?.value ?? 0)
        for flow in FlowID.allCases {
            var recorded = ledger.filter { $0.flow == flow }.reduce(0) { $0 + $1.bytes }
            if flow == .c13 { recorded += unwritten }
            guard let received = world.cloud.received[flow], received != recorded else { continue }
            throw ScenarioFailure(
                "\(flow.rawValue): the cloud received \(received) bytes, the ledger says \(recorded)", at: world.now)
        }
        let sum = FlowID.allCases.reduce(Int64(0)) { $0 + (world.cloud.received[$1] ?? 0) }
        let total = ledger.reduce(Int64(0)) { $0 + $1.bytes } + unwritten
        guard sum == total else {
            throw ScenarioFailure("the network saw \(sum) bytes, the ledger says \(total)", at: world.now)
        }
    }

    private static func checkPairing(_ world: World) throws(ScenarioFailure) {
        if world.cloud.pairingUsers.count > 1, world.appliance.disk.snapshot.pairing?.stage == .paired {
            guard world.cloud.credential?.user == world.appliance.disk.snapshot.pairing?.user?.name else {
                throw ScenarioFailure("the Control Center holds another pairing user than the appliance", at: world.now)
            }
        }
    }
}
