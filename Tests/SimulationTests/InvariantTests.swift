import ApplianceCore
import CloudMessages
import Media
import Primitives
import PrivacyContract
import Settings
import Testing

@testable import Simulation

/// Worlds that are broken on purpose: the checkers see it.
@Suite struct InvariantTests {
    private func failure(_ body: @escaping @Sendable (World) throws(ScenarioFailure) -> Void) -> String? {
        let scenario = Scenario(name: "broken", purpose: "is broken on purpose", body: body)
        do throws(SeedFailure) {
            try SeedRun.play(seed: 1, scenarios: [scenario], trace: Trace())
            return nil
        } catch { return error.cause.text }
    }

    @Test func `a world at rest passes`() {
        #expect(failure { world throws(ScenarioFailure) in world.bootAppliance() } == nil)
    }

    @Test func `an uplink although its switch is off is caught`() {
        let text = failure { world throws(ScenarioFailure) in
            world.bootAppliance()
            var gate = EgressGate()
            guard case .success(let permit) = gate.permitConnection(.s5, switches: [.relay: true]) else { return }
            world.appliance.openUplink(permit)
        }
        #expect(text == "F-S5 sends although relay is off")
    }

    @Test(arguments: [Switch.controlCenter, .monitoring])
    func `a message of a flow with one switch off is caught`(off: Switch) {
        let text = failure { world throws(ScenarioFailure) in
            world.bootAppliance()
            for name in [Switch.controlCenter, .monitoring] where name != off { try world.turn(name, on: true) }
            world.sendMonitoring(fields: [OutboundField(.serial, .implied)])
            world.advance(.seconds(1))
        }
        #expect(text == "F-C5 sends although \(off.rawValue) is off")
    }

    @Test func `an undeclared field and an undeclared recipient are caught`() {
        let text = failure { world throws(ScenarioFailure) in
            world.bootAppliance()
            for name in [Switch.controlCenter, .monitoring] { try world.turn(name, on: true) }
            world.sendMonitoring(fields: [OutboundField(.password, .text("x"))], to: .push)
            world.advance(.seconds(1))
            let texts = world.violations.map(\.text)
            try world.require(
                texts == ["F-C5 sends the undeclared field password", "F-C5 goes to push"], "violations are \(texts)")
        }
        #expect(text == "F-C5 sends the undeclared field password")
    }

    @Test func `plain text on its way to the backup server is caught`() {
        let text = failure { world throws(ScenarioFailure) in
            world.bootAppliance()
            let message = OutboundMessage(
                id: CloudRequestID(1), flow: .c8, recipient: .backup,
                fields: [OutboundField(.ciphertext, .bytes(Array("users: Ada".utf8)))])
            Invariants.checkCiphertext(message, artifact: nil, world: world)
        }
        #expect(text == "F-C8 sends something else than ciphertext")
    }

    @Test func `bytes that the ledger does not know are caught`() {
        let text = failure { world throws(ScenarioFailure) in
            world.bootAppliance()
            for name in [Switch.controlCenter, .monitoring] { try world.turn(name, on: true) }
            world.sendMonitoring(fields: [OutboundField(.metrics, .metrics([])), OutboundField(.serial, .implied)])
            world.advance(.seconds(1))
        }
        #expect(text == "F-C5: the cloud received 280 bytes, the ledger says 0")
    }

    @Test func `a media session that nobody closes is caught`() {
        let text = failure { world throws(ScenarioFailure) in
            world.bootAppliance()
            world.appliance.media.run(.open(MediaSessionID(99)))
        }
        #expect(text?.hasPrefix("media sessions released: not within") == true)
    }

    @Test func `a telephone that does not come to rest is caught`() {
        let text = failure { world throws(ScenarioFailure) in
            world.bootAppliance()
            let ada = world.phone("100", codec: .pcmu, toneHertz: 1_000)
            try world.register(ada)
            ada.call("600")
            try world.wait("the echo call", within: .seconds(60)) { ada.isInCall }
        }
        #expect(text?.hasPrefix("telephones at rest: not within") == true)
    }

    @Test func `an endless loop at one instant is caught`() {
        let text = failure { world throws(ScenarioFailure) in
            world.bootAppliance()
            world.again()
            world.advance(.seconds(1))
        }
        #expect(text?.hasPrefix("time stands still") == true)
    }
}

extension World {
    /// A monitoring message with a permit from a gate that believes everything to be on.
    fileprivate func sendMonitoring(fields: [OutboundField], to recipient: Recipient = .monitoring) {
        var gate = EgressGate()
        let honest = OutboundMessage(
            id: CloudRequestID(1), flow: .c5, recipient: .monitoring, fields: [OutboundField(.serial, .implied)])
        guard
            case .success(let permit) = gate.authorise(
                honest, trigger: .monitoringInUse, switches: [.controlCenter: true, .monitoring: true])
        else { return }
        appliance.egress(
            OutboundMessage(id: CloudRequestID(1), flow: .c5, recipient: recipient, fields: fields), permit)
    }

    fileprivate func again() { after(.zero) { [unowned self] in again() } }
}
