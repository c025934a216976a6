import ApplianceCore
import Archive
import CloudCore
import CloudMessages
import Persistence
import Primitives
import PrivacyContract

extension Scenario {
    static let uplink = Scenario(
        name: "uplink", purpose: "F-S5: a location record exactly while the uplink is up; off means gone"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        world.advance(.seconds(20))
        try world.require(world.cloud.relay.locations.isEmpty, "a location record without the owner's switch")
        try world.bringUplinkUp()
        try world.require(world.cloud.relay.locations.count == 1, "no location record")
        world.cutCloud()
        try world.require(world.cloud.relay.locations.isEmpty, "the location record outlives its connection")
        world.advance(.seconds(30))
        world.mendCloud()
        try world.wait("the uplink again", within: .seconds(60)) { world.appliance.uplink.isUp }
        try world.turn(.relay, on: false)
        world.advance(.seconds(30))
        try world.require(world.cloud.relay.locations.isEmpty, "a location record after switching off")
        try world.require(!world.appliance.uplink.isUp, "the uplink is up although it is off")
    }

    static let pairing = Scenario(
        name: "pairing", purpose: "F-C1 to F-C4: offer, typed code, pairing user, revocation, and again from zero"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.pair()
        let first = world.appliance.disk.snapshot.pairing?.user?.name
        try world.turn(.controlCenter, on: false)
        try world.require(world.appliance.disk.snapshot.pairing == nil, "the pairing outlives its switch")
        try world.wait("the Control Center's knowledge", within: .seconds(120)) { world.cloud.row?.state != .paired }
        try world.turn(.controlCenter, on: true)
        let code = try world.cloud.addDevice(serial: ApplianceNode.serial)
        try world.wait("the second offer", within: .seconds(300)) { world.pairingStage == "offered" }
        world.advance(.seconds(1))
        _ = try world.appliance.admin(.enterPairingCode(code))
        try world.wait("paired again", within: .seconds(300)) { world.isPaired }
        try world.require(world.appliance.disk.snapshot.pairing?.user?.name != first, "the pairing user was used again")
    }

    static let pairingUnderPowerCuts = Scenario(
        name: "pairing-power-cuts", purpose: "X5: cut at any point of the pairing, it converges to one live user"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.bringUplinkUp()
        let code = try world.offerCode()
        var chance = world.fork()
        world.cloud.losesReplies = chance.next() % 2 == 0
        world.appliance.adminUnattended(.enterPairingCode(code))
        for _ in 0..<(1 + chance.next() % 3) {
            world.advance(.microseconds(Int64(chance.next() % 400_000)))
            world.appliance.cutPower()
            world.advance(.milliseconds(Int64(100 + chance.next() % 3_000)))
            world.appliance.powerOn()
        }
        world.advance(.seconds(30))
        world.cloud.losesReplies = false
        try world.wait("the uplink", within: .seconds(120)) { world.appliance.uplink.isUp }
        if world.pairingStage == "offered" { _ = try world.appliance.admin(.enterPairingCode(code)) }
        try world.wait("one pairing on both sides", within: .seconds(900)) { world.isPaired }
        // Written before sent: whatever was sent once has the name that is sent again.
        try world.require(world.cloud.pairingUsers.count == 1, "users \(world.cloud.pairingUsers) were sent")
    }

    static let wrongCodes = Scenario(
        name: "wrong-codes", purpose: "Q1: a typo costs nothing, five wrong codes void the offer, a sixth is refused"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.bringUplinkUp()
        let code = try world.offerCode()
        let typo = String(code.dropLast()) + (code.hasSuffix("0") ? "1" : "0")
        _ = try world.appliance.admin(.enterPairingCode(typo))
        try world.require(world.appliance.disk.snapshot.pairing?.wrongAttempts == 0, "a typo cost an attempt")
        for _ in 0..<6 {
            let other = world.cloud.someOtherCode()
            guard case .refused = try world.appliance.admin(.enterPairingCode(other)) else {
                throw ScenarioFailure("a wrong code was not refused", at: world.now)
            }
        }
        guard case .refused = try world.appliance.admin(.enterPairingCode(code)) else {
            throw ScenarioFailure("the right code works after six wrong ones", at: world.now)
        }
        try world.require(world.cloud.pairingUsers.isEmpty, "a pairing user was sent")
    }

