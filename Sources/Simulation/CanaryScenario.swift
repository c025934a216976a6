import ApplianceCore
import CloudCore
import CloudMessages
import LogPolicy
import Media
import Persistence
import Primitives
import PrivacyContract
import Settings

extension Scenario {
    /// Unique byte strings in everything that the policies promise to forget, and thirteen months of virtual time. Each is
    /// looked for in every medium of appliance and cloud twice: it must be found before its deadline, and be gone after it.
    static let canaries = Scenario(
        name: "canaries", purpose: "R2, R7 to R11: what was planted is found before its deadline and gone after it"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        let canaries = Canaries(&world.entropy)
        try world.plantPairing(canaries)
        try world.expectPairing(canaries, isThere: true)
        try world.plantMonitoring()
        try world.plantCallData(canaries)
        try world.plantAccess(canaries)
        try world.plantQuery(canaries)
        try world.plantBackup(canaries)

        // R8: at once.
        try world.turn(.controlCenter, on: false)
        try world.wait("the Control Center's knowledge", within: .seconds(300)) { world.cloud.credential == nil }
        world.advance(.seconds(10))
        try world.expectPairing(canaries, isThere: false)

        // R11: 24 hours.
        world.letTimePass(.seconds(86_400 + 60))
        try world.expect("monitoring value", Canaries.usedBytes, in: world.cloudMedia, isThere: false)

        // R9: 14 days for the original, the anonymised copy stays.
        world.letTimePass(.seconds(14 * 86_400))
        let addresses = world.cloud.accessLog
        try world.require(
            addresses.originals.isEmpty && addresses.anonymised.map(\.network) == [canaries.visitor.anonymised],
            "the access log after 14 days")
        try world.expect("visitor's address", canaries.visitorNumber, in: world.cloudMedia, isThere: false)

        // R10: at once.
        try world.deletePassword(canaries)

        // R2: twelve months, with the log line still there a month before.
        world.letTimePass(.seconds(330 * 86_400))
        try world.expect("product", Array(canaries.product.utf8), in: world.applianceMedia, isThere: true)
        world.letTimePass(.seconds(51 * 86_400))
        try world.expect("product", Array(canaries.product.utf8), in: world.applianceMedia, isThere: false)
        for medium in world.applianceMedia + world.cloudMedia {
            for (name, bytes) in canaries.neverKept where MemorySearch.holds(medium.value, bytes) {
                throw ScenarioFailure("\(name) is in \(medium.name)", at: world.now)
            }
        }
    }
}

/// What is planted.
final class Canaries {
    let userName: String
    let product: String
    let deviceID: String
    let backupPassword: String
    let provisioningClient = IPAddress.v4(0xC633_64CB)  // 198.51.100.203
    let visitor = IPAddress.v4(0xCB00_7147)  // 203.0.113.71
    /// So many bytes of the simulated file system are in use, and nothing else has this value.
    static let usedBytes = Array("268435459".utf8)

    var pairingToken: [UInt8] = []
    var pairingUser: [UInt8] = []
    var pairingPassword: [UInt8] = []
    var pairingHash: [UInt8] = []
    var provisioningToken: [UInt8] = []
    var backupID = ""
    var identity: [UInt8] = []

    init(_ entropy: inout Entropy) {
        userName = "Canary \(entropy.hexToken(bytes: 6))"
        product = "Canaryphone \(entropy.hexToken(bytes: 6))"
        deviceID = "device-\(entropy.hexToken(bytes: 8))"
        backupPassword = "canary \(entropy.hexToken(bytes: 8))"
    }

    /// As `MemorySearch` spells an address that somebody kept.
    var visitorNumber: [UInt8] { Array("\(0xCB00_7147)".utf8) }
    var clientNumber: [UInt8] { Array("\(0xC633_64CB)".utf8) }

    /// At no time on any medium.
    var neverKept: [(String, [UInt8])] {
        [
            ("the client's whole address", clientNumber), ("the device's id", Array(deviceID.utf8)),
            ("the backup password", Array(backupPassword.utf8)), ("the provisioning token", provisioningToken),
        ]
    }
}

