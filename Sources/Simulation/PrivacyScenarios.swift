import ApplianceCore
import CloudCore
import CloudMessages
import Persistence
import Primitives
import PrivacyContract
import Settings

/// What the policies promise over weeks and months.
extension Scenario {
    static let unplugged = Scenario(
        name: "unplugged",
        purpose: "Control Center off for 30 days of outages and power cuts: zero bytes to it, monitoring, remote access"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.pair()
        _ = try world.prepareBackups()
        try world.turn(.monitoring, on: true)
        try world.turn(.callData, on: true)
        try world.turn(.remoteAccess, on: true)
        try world.subscribeToCallData()
        guard case .backupPlan = try world.appliance.admin(.planBackups(.init(schedule: .every(.seconds(86_400)))))
        else { throw ScenarioFailure("no schedule", at: world.now) }
        try world.wait("monitoring values", within: .seconds(60)) { world.cloud.received[.c5] != nil }
        var chance = world.fork()
        let credentials = world.cloud.pairingCredentials
        // The cloud is away at the very moment, or goes and comes around it.
        switch chance.next() % 3 {
        case 0: world.cutCloud(for: .milliseconds(Int64(chance.next() % 7_200_000)))
        case 1: world.scheduleOutages(within: .milliseconds(100))
        default: break
        }
        let before = world.now
        try world.turn(.controlCenter, on: false)
        try world.require(world.now - before < .seconds(1), "switching off waited for the network")
        try world.require(world.appliance.disk.snapshot.pairing == nil, "the pairing outlives its switch")
        // The one message about switching off (F-C4) has its time; nothing else has any.
        let revoked = Unplugged.flows.filter { $0 != .c4 }
        try world.requireSilence(of: revoked) { () throws(ScenarioFailure) in world.advance(.seconds(200)) }
        let backups = world.cloud.received[.c8] ?? 0
        try world.requireSilence(of: Unplugged.flows) { () throws(ScenarioFailure) in
            for _ in 0..<30 { try world.unpluggedDay(credentials, &chance) }
        }
        world.mendCloud()
        try world.wait("the Control Center's knowledge", within: .seconds(600)) { world.cloud.credential == nil }
        // Remote backup is a function of its own and went on (Q5).
        try world.require((world.cloud.received[.c8] ?? 0) > backups, "backups stopped with the Control Center")
    }

    static let backupPlan = Scenario(
        name: "backup-plan",
        purpose: "scheduled by the phase of the switch-on, green after a drill only, the password asked for again"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        let password = try world.prepareBackups()
        world.advance(.seconds(Int64(world.entropy.next() % 80_000)))
        let phase = world.wall
        let day = Duration.seconds(86_400)
        _ = try world.appliance.admin(.planBackups(.init(schedule: .every(day), reminderInterval: day * 60)))
        // Slept through a whole day, and restarted at a moment that has nothing to do with the phase.
        world.advance(.seconds(3_600))
        world.appliance.cutPower()
        world.advance(day)
        world.appliance.powerOn()
        try world.wait("the backup that is owed", within: .seconds(60)) {
            world.appliance.disk.snapshot.backups.count == 1
        }
        for count in 2...6 {
            try world.wait("backup \(count)", within: day + .seconds(60)) {
                world.appliance.disk.snapshot.backups.count == count
            }
            let late = ((world.wall - phase).wholeMilliseconds % day.wholeMilliseconds)
            try world.require(late < 60_000, "a scheduled backup left the phase of its switch-on by \(late) ms")
        }
        try world.proveNewest(password)
        try world.remindersComeAndGo(password)
        world.advance(.seconds(60))  // one may just be on its way
        // The server keeps ten; the list names no more than that.
        let listed = Set(world.appliance.disk.snapshot.backups.map(\.entry.id))
        let kept = Set(world.cloud.backups.list(serial: ApplianceNode.serial).map(\.id))
        try world.require(listed == kept, "the list names backups that the server no longer has")
        try world.turn(.backup, on: false)
        let before = world.cloud.received[.c8] ?? 0
        world.advance(day * 3)
        try world.require(world.cloud.received[.c8] == before, "a schedule outlives its switch")
    }
}

/// Whom the Control Center's switch silences: it, the monitoring server and remote access.
enum Unplugged {
    static let recipients: [Recipient] = [.controlCenter, .monitoring, .remoteAccess]
    static let flows = FlowID.allCases.filter { id in
        guard let recipient = Contract.flow(id)?.recipient else { return false }
        return recipients.contains(recipient)
    }
}

