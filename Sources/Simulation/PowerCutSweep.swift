import ApplianceCore
import CloudCore
import CloudMessages
import Persistence
import Primitives
import PrivacyContract
import Settings

/// One thing that an appliance does with its storage, with the power cut at each of its writes and syncs in turn.
///
/// What must hold after each: it boots; there are never two pairing users that open anything; a secret whose deletion was
/// acknowledged does not come back; the configuration that is served is the last good one, old or new, never a mixture; and
/// what was begun can be done to its end.
package struct PowerCutSweep: Sendable {
    package let name: String
    /// Up to the moment from which writes are counted.
    let prepare: @Sendable (World) throws(ScenarioFailure) -> Void
    /// Begins what is to be interrupted, and does not wait for it.
    let begin: @Sendable (World, Journey) throws(ScenarioFailure) -> Void
    /// After the power came back: checks, and does it again as a person would.
    let settle: @Sendable (World, Journey) throws(ScenarioFailure) -> Void

    /// What a journey has to remember between its steps.
    final class Journey {
        var request: AdminRequestID?
        var former = ApplianceSettings()
        var wanted = ApplianceSettings()
        var backup = ""
        var isRestored = false
    }

    package struct Result: Sendable, Equatable {
        package var points: Int
        package var runs: Int
    }

    package static let all: [PowerCutSweep] = [
        .pairing, .unpairing, .backup, .keyChange, .keyDeletion, .configuration, .restore,
        .update, .remoteAccess,
    ]

    /// Every write and sync once as the only cut, and once followed by a second cut in the step after it.
    package func run(seed: UInt64) throws(SeedFailure) -> Result {
        let points = try play(seed: seed, cutting: [])
        for point in 0..<points {
            _ = try play(seed: seed, cutting: [point])
            _ = try play(seed: seed, cutting: [point, point + 1])
        }
        return Result(points: points, runs: 1 + 2 * points)
    }

    /// The number of steps that were counted.
    private func play(seed: UInt64, cutting targets: Set<Int>) throws(SeedFailure) -> Int {
        let world = World(seed: seed, scenario: "power-cuts-\(name)", trace: Trace())
        do throws(ScenarioFailure) {
            world.bootAppliance()
            try prepare(world)
            let journey = Journey()
            world.cutter.targets = targets
            world.cutter.isArmed = true
            try begin(world, journey)
            // Longer than any of these takes, two boots included.
            world.advance(.seconds(6))
            world.cutter.isArmed = false
            let cutCount = world.cutter.cutCount
            try world.require(cutCount >= min(1, targets.count), "the power was not cut")
            let isOn = world.appliance.isOn
            try world.require(isOn, "the appliance is off")
            _ = try world.status()
            try world.requireOneLiveUser()
            try settle(world, journey)
            try world.requireOneLiveUser()
            // And a last time, with nothing under way: what is true now is on the medium.
            let snapshot = world.appliance.disk.snapshot
            world.appliance.cutPower()
            world.appliance.powerOn()
            let status = try world.status()
            try world.require(status.users == snapshot.settings.users.count, "other users are served than stored")
            try Invariants.checkAtRest(world)
        } catch {
            let step = targets.min().flatMap { world.cutter.steps.indices.contains($0) ? world.cutter.steps[$0] : nil }
            let cause = ScenarioFailure(
                "cut at \(targets.sorted()) (\(step ?? "nothing")): \(error.text)", at: error.at)
            throw SeedFailure(scenario: "power-cuts-\(name)", seed: seed, cause: cause)
        }
        return world.cutter.steps.count
    }
}

extension World {
    /// Of all the pairing users that were ever handed over at most one opens anything.
    func requireOneLiveUser() throws(ScenarioFailure) {
        guard !cloud.pairingCredentials.isEmpty else { return }
        try wait("the uplink", within: .seconds(120)) { appliance.uplink.isUp }
        var accepted = 0
        for credential in cloud.pairingCredentials {
            var answer: ServiceReply?
            var isAnswered = false
            appliance.request(.deviceState(credential)) { reply in
                answer = reply
                isAnswered = true
            }
            try wait("an answer about the pairing user", within: .seconds(30)) { isAnswered }
            if case .deviceState? = answer { accepted += 1 }
        }
        try require(accepted <= 1, "\(accepted) pairing users are live")
    }

