import ApplianceCore
import CloudMessages
import Persistence
import Primitives
import PrivacyContract
import Settings
import Testing
import Updates

/// Updates, crash reports and remote access, as the services do them.
struct CloudServiceTests {
    static func report() -> CrashReport {
        CrashReport(
            id: "2027-01-15-1", make: "pbx-appliance", model: "next", codename: "process", osVersion: "6.1.0",
            language: "de", appVersion: "1.0", appName: "pbxd", startTime: UnixTime(seconds: 1_800_000_000),
            crashDay: UnixTime(seconds: 1_800_000_000))
    }

    // MARK: F-S2

    @Test func `a question carries the declared fields, and the same installation each time`() throws {
        var world = World(switches: [.updates])
        world.admin(.update(.check))
        world.admin(.update(.check))
        let questions = world.outbound.filter { $0.flow == .s2 }
        #expect(questions.count == 2 && questions[0].fields == questions[1].fields)
        #expect(questions[0].fields.map(\.name) == Contract.flow(.s2)?.fields)
        let id = try #require(world.snapshot.services.installationID)
        #expect(id.utf8.count == 32 && questions[0][.installationID] == .text(id))
        #expect(questions[0][.operatingSystem] == .text("linux-process"))
        #expect(!"\(questions)".contains(World.serial), "the serial number is no field of F-S2")
        world.reboot()
        world.admin(.update(.check))
        #expect(world.outbound.last?[.installationID] == .text(id))
    }

    @Test func `with the switch off nothing is asked, and the owner is told`() {
        var world = World(switches: [])
        guard case .refused(409, let detail)? = world.admin(.update(.check)) else {
            Issue.record("not refused")
            return
        }
        #expect(detail.contains("pbxctl switch updates on"))
        world.advance(.seconds(200_000))
        #expect(world.sent(.s2) == 0 && world.recorded(.s2).isEmpty)
    }

    @Test func `when the newest manifest was issued survives a restart, so that no older one is believed`() {
        var world = World(switches: [.updates])
        func manifest(_ at: UnixTime) -> CloudReply {
            .update(
                UpdateManifest(
                    version: "1.1", board: "process", sizeBytes: 5, sha256: [UInt8](repeating: 1, count: 32),
                    issuedAt: at, expiresAt: at + .seconds(900_000)), forgery: nil)
        }
        let issued = world.wall
        world.answers[.s2] = manifest(issued)
        guard case .done? = world.admin(.update(.check)) else {
            Issue.record("not offered")
            return
        }
        #expect(world.snapshot.services.manifestIssuedAt == issued)
        world.reboot()
        world.answers[.s2] = manifest(issued + .seconds(-60))
        guard case .refused(422, let detail)? = world.admin(.update(.check)) else {
            Issue.record("a replay is believed")
            return
        }
        #expect(detail.contains("repeats an old one"))
        world.admin(.update(.lookByItself(false)))
        #expect(!world.snapshot.services.looksForUpdates)
    }

    @Test func `a fetched bundle goes to the installer, and each request is in the ledger`() {
        var world = World(switches: [.updates])
        let manifest = UpdateManifest(
            version: "1.1", board: "process", sizeBytes: 5, sha256: [UInt8](repeating: 1, count: 32),
            issuedAt: world.wall, expiresAt: world.wall + .seconds(900))
        world.answers[.s2] = .update(manifest, forgery: nil)
        world.admin(.update(.check))
        world.answers[.s2] = .accepted
        world.admin(.update(.install))
        #expect(world.handedOver == [manifest])
        #expect(world.recorded(.s2).map(\.fieldNames.count) == [5, 3])
        guard case .update(let status)? = world.admin(.update(.status)) else {
            Issue.record("no status")
            return
        }
        #expect(status.phase == .handedOver)
    }

    @Test func `switched off while a bundle comes, the download is stopped`() {
        var world = World(switches: [.updates])
        let manifest = UpdateManifest(
            version: "1.1", board: "process", sizeBytes: 5, sha256: [UInt8](repeating: 1, count: 32),
            issuedAt: world.wall, expiresAt: world.wall + .seconds(900))
        world.answers[.s2] = .update(manifest, forgery: nil)
        world.admin(.update(.check))
        world.silent = [.s2]
        world.admin(.update(.install))
        world.admin(.setSwitch(.updates, false))
        #expect(world.cancelled.count == 1 && world.handedOver.isEmpty)
    }

    // MARK: F-S10

    @Test func `a crash report is shown, and leaves only with the switch on and strict mode off`() {
        var world = World(switches: [])
        world.handle(.crashReports([Self.report()]))
        world.run()
        guard case .crashReports(let list)? = world.admin(.crashReports(.list)) else {
            Issue.record("not shown")
            return
        }
        #expect(list.reports == [Self.report()] && list.sending.contains("crash-reports on"))
        world.admin(.setSwitch(.crashReports, true))
        world.advance(.seconds(1_000))
        #expect(world.sent(.s10) == 0 && world.recorded(.s10).isEmpty, "strict mode (Q18) does not even try")
        world.snapshot.settings.privacy.isStrict = false
        world.services.adopt(world.snapshot.settings)
        world.handle(.deadline)
        world.run()
        let message = world.outbound.first { $0.flow == .s10 }
        #expect(message?.fields.map(\.name) == FieldName.crashReport)
        #expect(world.removedCrashReports == ["2027-01-15-1"])
        #expect(world.recorded(.s10).map(\.result) == ["sent"])
    }