struct Medium {
    let name: String
    let value: Any
}

extension World {
    /// Disk and memory of the appliance.
    var applianceMedia: [Medium] {
        [
            Medium(name: "the appliance's database", value: appliance.disk.snapshot),
            Medium(name: "the appliance's histories", value: appliance.disk.histories),
            Medium(name: "the appliance's memory", value: appliance.core as Any),
        ]
    }

    /// Memory of every server of the cloud, and the backup server's disk.
    var cloudMedia: [Medium] {
        [
            Medium(name: "the Control Center", value: cloud.controlCenter),
            Medium(name: "the monitoring server", value: cloud.monitoring),
            Medium(name: "the backup server", value: cloud.backups),
            Medium(name: "the backup server's files", value: (cloud.contents, cloud.keys)),
            Medium(name: "the relay", value: cloud.relay), Medium(name: "remote access", value: cloud.accessLog),
        ]
    }

    /// Time passes; the servers look once a day for what is over, as their shells do.
    fileprivate func letTimePass(_ duration: Duration) {
        let end = now + duration
        while now < end {
            advance(min(.seconds(86_400), end - now))
            cloud.monitoring.expire(at: wall)
            _ = cloud.accessLog.expire(at: wall)
        }
    }

    fileprivate func expect(
        _ what: String, _ bytes: [UInt8], in media: [Medium], isThere: Bool
    ) throws(ScenarioFailure) {
        let found = media.filter { MemorySearch.holds($0.value, bytes) }.map(\.name)
        if isThere { try require(!found.isEmpty, "the \(what) is nowhere: the search would find nothing") }
        if !isThere { try require(found.isEmpty, "the \(what) is still in \(found.joined(separator: ", "))") }
    }

    // MARK: R8

    fileprivate func plantPairing(_ canaries: Canaries) throws(ScenarioFailure) {
        var settings = appliance.disk.snapshot.settings
        settings.users[0].name = canaries.userName
        _ = try appliance.admin(.applySettings(settings))
        try pair()
        guard let credential = cloud.credential, let user = appliance.disk.snapshot.pairing?.user else {
            throw ScenarioFailure("no pairing", at: now)
        }
        canaries.pairingToken = Array(credential.tokenID.utf8)
        canaries.pairingUser = Array(credential.user.utf8)
        canaries.pairingPassword = credential.password.withBytes { Array($0) }
        canaries.pairingHash = user.passwordHash
    }

    fileprivate func expectPairing(_ canaries: Canaries, isThere: Bool) throws(ScenarioFailure) {
        for media in [applianceMedia, cloudMedia] {
            try expect("pairing token", canaries.pairingToken, in: media, isThere: isThere)
            try expect("pairing user", canaries.pairingUser, in: media, isThere: isThere)
        }
        try expect("pairing password", canaries.pairingPassword, in: cloudMedia, isThere: isThere)
        try expect("pairing password", canaries.pairingPassword, in: applianceMedia, isThere: false)
        try expect("password hash", canaries.pairingHash, in: applianceMedia, isThere: isThere)
    }

    // MARK: R11, R7, R9, R2

    fileprivate func plantMonitoring() throws(ScenarioFailure) {
        try turn(.monitoring, on: true)
        try wait("monitoring values", within: .seconds(60)) {
            MemorySearch.holds(cloud.monitoring, Canaries.usedBytes)
        }
        try turn(.monitoring, on: false)
    }