    /// The configuration in force is one of these, whole.
    func requireConfiguration(_ allowed: [ApplianceSettings]) throws(ScenarioFailure) {
        let settings = appliance.disk.snapshot.settings
        try require(allowed.contains(settings), "a configuration is served that never was")
        let status = try status()
        try require(status.users == settings.users.count, "other users are served than configured")
    }

    /// True when the request that was under way as the power went had been answered with success.
    func isAcknowledged(_ journey: PowerCutSweep.Journey) -> Bool {
        guard let request = journey.request, case .done? = appliance.answer(to: request) else { return false }
        return true
    }
}

extension PowerCutSweep {
    static let pairing = PowerCutSweep(
        name: "pairing",
        prepare: { world throws(ScenarioFailure) in
            try world.bringUplinkUp()
            _ = try world.offerCode()
        },
        begin: { world, journey throws(ScenarioFailure) in
            guard let code = world.cloud.row?.code else { throw ScenarioFailure("no code", at: world.now) }
            journey.backup = code.withBytes { String(decoding: $0, as: UTF8.self) }
            journey.request = world.appliance.adminUnattended(.enterPairingCode(journey.backup))
        },
        settle: { world, journey throws(ScenarioFailure) in
            if world.pairingStage == "offered" { _ = try world.appliance.admin(.enterPairingCode(journey.backup)) }
            try world.wait("one pairing on both sides", within: .seconds(900)) { world.isPaired }
            let users = world.cloud.pairingUsers
            try world.require(users.count == 1, "\(users.count) pairing users were handed over")
        })

    static let unpairing = PowerCutSweep(
        name: "unpairing", prepare: { world throws(ScenarioFailure) in try world.pair() },
        begin: { world, journey throws(ScenarioFailure) in
            journey.request = world.appliance.adminUnattended(.setSwitch(.controlCenter, false))
        },
        settle: { world, journey throws(ScenarioFailure) in
            if world.isAcknowledged(journey) {
                try world.require(world.appliance.disk.snapshot.pairing == nil, "a deleted pairing came back")
            }
            let isHalf =
                (world.appliance.disk.snapshot.pairing == nil)
                != (world.appliance.disk.snapshot.switches[.controlCenter] != true)
            try world.require(!isHalf, "the pairing is gone and its switch is not, or the other way round")
            try world.turn(.controlCenter, on: false)
            try world.require(world.appliance.disk.snapshot.pairing == nil, "the pairing outlives its switch")
            try world.wait("the Control Center's knowledge", within: .seconds(300)) { world.cloud.credential == nil }
            for credential in world.cloud.pairingCredentials {
                var status: Int?
                world.appliance.request(.deviceState(credential)) {
                    if case .problem(let code, _, _)? = $0 { status = code }
                }
                try world.wait("the old credential's refusal", within: .seconds(30)) { status == 401 }
            }
        })

    static let backup = PowerCutSweep(
        name: "backup", prepare: { world throws(ScenarioFailure) in _ = try world.prepareBackups() },
        begin: { world, journey throws(ScenarioFailure) in
            journey.request = world.appliance.adminUnattended(.backUpNow)
        },
        settle: { world, journey throws(ScenarioFailure) in
            guard case .backup(let entry) = try world.appliance.admin(.backUpNow, within: .seconds(600)) else {
                throw ScenarioFailure("no backup after the power cut", at: world.now)
            }
            try world.requireBackupsOpen(PowerCutSweep.password, including: entry.id)
        })

    static let password = Secret("correct horse battery staple")
    static let newPassword = Secret("a quite different password")

    /// A backup under the first password, and its identity.
    private static func firstBackup(_ world: World) throws(ScenarioFailure) -> (entry: BackupEntry, identity: [UInt8]) {
        _ = try world.prepareBackups()
        guard case .backup(let entry) = try world.appliance.admin(.backUpNow, within: .seconds(600)),
            let identity = world.cloud.keys[entry.keyID]
        else { throw ScenarioFailure("no first backup", at: world.now) }
        return (entry, identity)
    }

    private static func open(_ world: World, _ id: String, _ password: Secret) -> String? {
        guard let entry = world.cloud.backups.entry(serial: ApplianceNode.serial, id: id),
            let content = world.cloud.contents[id], let identity = world.cloud.keys[entry.keyID]
        else { return nil }
        return JobRunner.open(content, encryptedIdentity: identity, password: password)
    }

