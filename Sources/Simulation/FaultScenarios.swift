import ApplianceCore
import CloudCore
import CloudMessages
import Media
import Pairing
import Persistence
import Primitives
import PrivacyContract

/// Faults at moments that the seed chooses.
extension Scenario {
    static let clockSteps = Scenario(
        name: "clock-steps", purpose: "a wrong clock neither extends nor revives a code, and small errors do no harm"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.bringUplinkUp()
        var chance = world.fork()
        let code = try world.offerCode()
        switch chance.next() % 4 {
        case 0: try world.clockSetBack(code, by: .seconds(3_600 * Int64(2 + chance.next() % 100)))
        case 1: try world.clockAheadAndBack(code, by: .seconds(86_400 + 3_600 * Int64(1 + chance.next() % 100)))
        case 2: try world.clockSlightlyWrong(code, &chance)
        default: try world.clockLostInRestart(code, by: .seconds(86_400 * Int64(1 + chance.next() % 3_000)))
        }
    }

    static let powerCutInCall = Scenario(
        name: "call-power-cut", purpose: "cut during a call or its set-up: everybody comes to rest, bindings survive"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        var chance = world.fork()
        let ada = world.phone("100", codec: .pcmu, toneHertz: 1_000)
        let bob = world.phone("101", codec: .pcmu, toneHertz: 440, answers: true)
        try world.register(ada)
        try world.register(bob)
        world.advance(.milliseconds(400))  // bindings are handed out after 250 ms, and committed
        ada.call("101")
        world.advance(.milliseconds(Int64(chance.next() % 2_000)))
        world.appliance.cutPower()
        world.advance(.milliseconds(Int64(100 + chance.next() % 5_000)))
        world.appliance.powerOn()
        world.advance(.milliseconds(Int64(chance.next() % 3_000)))
        ada.hangUp()
        try world.wait("the caller's rest", within: .seconds(120)) { ada.isQuiet }
        bob.hangUp()
        try world.wait("the callee's rest", within: .seconds(120)) { bob.isQuiet }
        guard case .calls(let calls) = try world.appliance.admin(.calls), calls.isEmpty else {
            throw ScenarioFailure("a call is left at the appliance", at: world.now)
        }
        try world.toneCall(codecs: (.pcmu, .pcmu))
    }

    static let backupUnderPowerCuts = Scenario(
        name: "backup-power-cuts", purpose: "cut at any point of a backup: the next one succeeds, all stored ones open"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        var chance = world.fork()
        let password = try world.prepareBackups()
        world.cloud.losesReplies = chance.next() % 2 == 0
        for _ in 0..<(1 + chance.next() % 3) {
            world.appliance.adminUnattended(.backUpNow)
            world.advance(.microseconds(Int64(chance.next() % 500_000)))
            world.appliance.cutPower()
            world.advance(.milliseconds(100))
            world.appliance.powerOn()
        }
        world.cloud.losesReplies = false
        guard case .backup(let entry) = try world.appliance.admin(.backUpNow, within: .seconds(600)) else {
            throw ScenarioFailure("no backup after the power cuts", at: world.now)
        }
        try world.requireBackupsOpen(password, including: entry.id)
    }

    static let fullDiskAnyTime = Scenario(
        name: "full-disk-any-time",
        purpose: "a disk that is full now and then: refused or later, never half, then all works"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        var chance = world.fork()
        for _ in 0..<5 {
            let start = Duration.milliseconds(Int64(chance.next() % 12_000))
            let end = start + .milliseconds(Int64(chance.next() % 3_000))
            world.after(start) { world.appliance.setDiskFull(true) }
            world.after(end) { world.appliance.setDiskFull(false) }
        }
        try world.insist("relay") { () throws(ScenarioFailure) in try world.appliance.admin(.setSwitch(.relay, true)) }
        try world.wait("the uplink", within: .seconds(60)) { world.appliance.uplink.isUp }
        try world.insist("control center") { () throws(ScenarioFailure) in
            try world.appliance.admin(.setSwitch(.controlCenter, true))
        }
        let code = try world.cloud.addDevice(serial: ApplianceNode.serial)
        try world.wait("the offer", within: .seconds(300)) { world.pairingStage == "offered" }
        world.advance(.seconds(1))
        try world.insist("the code") { () throws(ScenarioFailure) in
            try world.appliance.admin(.enterPairingCode(code), within: .seconds(300))
        }
        try world.wait("both sides paired", within: .seconds(300)) { world.isPaired }
        try world.insist("backup") { () throws(ScenarioFailure) in try world.appliance.admin(.setSwitch(.backup, true))
        }
        let password = Secret("correct horse battery staple")
        try world.insist("the backup password") { () throws(ScenarioFailure) in
            try world.appliance.admin(.setBackupPassword(password))
        }
        try world.insist("a backup") { () throws(ScenarioFailure) in
            try world.appliance.admin(.backUpNow, within: .seconds(600))
        }
        try world.echoCall()
        world.appliance.setDiskFull(false)
        try world.requireBackupsOpen(password, including: nil)
        try world.insist("switching off") { () throws(ScenarioFailure) in
            try world.appliance.admin(.setSwitch(.controlCenter, false))
        }
        try world.wait("the erasure", within: .seconds(300)) { world.appliance.disk.snapshot.pairing == nil }
    }

