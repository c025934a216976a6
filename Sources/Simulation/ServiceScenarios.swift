import ApplianceCore
import CloudCore
import CloudMessages
import Persistence
import Primitives
import PrivacyContract
import Settings
import Updates

/// Updates, crash reports and remote access.
extension Scenario {
    static let remoteAccess = Scenario(
        name: "remote-access",
        purpose:
            "F-C10: only while the owner wants it and no longer than said; off cuts sessions and refuses the credential"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.pair()
        guard let credentials = world.cloud.pairingCredentials.last else {
            throw ScenarioFailure("nobody is paired", at: world.now)
        }
        try world.requireSession(credentials, isLetIn: false)
        _ = try world.appliance.admin(.remoteAccess(.open(for: .seconds(3_600))))
        try world.wait("the way in", within: .seconds(60)) { world.appliance.remote.isUp }
        try world.requireSession(credentials, isLetIn: true)
        try world.requireSession(Credentials(user: credentials.user, password: Secret("wrong")), isLetIn: false)
        // A power cut at any moment ends no consent and prolongs none.
        world.advance(.milliseconds(Int64(world.entropy.next() % 1_800_000)))
        world.appliance.cutPower()
        world.advance(.seconds(60))
        world.appliance.powerOn()
        // A clock that is set back does not prolong it either.
        if world.entropy.next() % 2 == 0 { world.appliance.setClockError(.seconds(-86_400)) }
        try world.wait("the way in again", within: .seconds(120)) { world.appliance.remote.isUp }
        world.advance(.seconds(3_700))
        try world.require(!world.appliance.remote.isUp, "remote access is open after its end")
        try world.require(
            world.appliance.disk.snapshot.switches[.remoteAccess] != true, "its switch is on after its end")
        try world.requireSession(credentials, isLetIn: false)
        // Off in the middle of a session.
        _ = try world.appliance.admin(.remoteAccess(.open(for: .seconds(600))))
        try world.wait("the way in a third time", within: .seconds(120)) { world.appliance.remote.isUp }
        var heard: [ServiceReply?] = []
        world.appliance.session(credentials, answering: 900) { heard.append($0) }
        try world.wait("the session", within: .seconds(30)) { heard.count == 1 }
        try world.turn(.remoteAccess, on: false)
        try world.require(heard.count == 2, "a session outlives the switch")
        try world.require(world.cloud.remoteAccess.locations.isEmpty, "the server knows an appliance that is closed")
        try world.requireSession(credentials, isLetIn: false)
    }

    static let updates = Scenario(
        name: "updates",
        purpose: "F-S2: asked only while on, never older, held back until the roll-out comes, fetched anew"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        world.advance(.seconds(7_200))
        try world.require(world.appliance.egressed[.s2] == nil, "the update server is asked without the switch")
        try world.turn(.updates, on: true)
        try world.wait("the first question", within: .seconds(7_200)) { world.appliance.egressed[.s2] != nil }
        world.advance(.seconds(20))  // and its answer
        world.cloud.release("0.9.0", percent: 100)
        try world.requireRefusal(.check, "older")
        world.cloud.release("1.1.0", percent: 0)
        guard case .done = try world.appliance.admin(.update(.check)) else {
            throw ScenarioFailure("a manifest for others is not taken", at: world.now)
        }
        try world.requireRefusal(.install, "released to 0 of 100")
        world.advance(.seconds(10))
        world.cloud.release("1.1.0", percent: 100)
        // What was not wanted at first is found by itself, a day later.
        try world.wait("the question of the next day", within: .seconds(100_000)) {
            (try? world.updateStatus())?.isHeldBack == false
        }
        world.cutCloud(for: .milliseconds(Int64(world.entropy.next() % 60_000)))
        guard case .done = try world.appliance.admin(.update(.install)) else {
            throw ScenarioFailure("nothing is installed", at: world.now)
        }
        try world.wait("the installer", within: .seconds(900)) { world.appliance.jobs.handedOver == ["1.1.0"] }
        world.advance(.seconds(5))  // and its word that it has the bundle
        world.cloud.replayRelease()
        try world.requireRefusal(.check, "repeats an old one")
        try world.turn(.updates, on: false)
        let before = world.appliance.egressed[.s2]
        world.advance(.seconds(200_000))
        try world.require(world.appliance.egressed[.s2] == before, "the update server is asked although it is off")
    }

    static let crashReports = Scenario(
        name: "crash-reports",
        purpose: "F-S10: shown always, sent only with the owner's leave and outside strict mode, deleted then"
    ) { world throws(ScenarioFailure) in
        world.appliance.crashed()
        world.bootAppliance()
        try world.turn(.crashReports, on: true)
        world.advance(.seconds(86_400))
        try world.require(world.appliance.egressed[.s10] == nil, "strict mode lets a crash report out")
        guard case .crashReports(let list) = try world.appliance.admin(.crashReports(.list)), list.reports.count == 1
        else {
            throw ScenarioFailure("the report is not shown", at: world.now)
        }
        try world.turn(.crashReports, on: false)
        try world.leaveStrictMode()
        world.advance(.seconds(86_400))
        try world.require(world.appliance.egressed[.s10] == nil, "a crash report is sent without leave")
        world.cutCloud()
        try world.turn(.crashReports, on: true)
        world.advance(.seconds(120))
        world.mendCloud()
        try world.wait("the report", within: .seconds(43_200)) { world.cloud.crashes.reports.count == 1 }
        try world.wait("its file to go", within: .seconds(60)) { world.appliance.crashReports.isEmpty }
    }
}

extension World {
    func updateStatus() throws(ScenarioFailure) -> UpdateStatus {
        guard case .update(let status) = try appliance.admin(.update(.status)) else {
            throw ScenarioFailure("no status of updates", at: now)
        }
        return status
    }

    func leaveStrictMode() throws(ScenarioFailure) {
        var settings = appliance.disk.snapshot.settings
        settings.privacy.isStrict = false
        _ = try appliance.admin(.applySettings(settings))
    }

    fileprivate func requireRefusal(_ command: UpdateCommand, _ words: String) throws(ScenarioFailure) {
        let reply = try appliance.admin(.update(command))
        guard case .refused(_, let detail) = reply, detail.contains(words) else {
            throw ScenarioFailure("expected a refusal with '\(words)', got \(Summary.of(reply))", at: now)
        }
    }

    fileprivate func requireSession(_ credentials: Credentials, isLetIn: Bool) throws(ScenarioFailure) {
        var heard: [ServiceReply?] = []
        appliance.session(credentials, answering: 700) { heard.append($0) }
        try wait("an answer to a session", within: .seconds(30)) { !heard.isEmpty }
        let wasLetIn = if case .adminSession? = heard[0] { true } else { false }
        try require(wasLetIn == isLetIn, wasLetIn ? "a session that must not be" : "no session")
        if wasLetIn { try wait("the session's end", within: .seconds(30)) { heard.count == 2 } }
    }
}