    static let monitoring = Scenario(
        name: "monitoring", purpose: "F-C5: values every ten seconds while wanted, none otherwise"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.pair()
        world.advance(.seconds(30))
        try world.require(world.appliance.egressed[.c5] == nil, "monitoring sends without its switch")
        try world.turn(.monitoring, on: true)
        try world.wait("values", within: .seconds(60)) {
            world.cloud.monitoring.latest(serial: ApplianceNode.serial, at: world.wall) != nil
        }
        world.cutCloud()
        world.advance(.seconds(60))
        world.mendCloud()
        let before = world.cloud.received[.c5] ?? 0
        // The last attempt's time-out, the longest pause, a period.
        try world.wait("monitoring again", within: .seconds(10 + 60 + 10)) { (world.cloud.received[.c5] ?? 0) > before }
        try world.turn(.controlCenter, on: false)
        let after = world.appliance.egressed[.c5]
        world.advance(.seconds(60))
        try world.require(world.appliance.egressed[.c5] == after, "monitoring outlives the Control Center (Q5)")
        try world.wait("the Control Center's knowledge", within: .seconds(120)) { world.cloud.credential == nil }
        let code = try world.offerCode()
        _ = try world.appliance.admin(.enterPairingCode(code))
        try world.wait("paired again", within: .seconds(300)) { world.isPaired }
        world.advance(.seconds(30))
        try world.require(world.appliance.egressed[.c5] == after, "a new pairing does not start from zero (X5)")
    }

    static let backup = Scenario(
        name: "backup", purpose: "F-C7, F-C8: asked first, ciphertext only, and restore(backup(x)) == x"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        guard case .refused = try world.appliance.admin(.backUpNow) else {
            throw ScenarioFailure("a backup although the switch is off", at: world.now)
        }
        try world.turn(.backup, on: true)
        let password = Secret("correct horse battery staple")
        _ = try world.appliance.admin(.setBackupPassword(password))
        let original = world.officeSettings()
        _ = try world.appliance.admin(.applySettings(original))
        guard case .backup(let entry) = try world.appliance.admin(.backUpNow, within: .seconds(600)) else {
            throw ScenarioFailure("no backup", at: world.now)
        }
        try world.require((world.appliance.egressed[.c7] ?? 0) >= 1, "the service was not asked before")
        guard let content = world.cloud.contents[entry.id], let identity = world.cloud.keys[entry.keyID] else {
            throw ScenarioFailure("the server does not hold backup and key", at: world.now)
        }
        _ = try world.appliance.admin(.applySettings(world.officeSettings()))
        try world.require(world.appliance.disk.snapshot.settings != original, "the settings have not changed")
        let text = JobRunner.open(content, encryptedIdentity: identity, password: password)
        guard let restored = text.flatMap(ConfigurationText.read) else {
            throw ScenarioFailure("the backup holds no configuration", at: world.now)
        }
        _ = try world.appliance.admin(.applySettings(restored))
        try world.require(world.appliance.disk.snapshot.settings == original, "restore(backup(x)) is not x")
        try world.require(
            JobRunner.open(content, encryptedIdentity: identity, password: Secret("wrong")) == nil,
            "a wrong password opens the backup")
        var flipped = content
        flipped[Int(world.entropy.next() % UInt64(flipped.count))] ^= 1
        try world.require(
            JobRunner.open(flipped, encryptedIdentity: identity, password: password) == nil, "a flipped bit goes unseen"
        )
    }

    static let provisioning = Scenario(
        name: "provisioning", purpose: "F-S3, F-S4: the file only to an identified client, the log anonymised"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.bringUplinkUp()
        guard
            case .provisioningToken(let token, _) = try world.appliance.admin(.makeProvisioningToken(extension: "100"))
        else { throw ScenarioFailure("no token", at: world.now) }
        let client = IPAddress.v4(0xC633_6417)  // 198.51.100.23
        var file: [UInt8]?
        var refusal: Int?
        world.appliance.request(.provisioningFile(token: Secret("unknown"), client: client, product: "softphone")) {
            reply in
            if case .problem(let status, _, _) = reply { refusal = status }
        }
        try world.wait("the refusal", within: .seconds(10)) { refusal != nil }
        world.appliance.request(.provisioningFile(token: token, client: client, product: "softphone")) { reply in
            if case .provisioningFile(let bytes, _) = reply { file = bytes }
        }
        try world.wait("the provisioning file", within: .seconds(10)) { file != nil }
        try world.require(
            String(decoding: file ?? [], as: UTF8.self).contains("<account>"), "the file holds no account")
        world.advance(.seconds(1))
        let log = world.appliance.disk.histories.provisioningLog
        try world.require(
            !log.isEmpty && log.allSatisfy { $0.network == client.anonymised }, "the log is not anonymised")
    }

    static let fullDisk = Scenario(
        name: "full-disk", purpose: "a full disk refuses a pairing step with nothing half-done, calls go on"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.bringUplinkUp()
        let code = try world.offerCode()
        world.appliance.setDiskFull(true)
        guard case .refused = try world.appliance.admin(.enterPairingCode(code), within: .seconds(300)) else {
            throw ScenarioFailure("a code was accepted on a full disk", at: world.now)
        }
        try world.require(world.cloud.pairingUsers.isEmpty, "credentials were sent that could not be stored")
        try world.echoCall()
        world.appliance.setDiskFull(false)
        _ = try world.appliance.admin(.enterPairingCode(code))
        try world.wait("paired once there is room", within: .seconds(300)) { world.isPaired }
    }
}
