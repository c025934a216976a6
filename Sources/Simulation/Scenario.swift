import ApplianceCore
import CloudCore
import CloudMessages
import Persistence
import Primitives
import PrivacyContract
import Settings

/// A story in one simulated world; every one of them runs for every seed, but those that take weeks for each twentieth.
package struct Scenario: Sendable {
    package let name: String
    /// What it shows, in a sentence.
    package let purpose: String
    /// Whether packets flow in it.
    let media: MediaKind
    let body: @Sendable (World) throws(ScenarioFailure) -> Void

    package static let all: [Scenario] =
        [
            .uplink, .pairing, .pairingUnderPowerCuts, .pairingOutage, .revocationOutage, .wrongCodes, .clockSteps,
            .monitoring,
            .backup, .backupUnderPowerCuts, .backupOutage, .provisioning, .callData, .callDataOutage, .call,
            .hangUps, .wrongPassword, .longRegistration, .powerCutInCall, .drain, .fullDisk,
            .fullDiskAnyTime, .switchRaces, .switchStorm, .flowTable, .unplugged, .backupPlan, .canaries, .voicemail,
            .remoteAccess, .updates, .crashReports,
        ] + staged

    /// Weeks and months of virtual time, seconds of ours.
    package static let long: Set<String> = [unplugged.name, backupPlan.name, canaries.name]
    /// Those that are neither long nor played on stages.
    package static let short = {
        let others = long.union(StageScenario.all.map(\.name))
        return all.filter { !others.contains($0.name) }
    }()

    /// What a sweep plays for a seed: the long ones for each twentieth, those of the stages for each fifth.
    package static func swept(by seed: UInt64) -> [Scenario] {
        if seed.isMultiple(of: 20) { return all }
        return seed.isMultiple(of: 5) ? short + staged : short
    }

    package init(
        name: String, purpose: String, body: @escaping @Sendable (World) throws(ScenarioFailure) -> Void
    ) {
        self.init(name: name, purpose: purpose, media: .real, body: body)
    }

    init(
        name: String, purpose: String, media: MediaKind,
        body: @escaping @Sendable (World) throws(ScenarioFailure) -> Void
    ) {
        self.name = name
        self.purpose = purpose
        self.media = media
        self.body = body
    }

    /// Plays it in a fresh world, lets that come to rest, and throws what did not hold, an invariant included.
    package func play(in world: World) throws(ScenarioFailure) {
        try body(world)
        try Invariants.checkAtRest(world)
        world.note("end \(name)")
    }
}

// MARK: - Building blocks

extension World {
    static let users = [
        UserSettings(extension: "100", name: "Ada", password: Secret("ada-secret")),
        UserSettings(extension: "101", name: "Bob", password: Secret("bob-secret")),
        UserSettings(extension: "102", name: "Cleo", password: Secret("cleo-secret")),
        UserSettings(extension: "103", name: "Dan", password: Secret("dan-secret")),
    ]

    func bootAppliance(applications: ApplicationSettings = ApplicationSettings()) {
        var settings = ApplianceSettings()
        settings.users = Self.users
        settings.features.echo = "600"
        settings.features.conferences = ["800", "801"]
        settings.groups = [
            GroupSettings(extension: "610", name: "Sales", strategy: .all, members: ["101", "102", "103"])
        ]
        settings.applications = applications
        settings.media.address = ApplianceNode.address
        settings.cloud.relay = "relay.vendor.example:7443"
        settings.cloud.controlCenter = "https://control-center.vendor.example"
        settings.cloud.backup = "https://backup.vendor.example"
        settings.cloud.monitoring = "https://monitoring.vendor.example"
        settings.cloud.update = "https://update.vendor.example"
        settings.cloud.crash = "https://crash.vendor.example"
        settings.cloud.remoteAccess = "remote-access.vendor.example:7450"
        appliance.powerOn(settings: settings)
    }

    /// Settings with users and groups that the seed draws.
    func officeSettings() -> ApplianceSettings {
        var settings = appliance.disk.snapshot.settings
        settings.sip.realm = "office-\(entropy.hexToken(bytes: 2)).example"
        settings.users = (0..<(1 + entropy.next() % 40)).map {
            UserSettings(
                extension: "\(100 + $0)", name: "User \(entropy.hexToken(bytes: 4))",
                password: Secret(entropy.hexToken(bytes: 8)))
        }
        let members = settings.users.map(\.extension).filter { _ in entropy.next() % 2 == 0 }
        settings.groups = [GroupSettings(extension: "610", name: "Sales", strategy: .all, members: members)]
        return settings
    }

    func turn(_ name: Switch, on isOn: Bool) throws(ScenarioFailure) {
        let reply = try appliance.admin(.setSwitch(name, isOn))
        guard case .done = reply else {
            throw ScenarioFailure("switching \(name.rawValue): \(Summary.of(reply))", at: now)
        }
    }

    func status() throws(ScenarioFailure) -> ApplianceStatus {
        guard case .status(let status) = try appliance.admin(.status) else {
            throw ScenarioFailure("no status", at: now)
        }
        return status
    }

    func require(_ condition: Bool, _ text: String) throws(ScenarioFailure) {
        guard condition else { throw ScenarioFailure(text, at: now) }
    }

    var pairingStage: String? { appliance.disk.snapshot.pairing?.stage.rawValue }

    func bringUplinkUp() throws(ScenarioFailure) {
        try turn(.relay, on: true)
        try wait("the uplink", within: .seconds(60)) { appliance.uplink.isUp }
    }

    /// F-C1 and F-C2: a code is shown, its hash has arrived at the appliance and is committed.
    func offerCode() throws(ScenarioFailure) -> String {
        try turn(.controlCenter, on: true)
        let code = try cloud.addDevice(serial: ApplianceNode.serial)
        try wait("the offer", within: .seconds(300)) { pairingStage == "offered" }
        advance(.seconds(1))  // nobody types faster
        return code
    }

    func pair() throws(ScenarioFailure) {
        try bringUplinkUp()
        let code = try offerCode()
        let reply = try appliance.admin(.enterPairingCode(code))
        guard case .done = reply else { throw ScenarioFailure("entering the code: \(Summary.of(reply))", at: now) }
        try wait("both sides paired", within: .seconds(300)) { isPaired }
    }

    /// Paired in the store and in the Control Center, with one and the same user.
    var isPaired: Bool {
        appliance.disk.snapshot.pairing?.stage == .paired && cloud.row?.state == .paired
            && cloud.credential?.user == appliance.disk.snapshot.pairing?.user?.name
    }
}