    static let switchStorm = Scenario(
        name: "switch-storm", purpose: "switches thrown at any moment of every flow: what is off sends nothing"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.pair()
        _ = try world.prepareBackups()
        try world.turn(.monitoring, on: true)
        try world.turn(.callData, on: true)
        try world.subscribeToCallData()
        var chance = world.fork()
        let switches: [Switch] = [
            .monitoring, .callData, .backup, .relay, .controlCenter, .remoteAccess, .updates,
        ]
        for _ in 0..<30 {
            switch chance.next() % 8 {
            case 0: world.appliance.adminUnattended(.backUpNow)
            case 1: world.cutCloud()
            case 2: world.mendCloud()
            default:
                let name = switches[Int(chance.next() % UInt64(switches.count))]
                world.appliance.adminUnattended(.setSwitch(name, chance.next() % 2 == 0))
            }
            world.advance(.milliseconds(Int64(chance.next() % (chance.next() % 2 == 0 ? 60 : 4_000))))
        }
        world.mendCloud()
        for name in switches { try world.turn(name, on: false) }
        world.advance(.seconds(15))  // F-C4, the one message about switching off, may still be on its way
        let before = world.appliance.egressed
        world.advance(.seconds(120))
        try world.require(world.appliance.egressed == before, "something is sent with every switch off")
        try world.require(world.appliance.disk.snapshot.pairing == nil, "a pairing with its switch off")
        try world.require(world.cloud.relay.locations.isEmpty, "a location record with its switch off")
    }
}

extension Scenario {
    static let switchRaces = Scenario(
        name: "switch-races",
        purpose: "switched off while a message is on its way: stopped, or gone before, never after"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.pair()
        _ = try world.prepareBackups()
        var chance = world.fork()
        for _ in 0..<8 {
            world.appliance.adminUnattended(.setSwitch(.monitoring, true))
            world.appliance.adminUnattended(.setSwitch(.backup, true))
            world.advance(.milliseconds(100))
            world.appliance.adminUnattended(.backUpNow)
            world.advance(.milliseconds(Int64(chance.next() % 250)))
            world.appliance.adminUnattended(.setSwitch(.backup, false))
            world.appliance.adminUnattended(.setSwitch(.monitoring, false))
            world.advance(.milliseconds(500))
            // Monitoring sends as soon as it is on.
            world.appliance.adminUnattended(.setSwitch(.monitoring, true))
            world.advance(.milliseconds(Int64(5 + chance.next() % 40)))
            world.appliance.adminUnattended(.setSwitch(.monitoring, false))
            world.advance(.milliseconds(500))
        }
        try world.turn(.controlCenter, on: false)
        try world.wait("the Control Center's knowledge", within: .seconds(120)) { world.cloud.credential == nil }
        try world.turn(.controlCenter, on: true)
        let code = try world.cloud.addDevice(serial: ApplianceNode.serial)
        try world.wait("the second offer", within: .seconds(300)) { world.pairingStage == "offered" }
        world.advance(.seconds(1))
        world.appliance.adminUnattended(.enterPairingCode(code))
        world.advance(.milliseconds(Int64(chance.next() % 250)))
        try world.turn(.controlCenter, on: false)
        try world.require(world.appliance.disk.snapshot.pairing == nil, "the pairing outlives its switch")
        try world.wait("the Control Center's knowledge", within: .seconds(300)) { world.cloud.credential == nil }
    }
}

// MARK: - Clocks

extension World {
    /// Behind by hours: the code still ends 24 h after it came, by the monotonic clock.
    fileprivate func clockSetBack(_ code: String, by error: Duration) throws(ScenarioFailure) {
        appliance.setClockError(.zero - error)
        advance(.seconds(86_400 + 600))
        try requireRefused(code, "a clock that was set back extends the code")
        try require(appliance.disk.snapshot.pairing == nil, "an expired offer is kept")
    }

