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
        case .text, .integer, .time, .secret, .metrics, .callRecord, .implied, nil: return
        }
        if !bytes.starts(with: Array("age-encryption.org/v1\n".utf8)) {
            world.violated("\(message.flow.rawValue) sends something else than ciphertext")
        }
    }

    /// What must hold once everything has come to rest.
    static func checkAtRest(_ world: World) throws(ScenarioFailure) {
        if let violation = world.violations.first { throw ScenarioFailure(violation, at: world.now) }
        guard world.appliance.media.sessionCount == 0 else {
            throw ScenarioFailure("\(world.appliance.media.sessionCount) media sessions leak", at: world.now)
        }
        for phone in world.phones where !phone.isQuiet {
            throw ScenarioFailure("telephone \(phone.user) has not come to rest", at: world.now)
        }
        let ledger = world.appliance.disk.histories.ledger(after: 0, limit: .max)
        if let damage = Ledger.verify(ledger, hashes: world.hashes) {
            throw ScenarioFailure("the ledger: \(damage)", at: world.now)
        }
        if world.cloud.pairingUsers.count > 1, world.appliance.disk.snapshot.pairing?.stage == .paired {
            guard world.cloud.credential?.user == world.appliance.disk.snapshot.pairing?.user?.name else {
                throw ScenarioFailure("the Control Center holds another pairing user than the appliance", at: world.now)
            }
        }
    }
}