    /// The record reaches the browser with the caller's name, and no server keeps it.
    fileprivate func plantCallData(_ canaries: Canaries) throws(ScenarioFailure) {
        try turn(.callData, on: true)
        guard let credential = cloud.pairingCredentials.last else { throw ScenarioFailure("no credential", at: now) }
        var browser: [CallRecord] = []
        var isOpen = false
        appliance.subscribe(credential, after: 0) { reply in
            if case .callDataStream? = reply { isOpen = true }
        } event: {
            browser.append($0)
        }
        try wait("the call data stream", within: .seconds(10)) { isOpen }
        try toneCall(codecs: (.pcmu, .pcmu))
        try wait("the record in the browser", within: .seconds(60)) { !browser.isEmpty }
        for phone in phones { phone.unregister() }
        try require(
            MemorySearch.holds(browser, Array(canaries.userName.utf8)), "the caller's name does not reach the browser")
        try expect("caller's name", Array(canaries.userName.utf8), in: cloudMedia, isThere: false)
    }

    fileprivate func plantAccess(_ canaries: Canaries) throws(ScenarioFailure) {
        cloud.accessLog.append(canaries.visitor, at: wall)
        try expect("visitor's address", canaries.visitorNumber, in: cloudMedia, isThere: true)
    }

    fileprivate func plantQuery(_ canaries: Canaries) throws(ScenarioFailure) {
        guard case .provisioningToken(let token, _) = try appliance.admin(.makeProvisioningToken(extension: "100"))
        else { throw ScenarioFailure("no provisioning token", at: now) }
        canaries.provisioningToken = token.withBytes { Array($0) }
        var isAnswered = false
        appliance.request(
            .provisioningFile(
                token: token, client: canaries.provisioningClient, product: "\(canaries.product) (\(canaries.deviceID))"
            )
        ) { _ in isAnswered = true }
        try wait("the provisioning file", within: .seconds(10)) { isAnswered }
        advance(.seconds(1))
        try expect("product", Array(canaries.product.utf8), in: applianceMedia, isThere: true)
        for (name, bytes) in canaries.neverKept { try expect(name, bytes, in: applianceMedia, isThere: false) }
    }

    // MARK: R10

    fileprivate func plantBackup(_ canaries: Canaries) throws(ScenarioFailure) {
        try turn(.backup, on: true)
        let password = Secret(canaries.backupPassword)
        _ = try appliance.admin(.setBackupPassword(password))
        guard case .backup(let entry) = try appliance.admin(.backUpNow, within: .seconds(600)),
            let identity = cloud.keys[entry.keyID], let content = cloud.contents[entry.id]
        else { throw ScenarioFailure("no backup", at: now) }
        canaries.backupID = entry.id
        canaries.identity = identity
        let text = JobRunner.open(content, encryptedIdentity: identity, password: password) ?? ""
        try require(text.contains(canaries.userName), "the backup does not hold the canary")
        try expect("user's name", Array(canaries.userName.utf8), in: cloudMedia, isThere: false)
        try expect("encrypted identity", identity, in: applianceMedia, isThere: true)
    }

    /// Nothing that the vendor has opens the backup; nothing of the key is left on the appliance; a deleted backup is gone.
    fileprivate func deletePassword(_ canaries: Canaries) throws(ScenarioFailure) {
        _ = try appliance.admin(.deleteBackupPassword)
        advance(.seconds(1))
        try expect("encrypted identity", canaries.identity, in: applianceMedia, isThere: false)
        guard let content = cloud.contents[canaries.backupID] else { throw ScenarioFailure("no backup", at: now) }
        let guesses =
            MemorySearch.texts(cloudMedia.map(\.value), limit: 2_000)
            + MemorySearch.texts(applianceMedia.map(\.value), limit: 2_000)
        try require(guesses.count > 50, "there is nothing to guess with")
        for guess in Set(guesses.filter { $0.count < 200 }) {
            let opened = JobRunner.open(content, encryptedIdentity: canaries.identity, password: Secret(guess))
            try require(opened == nil, "something that is left opens the backup")
        }
        do throws(CloudRefusal) {
            try cloud.backups.delete(serial: ApplianceNode.serial, id: canaries.backupID)
        } catch { throw ScenarioFailure("the backup cannot be deleted: \(error)", at: now) }
        cloud.contents[canaries.backupID] = nil
        try expect("ciphertext", Array(content.suffix(64)), in: cloudMedia, isThere: false)
    }
}