extension World {
    /// Neither a byte at a server nor a use of a permit while `body` runs.
    fileprivate func requireSilence(
        of flows: [FlowID], _ body: () throws(ScenarioFailure) -> Void
    ) throws(ScenarioFailure) {
        let bytes = flows.map { cloud.received[$0] ?? 0 }
        let uses = flows.map { appliance.egressed[$0] ?? 0 }
        try body()
        for (index, flow) in flows.enumerated() {
            let more = (cloud.received[flow] ?? 0) - bytes[index]
            try require(more == 0, "\(flow.rawValue) sent \(more) bytes although the Control Center is off")
            try require(appliance.egressed[flow] ?? 0 == uses[index], "\(flow.rawValue) was used although it is off")
        }
    }

    /// A day with faults at moments that the seed chooses; whenever the relay is there the former credentials are tried.
    fileprivate func unpluggedDay(
        _ credentials: [Credentials], _ chance: inout Entropy
    ) throws(ScenarioFailure) {
        let end = now + .seconds(86_400)
        for _ in 0..<4 {
            switch chance.next() % 5 {
            case 0, 1: cutCloud(for: .milliseconds(Int64(chance.next() % 3_600_000)))
            case 2, 3:
                appliance.cutPower()
                advance(.milliseconds(Int64(chance.next() % 3_600_000)))
                appliance.powerOn()
            default: appliance.setClockError(.seconds(Int64(chance.next() % 600) - 300))
            }
            advance(.milliseconds(Int64(chance.next() % 20_000_000)))
            if appliance.uplink.isUp {
                for credential in credentials { try requireRefused(credential) }
            }
        }
        if now < end { advance(end - now) }
    }

    func cutCloud(for duration: Duration) {
        cutCloud()
        after(duration) { [unowned self] in mendCloud() }
    }

    /// 401 for both things that a pairing user can ask for.
    fileprivate func requireRefused(_ credential: Credentials) throws(ScenarioFailure) {
        var statuses: [Int] = []
        var ended = 0
        let note: (ServiceReply?) -> Void = { reply in
            ended += 1
            if case .problem(let status, _, _)? = reply { statuses.append(status) }
        }
        appliance.request(.deviceState(credential), reply: note)
        appliance.subscribe(credential, after: 0, reply: note) { _ in }
        try wait("two answers", within: .seconds(30)) { ended == 2 }
        try require(statuses == [401, 401], "the former credential got \(statuses)")
    }

    /// Uploaded is not green; a drill with the wrong password proves nothing; one with the right password does.
    fileprivate func proveNewest(_ password: Secret) throws(ScenarioFailure) {
        guard let newest = appliance.disk.snapshot.backups.last else { throw ScenarioFailure("no backup", at: now) }
        try require(newest.state == .uploaded, "a backup is green without a drill")
        guard case .refused(403, _)? = try appliance.drill(newest.entry.id, password: Secret("not the password")) else {
            throw ScenarioFailure("a drill with a wrong password is not refused", at: now)
        }
        try require(appliance.disk.snapshot.backups.last?.state == .uploaded, "a wrong password changed the state")
        guard case .done? = try appliance.drill(newest.entry.id, password: password) else {
            throw ScenarioFailure("the drill fails", at: now)
        }
        try require(appliance.disk.snapshot.backups.last?.state == .proved, "a proved backup is not green")
        // A backup whose bytes rotted at the server says so.
        guard let rotten = appliance.disk.snapshot.backups.first?.entry.id, var bytes = cloud.contents[rotten] else {
            throw ScenarioFailure("the first backup is gone", at: now)
        }
        bytes[bytes.count / 2] ^= 0x40
        cloud.contents[rotten] = bytes
        guard case .refused(422, _)? = try appliance.drill(rotten, password: password) else {
            throw ScenarioFailure("a damaged backup passes its drill", at: now)
        }
        try require(appliance.disk.snapshot.backups.first?.state == .failed, "a damaged backup is not marked")
    }

    fileprivate func remindersComeAndGo(_ password: Secret) throws(ScenarioFailure) {
        let early = try status().backupReminder
        try require(early == nil, "a reminder although the password was just typed: \(early ?? "")")
        advance(.seconds(61 * 86_400))
        let late = try status().backupReminder
        try require(late?.contains("last typed") == true, "no reminder after 61 days")
        guard let newest = appliance.disk.snapshot.backups.last,
            case .done? = try appliance.drill(newest.entry.id, password: password)
        else { throw ScenarioFailure("the drill after the reminder fails", at: now) }
        let after = try status().backupReminder
        try require(after == nil, "the reminder goes on although the password was typed")
    }
}