    /// Ahead past the code's end, and back: it stays over, and so does the very same offer when it is delivered again.
    fileprivate func clockAheadAndBack(_ code: String, by error: Duration) throws(ScenarioFailure) {
        let offer = appliance.disk.snapshot.pairing?.offer
        appliance.setClockError(error)
        try wait("the offer's end", within: .seconds(60)) { appliance.disk.snapshot.pairing == nil }
        appliance.setClockError(.zero)
        try requireRefused(code, "setting the clock back revives the code")
        guard let offer else { throw ScenarioFailure("there was no offer", at: now) }
        advance(.seconds(1))
        var status: Int?
        appliance.request(.offer(offer, signatureIsValid: true)) { reply in
            if case .problem(let code, _, _)? = reply { status = code }
        }
        try wait("the refusal of the replayed offer", within: .seconds(10)) { status == 409 }
        try requireRefused(code, "a replayed offer revives the code")
    }

    /// A few steps within the code's life: it works.
    fileprivate func clockSlightlyWrong(_ code: String, _ chance: inout Entropy) throws(ScenarioFailure) {
        for _ in 0..<4 {
            appliance.setClockError(.seconds(Int64(chance.next() % 7_200) - 3_600))
            advance(.seconds(Int64(chance.next() % 600)))
        }
        guard case .done = try appliance.admin(.enterPairingCode(code)) else {
            throw ScenarioFailure("a clock that is an hour wrong spoils the code", at: now)
        }
        try wait("both sides paired", within: .seconds(300)) { isPaired }
    }

    /// The battery of the clock is empty: after a restart it is years behind. The code waits for the right time.
    fileprivate func clockLostInRestart(_ code: String, by error: Duration) throws(ScenarioFailure) {
        appliance.cutPower()
        appliance.setClockError(.zero - error)
        appliance.powerOn()
        try wait("the uplink", within: .seconds(60)) { appliance.uplink.isUp }
        try requireRefused(code, "a code of unknown age is taken")
        appliance.setClockError(.zero)
        guard case .done = try appliance.admin(.enterPairingCode(code)) else {
            throw ScenarioFailure("the code is spoilt although the clock is right again", at: now)
        }
        try wait("both sides paired", within: .seconds(300)) { isPaired }
    }

    private func requireRefused(_ code: String, _ text: String) throws(ScenarioFailure) {
        guard case .refused = try appliance.admin(.enterPairingCode(code)) else { throw ScenarioFailure(text, at: now) }
        try require(cloud.pairingUsers.isEmpty, "a pairing user was sent")
    }
}

// MARK: - Persistence of a person

extension World {
    /// Does it again, as a person would, until it is not refused.
    func insist(
        _ what: String, _ attempt: () throws(ScenarioFailure) -> AdminReply
    ) throws(ScenarioFailure) {
        var last = ""
        for _ in 0..<60 {
            let reply = try attempt()
            guard case .refused(_, let detail) = reply else { return advance(entropy.jitter(upTo: .seconds(3))) }
            last = detail
            advance(.seconds(1))
        }
        throw ScenarioFailure("\(what): \(last)", at: now)
    }

    /// Backups are on and have a password.
    func prepareBackups() throws(ScenarioFailure) -> Secret {
        let password = Secret("correct horse battery staple")
        try turn(.backup, on: true)
        guard case .done = try appliance.admin(.setBackupPassword(password)) else {
            throw ScenarioFailure("the backup password is not taken", at: now)
        }
        return password
    }

    /// Every backup that the server lists is whole and readable with the password.
    func requireBackupsOpen(_ password: Secret, including id: String?) throws(ScenarioFailure) {
        let list = cloud.backups.list(serial: ApplianceNode.serial)
        try require(id.map { id in list.contains { $0.id == id } } ?? !list.isEmpty, "the server lacks the backup")
        for entry in list {
            guard let content = cloud.contents[entry.id], let identity = cloud.keys[entry.keyID],
                JobRunner.open(content, encryptedIdentity: identity, password: password)
                    == appliance.disk.exportedConfiguration
            else { throw ScenarioFailure("backup \(entry.id) does not open", at: now) }
        }
    }

    /// The Control Center opens a stream of call data and goes on listening.
    func subscribeToCallData() throws(ScenarioFailure) {
        guard let credential = cloud.credential else { throw ScenarioFailure("no credential", at: now) }
        var isOpen = false
        appliance.subscribe(Credentials(user: credential.user, password: credential.password), after: 0) { reply in
            if case .callDataStream? = reply { isOpen = true }
        } event: { _ in
        }
        try wait("the call data stream", within: .seconds(10)) { isOpen }
    }
}
