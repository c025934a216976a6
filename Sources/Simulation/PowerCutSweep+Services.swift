import ApplianceCore
import Persistence
import Primitives
import PrivacyContract

extension PowerCutSweep {
    /// Asked, judged, fetched and handed over; the manifest that was believed is known afterwards.
    static let update = PowerCutSweep(name: "update") { world throws(ScenarioFailure) in
        try world.turn(.updates, on: true)
        world.cloud.release("1.1.0", percent: 100)
    } begin: { world, _ throws(ScenarioFailure) in
        world.appliance.adminUnattended(.update(.check))
        world.after(.seconds(1)) { [unowned world] in world.appliance.adminUnattended(.update(.install)) }
    } settle: { world, _ throws(ScenarioFailure) in
        let id = world.appliance.disk.snapshot.services.installationID
        guard case .done = try world.appliance.admin(.update(.check)) else {
            throw ScenarioFailure("nothing is offered after the cut", at: world.now)
        }
        try world.require(
            id == nil || world.appliance.disk.snapshot.services.installationID == id, "the installation has another id")
        guard case .done = try world.appliance.admin(.update(.install)) else {
            throw ScenarioFailure("nothing is installed after the cut", at: world.now)
        }
        try world.wait("the installer", within: .seconds(60)) { world.appliance.jobs.handedOver.last == "1.1.0" }
        try world.require(
            world.appliance.disk.snapshot.services.manifestIssuedAt != nil, "the manifest is forgotten")
    }

    /// On with an end, and off again: on without an end is on no medium, and off stays off.
    static let remoteAccess = PowerCutSweep(name: "remote-access") { world throws(ScenarioFailure) in
        try world.pair()
    } begin: { world, _ throws(ScenarioFailure) in
        world.appliance.adminUnattended(.remoteAccess(.open(for: .seconds(600))))
        world.after(.seconds(2)) { [unowned world] in
            world.appliance.adminUnattended(.setSwitch(.remoteAccess, false))
        }
    } settle: { world, _ throws(ScenarioFailure) in
        let snapshot = world.appliance.disk.snapshot
        let isOn = snapshot.switches[.remoteAccess] == true
        try world.require(!isOn || snapshot.services.remoteAccessEnd != nil, "remote access is on without an end")
        world.advance(.seconds(700))
        try world.require(
            world.appliance.disk.snapshot.switches[.remoteAccess] != true && !world.appliance.remote.isUp,
            "remote access has not ended")
    }
}
