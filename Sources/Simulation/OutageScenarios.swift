import ApplianceCore
import CloudCore
import CloudMessages
import Media
import Persistence
import Primitives
import PrivacyContract

/// The link to the cloud breaks at any point of a flow; afterwards the flow ends as it should have.
extension Scenario {
    static let pairingOutage = Scenario(
        name: "pairing-outage", purpose: "the cloud is away at any point of offer and confirmation: one pairing results"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.bringUplinkUp()
        try world.turn(.controlCenter, on: true)
        world.scheduleOutages(within: .milliseconds(300))
        let code = try world.cloud.addDevice(serial: ApplianceNode.serial)
        try world.wait("the offer", within: .seconds(300)) { world.pairingStage == "offered" }
        world.advance(.seconds(1))
        world.scheduleOutages(within: .milliseconds(400))
        world.appliance.adminUnattended(.enterPairingCode(code))
        try world.wait("both sides paired", within: .seconds(1_200)) { world.isPaired }
        try world.require(
            world.cloud.pairingUsers.count == 1, "\(world.cloud.pairingUsers.count) pairing users were sent")
    }

    static let revocationOutage = Scenario(
        name: "revocation-outage", purpose: "Q6: switching off never waits for the cloud, which learns of it in the end"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.pair()
        guard let credential = world.cloud.credential else { throw ScenarioFailure("no credential", at: world.now) }
        world.scheduleOutages(within: .milliseconds(100))
        world.advance(.milliseconds(Int64(world.entropy.next() % 150)))
        let before = world.now
        try world.turn(.controlCenter, on: false)
        try world.require(world.now - before < .seconds(1), "switching off waited for the network")
        try world.require(world.appliance.disk.snapshot.pairing == nil, "the pairing outlives its switch")
        try world.wait("the Control Center's knowledge", within: .seconds(300)) { world.cloud.credential == nil }
        try world.wait("the uplink", within: .seconds(300)) { world.appliance.uplink.isUp }
        var status: Int?
        world.appliance.request(.deviceState(Credentials(user: credential.user, password: credential.password))) {
            if case .problem(let code, _, _)? = $0 { status = code }
        }
        try world.wait("the old credential's refusal", within: .seconds(10)) { status == 401 }
    }

    static let backupOutage = Scenario(
        name: "backup-outage", purpose: "the cloud is away at any point of a backup: it arrives once, and whole"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        let password = try world.prepareBackups()
        world.scheduleOutages(within: .milliseconds(500))
        world.cloud.losesReplies = world.entropy.next() % 3 == 0
        world.after(.seconds(30)) { world.cloud.losesReplies = false }
        try world.insist("a backup") { () throws(ScenarioFailure) in
            try world.appliance.admin(.backUpNow, within: .seconds(600))
        }
        try world.wait("the backup's record", within: .seconds(3_600)) {
            world.appliance.disk.snapshot.backups.count == 1
        }
        try world.requireBackupsOpen(password, including: world.appliance.disk.snapshot.backups.first?.entry.id)
        try world.require(
            world.cloud.backups.list(serial: ApplianceNode.serial).count == 1, "the server has it more than once")
    }

    static let callDataOutage = Scenario(
        name: "call-data-outage", purpose: "F-C6: with its cursor a broken stream goes on, every record once, in order"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.pair()
        try world.turn(.callData, on: true)
        guard let credential = world.cloud.credential else { throw ScenarioFailure("no credential", at: world.now) }
        let reader = CallDataReader(
            world: world, credentials: Credentials(user: credential.user, password: credential.password))
        reader.start()
        for _ in 0..<3 {
            world.scheduleOutages(within: .seconds(2))
            try world.failingCall()
        }
        try world.wait("all records at the Control Center", within: .seconds(300)) {
            reader.heard == world.callRecords.map(\.callDataID) && reader.heard.count == 3
        }
        reader.stop()
    }
}

/// A Control Center that keeps a stream of call data open and goes on after its cursor when it breaks.
final class CallDataReader {
    private unowned let world: World
    private let credentials: Credentials
    private(set) var heard: [UInt64] = []
    private var attempt = 0
    private var isStopped = false

    init(world: World, credentials: Credentials) {
        self.world = world
        self.credentials = credentials
    }

    func stop() { isStopped = true }

    func start() {
        guard !isStopped else { return }
        attempt += 1
        let attempt = attempt
        world.appliance.subscribe(credentials, after: heard.last ?? 0) { [self] reply in
            if case .callDataStream? = reply { return }
            again(after: attempt)
        } event: { [self] in
            if attempt == self.attempt { heard.append($0.callDataID) }
        } end: { [self] in
            again(after: attempt)
        }
    }

    private func again(after attempt: Int) {
        guard attempt == self.attempt else { return }
        world.after(.seconds(2)) { [self] in start() }
    }
}

extension World {
    /// One or two outages that begin within `window` from now and last up to 40 s.
    func scheduleOutages(within window: Duration) {
        for _ in 0..<(1 + entropy.next() % 2) {
            let start = entropy.jitter(upTo: window)
            after(start) { [unowned self] in cutCloud() }
            after(start + .milliseconds(50) + entropy.jitter(upTo: .seconds(40))) { [unowned self] in mendCloud() }
        }
    }

    /// A call to a number that nobody has registered: a record without media.
    func failingCall() throws(ScenarioFailure) {
        let ada = phone("100", codec: .pcmu, toneHertz: 1_000)
        try register(ada)
        let before = callRecords.count
        ada.call("103")
        try wait("the refusal", within: .seconds(60)) { ada.lastFailure != nil && ada.isQuietCall }
        try wait("its record", within: .seconds(60)) { callRecords.count == before + 1 }
    }
}