    @Test func `the owner deletes a report without sending it`() {
        var world = World(switches: [])
        world.handle(.crashReports([Self.report()]))
        guard case .refused(404, _)? = world.admin(.crashReports(.delete(id: "other"))) else {
            Issue.record("an unknown report was deleted")
            return
        }
        world.admin(.crashReports(.delete(id: "2027-01-15-1")))
        #expect(world.removedCrashReports == ["2027-01-15-1"] && world.sent(.s10) == 0)
    }

    // MARK: F-C10

    private func paired() -> World {
        var world = World(switches: [.controlCenter, .relay])
        world.pair()
        return world
    }

    @Test func `remote access is open only while it is on, and ends by itself`() throws {
        var world = paired()
        #expect(!world.remoteIsOpen)
        world.admin(.remoteAccess(.open(for: .seconds(600))))
        #expect(world.remoteIsOpen && world.snapshot.switches[.remoteAccess] == true)
        let end = try #require(world.snapshot.services.remoteAccessEnd)
        #expect(end == world.wall + .seconds(600))
        world.advance(.seconds(599))
        #expect(world.remoteIsOpen)
        world.advance(.seconds(2))
        #expect(!world.remoteIsOpen && world.snapshot.switches[.remoteAccess] == false)
    }

    @Test func `the plain switch has an end too, and too long a time is refused`() {
        var world = paired()
        world.admin(.setSwitch(.remoteAccess, true))
        #expect(world.remoteIsOpen)
        world.advance(.seconds(4 * 3_600 + 1))
        #expect(!world.remoteIsOpen)
        guard case .refused(400, _)? = world.admin(.remoteAccess(.open(for: .seconds(8 * 86_400)))) else {
            Issue.record("eight days are allowed")
            return
        }
    }

    @Test func `a session needs the pairing user and the switch`() throws {
        var world = paired()
        let credentials = try #require(world.credentials)
        guard case .problem(403, _, _)? = world.service(.adminSession(credentials)).reply else {
            Issue.record("let in although it is off")
            return
        }
        world.admin(.remoteAccess(.open(for: .seconds(600))))
        let (id, reply) = world.service(.adminSession(credentials))
        guard case .adminSession? = reply else {
            Issue.record("not let in")
            return
        }
        let wrong = Credentials(user: credentials.user, password: Secret("wrong"))
        guard case .problem(401, _, _)? = world.service(.adminSession(wrong)).reply else {
            Issue.record("a wrong password is let in")
            return
        }
        world.handle(.sessionEnded(id, bytesSent: 4_711))
        world.run()
        #expect(world.recorded(.c10).last.map { ($0.bytes == 4_711) && $0.fieldNames == [.adminSession] } == true)
    }

    @Test func `off closes the connection at once and refuses the credential, and what had left is recorded`() throws {
        var world = paired()
        let credentials = try #require(world.credentials)
        world.admin(.remoteAccess(.open(for: .seconds(600))))
        let (id, _) = world.service(.adminSession(credentials))
        let order = world.begin(.setSwitch(.remoteAccess, false))
        #expect(world.work.contains { if case .closeRemoteAccess = $0 { true } else { false } }, "in the same turn")
        world.run()
        #expect(world.adminReplies[order] != nil && !world.remoteIsOpen)
        world.handle(.sessionEnded(id, bytesSent: 99))
        world.run()
        #expect(world.recorded(.c10).last?.bytes == 99)
        guard case .problem(403, _, _)? = world.service(.adminSession(credentials)).reply else {
            Issue.record("the credential still opens it")
            return
        }
    }

    @Test func `it goes with the Control Center, and a restart knows its end`() {
        var world = paired()
        world.admin(.remoteAccess(.open(for: .seconds(600))))
        world.reboot()
        world.run()
        #expect(world.remoteIsOpen)
        world.wall = world.wall + .seconds(700)
        world.reboot()
        world.run()
        #expect(!world.remoteIsOpen, "the appliance slept through the end")
        world.admin(.remoteAccess(.open(for: .seconds(600))))
        #expect(world.remoteIsOpen)
        world.admin(.setSwitch(.controlCenter, false))
        #expect(!world.remoteIsOpen && world.snapshot.switches[.remoteAccess] == false)
    }

    @Test func `what else is remembered at the same moment does not take the end away`() {
        var world = paired()
        _ = world.begin(.remoteAccess(.open(for: .seconds(600))))
        _ = world.begin(.update(.lookByItself(false)))
        world.run()
        #expect(world.snapshot.services.remoteAccessEnd != nil && !world.snapshot.services.looksForUpdates)
        #expect(world.remoteIsOpen)
    }

    @Test func `the number of sessions is bounded`() throws {
        var world = paired()
        let credentials = try #require(world.credentials)
        world.admin(.remoteAccess(.open(for: .seconds(600))))
        for _ in 0..<16 { world.service(.adminSession(credentials)) }
        guard case .problem(503, _, _)? = world.service(.adminSession(credentials)).reply else {
            Issue.record("a seventeenth session")
            return
        }
        guard case .remoteAccess(let status)? = world.admin(.remoteAccess(.status)) else {
            Issue.record("no status")
            return
        }
        #expect(status.state == "up" && status.sessions == 16)
    }
}
