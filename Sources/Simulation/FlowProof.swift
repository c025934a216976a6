import ApplianceCore
import CloudCore
import CloudMessages
import Primitives
package import PrivacyContract

/// What the capture of one flow came to: the flow table of the documents is made of these.
package struct FlowCapture: Sendable, Equatable {
    package let flow: FlowID
    /// The names of all fields on the wire, sorted.
    package let fields: [FieldName]
    /// Bytes on the wire while every switch was on.
    package let bytes: Int64
    /// The same while the switches were off, one after the other; nil: the flow has none.
    package let bytesWhenOff: Int64?
    /// How often it was used while everything was on.
    package let uses: Int
}

/// Every flow that the appliance sends, used against the simulated cloud: first with every switch on, and then with each of
/// its switches off.
package enum FlowProof {
    /// The flows that code of this appliance sends and the simulated cloud sees.
    package static let flows: [FlowID] = [
        .c3, .c4, .c5, .c6, .c7, .c8, .c13, .s3, .s5,
        .c10, .s2, .s10,
    ]

    /// Uses every flow; throws what did not work against the cloud.
    package static func capture(seed: UInt64) throws(SeedFailure) -> [FlowCapture] {
        let on = try play(seed: seed, off: nil)
        var captures: [FlowCapture] = []
        for id in flows {
            let switches = Contract.flow(id)?.switches ?? []
            var bytesWhenOff: Int64?
            for off in switches {
                let world = try play(seed: seed, off: off)
                // The fields too: F-S5 has no byte of its own.
                let leaked = (world.cloud.received[id] ?? 0) + Int64(world.cloud.seenFields[id]?.count ?? 0)
                bytesWhenOff = (bytesWhenOff ?? 0) + leaked
            }
            captures.append(
                FlowCapture(
                    flow: id, fields: (on.cloud.seenFields[id] ?? []).sorted(), bytes: on.cloud.received[id] ?? 0,
                    bytesWhenOff: bytesWhenOff, uses: on.cloud.useCounts[id] ?? 0))
        }
        return captures
    }

    /// The same story each time; what a switch stops is left out by the appliance, not by the story.
    private static func play(seed: UInt64, off: Switch?) throws(SeedFailure) -> World {
        let name = "flow-table" + (off.map { "-without-\($0.rawValue)" } ?? "")
        let world = World(seed: seed, scenario: name, trace: Trace())
        do throws(ScenarioFailure) {
            try story(world, off: off)
            try Invariants.checkAtRest(world)
        } catch { throw SeedFailure(scenario: name, seed: seed, cause: error) }
        return world
    }

    fileprivate static func story(_ world: World, off: Switch?) throws(ScenarioFailure) {
        world.appliance.crashed()
        world.bootAppliance()
        try world.leaveStrictMode()  // which blocks F-S10
        for name in Switch.allCases where name != off { try world.turn(name, on: true) }
        let hasUplink = off != .relay
        let isPairable = hasUplink && off != .controlCenter
        if hasUplink { try world.wait("the uplink", within: .seconds(60)) { world.appliance.uplink.isUp } }
        let code = try world.cloud.addDevice(serial: ApplianceNode.serial)
        if isPairable {
            try world.wait("the offer", within: .seconds(300)) { world.pairingStage == "offered" }
        }
        world.advance(.seconds(60))
        _ = try world.appliance.admin(.enterPairingCode(code))
        if isPairable { try world.wait("both sides paired", within: .seconds(300)) { world.isPaired } }
        _ = try world.appliance.admin(.setBackupPassword(Secret("correct horse battery staple")))
        _ = try world.appliance.admin(.backUpNow, within: .seconds(600))
        try world.echoCall()
        try readCallData(world)
        try configureRemotely(world)
        try update(world)
        try fetchConfiguration(world)
        world.advance(.seconds(120))
        try world.turn(.controlCenter, on: false)
        world.advance(.seconds(60))
    }

    /// F-C6, as the Control Center reads it, with the credential of the pairing if there is one.
    private static func readCallData(_ world: World) throws(ScenarioFailure) {
        let known = world.cloud.credential
        let credentials = Credentials(
            user: known?.user ?? "ccc-00000000", password: known?.password ?? Secret("none"))
        world.appliance.subscribe(credentials, after: 0, reply: { _ in }, event: { _ in })
        world.advance(.seconds(10))
    }

    /// F-C10, as the Control Center comes in, if it can.
    private static func configureRemotely(_ world: World) throws(ScenarioFailure) {
        let known = world.cloud.credential
        let credentials = Credentials(
            user: known?.user ?? "ccc-00000000", password: known?.password ?? Secret("none"))
        world.appliance.session(credentials, answering: 1_234) { _ in }
        world.advance(.seconds(10))
    }

    /// F-S2: the question and the bundle.
    private static func update(_ world: World) throws(ScenarioFailure) {
        world.cloud.release("1.1.0", percent: 100)
        _ = try world.appliance.admin(.update(.check))
        _ = try world.appliance.admin(.update(.install))
        world.advance(.seconds(10))
    }

    /// F-S3, by a client with a token.
    private static func fetchConfiguration(_ world: World) throws(ScenarioFailure) {
        guard
            case .provisioningToken(let token, _) = try world.appliance.admin(.makeProvisioningToken(extension: "100"))
        else { throw ScenarioFailure("no token", at: world.now) }
        let client = IPAddress.v4(0xC633_6417)  // 198.51.100.23
        world.appliance.request(.provisioningFile(token: token, client: client, product: "softphone")) { _ in }
        world.advance(.seconds(10))
    }
}

extension Scenario {
    static let flowTable = Scenario(
        name: "flow-table",
        purpose: "every flow, with one switch off that the seed draws: nothing undeclared, and of what is off nothing"
    ) { world throws(ScenarioFailure) in
        let choice = Int(world.entropy.next() % UInt64(Switch.allCases.count + 1))
        let off = choice < Switch.allCases.count ? Switch.allCases[choice] : nil
        try FlowProof.story(world, off: off)
        for flow in Contract.flows {
            let seen = world.cloud.seenFields[flow.id] ?? []
            if let stranger = seen.sorted().first(where: { !flow.fields.contains($0) }) {
                throw ScenarioFailure("\(flow.id.rawValue) carries the undeclared field \(stranger)", at: world.now)
            }
            if let off, flow.switches.contains(off) {
                try world.require(
                    seen.isEmpty && (world.cloud.received[flow.id] ?? 0) == 0,
                    "\(flow.id.rawValue) sends although \(off.rawValue) is off")
            }
        }
        if off == nil {
            for id in FlowProof.flows {
                try world.require((world.cloud.useCounts[id] ?? 0) > 0, "\(id.rawValue) was not used")
            }
        }
    }
}
