import ApplianceCore
import CallControl
import CloudMessages
import ConfigurationFile
package import OpenSSLCrypto
package import Primitives
import Settings

/// A stage in a simulated world: virtual time, a network that loses as the seed says, real media sessions.
///
/// After every event the core is asked for contradictions, and whether records add up to the calls made.
package final class SimulatedStage: Stage {
    private let world: World
    private var nextPorts: [Int: UInt16] = [:]
    private var lookedAt: UInt64 = 0

    package init(_ world: World) {
        self.world = world
        world.afterStep = { [unowned self] in check() }
    }

    package var now: Instant { world.now }
    package var hashes: OpenSSLHashes { world.hashes }
    package var applianceEndpoint: Endpoint { ApplianceNode.sipEndpoint }
    package var patience: Duration { .seconds(90) }
    package var violation: ScenarioFailure? { world.violations.first }

    package func fork() -> Entropy { world.fork() }
    package func note(_ text: @autoclosure () -> String) { world.note(text()) }
    package func after(_ delay: Duration, _ action: @escaping () -> Void) { world.after(delay, action) }
    package func advance(_ duration: Duration) { world.advance(duration) }

    package func wait(
        _ what: String, within limit: Duration, until condition: () -> Bool
    ) throws(ScenarioFailure) {
        try world.wait(what, within: limit, until: condition)
    }

    // MARK: Network

    package func open(
        _ count: Int, of telephone: Int, _ sink: @escaping ([UInt8], Endpoint, Int) -> Void
    ) throws(ScenarioFailure) -> Endpoint {
        let address = IPAddress.v4(0xC000_0214 + UInt32(telephone))
        let port = nextPorts[telephone, default: 5_060]
        nextPorts[telephone] = port + 2
        for offset in 0..<count {
            world.bind(Endpoint(address: address, port: port + UInt16(offset))) { sink($0, $1, offset) }
        }
        return Endpoint(address: address, port: port)
    }

    package func close(_ endpoint: Endpoint, _ count: Int) {
        for offset in 0..<count {
            world.unbind(Endpoint(address: endpoint.address, port: endpoint.port + UInt16(offset)))
        }
    }

    package func send(_ bytes: [UInt8], from source: Endpoint, to destination: Endpoint) {
        world.send(bytes, from: source, to: destination)
    }

    // MARK: Appliance

    package func raise(_ configuration: String) throws(ScenarioFailure) {
        var settings: ApplianceSettings
        do throws(ConfigurationError) {
            settings = try ConfigurationFile.parse(Array(configuration.utf8), file: "scenario")
        } catch { throw ScenarioFailure("\(error)", at: now) }
        settings.media.address = ApplianceNode.address
        world.appliance.powerOn(settings: settings)
    }

    package func records() throws(ScenarioFailure) -> [StageRecord] {
        world.callRecords.map {
            StageRecord(
                userNumber: $0.userNumber, connectedUserNumber: $0.connectedUserNumber, groupNumber: $0.groupNumber,
                externalPhoneNumber: $0.externalPhoneNumber, direction: $0.direction.rawValue, success: $0.success)
        }
    }

    package func comeToRest() throws(ScenarioFailure) { try Invariants.checkAtRest(world) }

    /// Looks at the core if anything has come to it since the last time.
    private func check() {
        let appliance = world.appliance
        guard appliance.inputCount != lookedAt, let inspection = appliance.inspection() else { return }
        lookedAt = appliance.inputCount
        for text in inspection.contradictions { world.violated(text) }
        if inspection.pendingEffects > 0 { world.violated("\(inspection.pendingEffects) effects were not taken") }
        let unrecorded = inspection.calls.count { !$0.hasRecord }
        let due = inspection.begunCalls - UInt64(unrecorded) + inspection.unreachedCalls
        if inspection.records != due { world.violated("\(inspection.records) records of \(due) calls that have ended") }
    }
}

extension Scenario {
    /// A story of the stages, in a simulated world.
    init(_ scenario: StageScenario) {
        self.init(name: scenario.name, purpose: scenario.purpose, media: .real) { world throws(ScenarioFailure) in
            let stage = SimulatedStage(world)
            defer { world.afterStep = nil }
            try scenario.perform(on: stage)
        }
    }

    /// Those that are played on every stage.
    package static let staged = StageScenario.all.map(Scenario.init)
}