    static let keyChange = PowerCutSweep(
        name: "key-change", prepare: { world throws(ScenarioFailure) in _ = try firstBackup(world) },
        begin: { world, journey throws(ScenarioFailure) in
            journey.backup = world.appliance.disk.snapshot.backups.first?.entry.id ?? ""
            journey.request = world.appliance.adminUnattended(.setBackupPassword(newPassword))
        },
        settle: { world, journey throws(ScenarioFailure) in
            let formerKey = world.cloud.backups.entry(serial: ApplianceNode.serial, id: journey.backup)?.keyID
            let key = world.appliance.disk.snapshot.backupKey
            try world.require(key != nil, "there is no key at all")
            if world.isAcknowledged(journey) {
                try world.require(key?.keyID != formerKey, "the former key came back")
            }
            if key?.keyID == formerKey {
                guard case .done = try world.appliance.admin(.setBackupPassword(newPassword)) else {
                    throw ScenarioFailure("the new password is not taken", at: world.now)
                }
            }
            guard case .backup(let entry) = try world.appliance.admin(.backUpNow, within: .seconds(600)) else {
                throw ScenarioFailure("no backup under the new password", at: world.now)
            }
            try world.require(open(world, entry.id, newPassword) != nil, "the new backup does not open")
            try world.require(open(world, entry.id, password) == nil, "the former password opens the new backup")
            try world.require(
                open(world, journey.backup, password) != nil,
                "the old backup does not open with the password of its day")
            let former = formerKey.flatMap { world.cloud.keys[$0] } ?? []
            let isLeft = MemorySearch.holds(world.appliance.disk.snapshot, former)
            try world.require(!isLeft, "the former identity is still on the appliance")
        })

    static let keyDeletion = PowerCutSweep(
        name: "key-deletion", prepare: { world throws(ScenarioFailure) in _ = try firstBackup(world) },
        begin: { world, journey throws(ScenarioFailure) in
            journey.request = world.appliance.adminUnattended(.deleteBackupPassword)
        },
        settle: { world, journey throws(ScenarioFailure) in
            if world.isAcknowledged(journey) {
                try world.require(world.appliance.disk.snapshot.backupKey == nil, "a deleted key came back")
            }
            if world.appliance.disk.snapshot.backupKey != nil {
                _ = try world.appliance.admin(.deleteBackupPassword)
            }
            try world.require(world.appliance.disk.snapshot.backupKey == nil, "the key outlives its password")
            guard case .refused(409, _) = try world.appliance.admin(.backUpNow) else {
                throw ScenarioFailure("a backup without a key", at: world.now)
            }
        })

    static let configuration = PowerCutSweep(
        name: "configuration", prepare: { _ throws(ScenarioFailure) in },
        begin: { world, journey throws(ScenarioFailure) in
            journey.former = world.appliance.disk.snapshot.settings
            journey.wanted = world.officeSettings()
            journey.request = world.appliance.adminUnattended(.applySettings(journey.wanted))
        },
        settle: { world, journey throws(ScenarioFailure) in
            let allowed = world.isAcknowledged(journey) ? [journey.wanted] : [journey.former, journey.wanted]
            try world.requireConfiguration(allowed)
            _ = try world.appliance.admin(.applySettings(journey.wanted))
            try world.requireConfiguration([journey.wanted])
        })

    static let restore = PowerCutSweep(
        name: "restore",
        prepare: { world throws(ScenarioFailure) in
            _ = try firstBackup(world)
        },
        begin: { world, journey throws(ScenarioFailure) in
            journey.wanted = world.appliance.disk.snapshot.settings
            journey.backup = world.appliance.disk.snapshot.backups.first?.entry.id ?? ""
            world.cutter.isArmed = false
            let office = world.officeSettings()
            _ = try world.appliance.admin(.applySettings(office))
            journey.former = office
            world.cutter.isArmed = true
            let isBegun = try world.appliance.beginRestore(journey.backup, password: password) {
                journey.isRestored = true
            }
            try world.require(isBegun, "the restore does not begin")
        },
        settle: { world, journey throws(ScenarioFailure) in
            try world.requireConfiguration(journey.isRestored ? [journey.wanted] : [journey.former, journey.wanted])
            guard world.appliance.disk.snapshot.settings != journey.wanted else { return }
            guard try world.appliance.beginRestore(journey.backup, password: password, done: {}) else {
                throw ScenarioFailure("the restore does not begin again", at: world.now)
            }
            world.advance(.seconds(1))
            try world.requireConfiguration([journey.wanted])
        })
}
