import ApplianceCore
import CloudMessages
import Persistence
import Primitives
import PrivacyContract
import Testing

struct CallDataTests {
    private func paired(limits: Limits = Limits()) -> World {
        var world = World(limits: limits, switches: [.controlCenter, .relay, .callData])
        world.pair()
        return world
    }

    @Test func `history comes first, then what happens, each record once and in order`() throws {
        var world = paired()
        world.callEnded(250)
        let (id, reply) = world.service(.callData(try #require(world.credentials), after: 20))
        #expect(reply == .callDataStream)
        world.callEnded(5)
        #expect(world.events.map(\.record.callDataID) == Array(21...255))
        #expect(world.events.allSatisfy { $0.stream == id && $0.record.quality.isEmpty })
        #expect(world.recorded(.c6).allSatisfy { $0.recipient == .controlCenter && $0.bytes > 0 })
        // Locally the quality figures are kept.
        #expect(world.histories.callRecords.allSatisfy { !$0.quality.isEmpty })
    }

    @Test func `a record is passed on only once it is durable`() throws {
        var world = paired()
        world.service(.callData(try #require(world.credentials), after: 0))
        world.storeFailure = .diskFull
        world.callEnded()
        #expect(world.events.isEmpty)
        world.storeFailure = nil
        world.advance(.seconds(60))
        #expect(world.events.count == 1)
    }

    @Test func `more records than fit are dropped and counted, calls go on`() {
        var limits = Limits()
        limits.callRecordQueue = 10
        var world = World(limits: limits, switches: [])
        world.run()
        world.storeFailure = .diskFull
        world.callEnded(15)
        world.storeFailure = nil
        world.advance(.seconds(120))
        #expect(world.histories.callRecords.map(\.callDataID) == Array(1...10))
        let counters = world.services.status(facts: World.facts).counters
        #expect(counters.contains(Counter("call-records.dropped", 5)))
    }

    @Test func `a consumer acknowledges by coming again: one stream carries a bounded number`() throws {
        var limits = Limits()
        limits.callRecordQueue = 150
        var world = paired(limits: limits)
        for _ in 0..<4 { world.callEnded(50) }
        let (id, _) = world.service(.callData(try #require(world.credentials), after: 0))
        #expect(world.events.count == 150 && world.ended == [id])
        world.service(.callData(try #require(world.credentials), after: 150))
        #expect(world.events.map(\.record.callDataID) == Array(1...200))
    }

    @Test func `the number of streams is bounded`() throws {
        var world = paired()
        let credentials = try #require(world.credentials)
        let streams = (0..<4).map { _ in world.service(.callData(credentials, after: 0)).id }
        guard case .problem(status: 503, _, _)? = world.service(.callData(credentials, after: 0)).reply else {
            Issue.record("a fifth stream was opened")
            return
        }
        world.handle(.serviceClosed(streams[0]))
        #expect(world.service(.callData(credentials, after: 0)).reply == .callDataStream)
    }

    @Test func `without its option there is no stream, and switching it off ends those there are`() throws {
        var world = paired()
        let credentials = try #require(world.credentials)
        let (id, _) = world.service(.callData(credentials, after: 0))
        world.admin(.setSwitch(.callData, false))
        #expect(world.ended == [id])
        world.callEnded()
        #expect(world.events.isEmpty)
        guard case .problem(status: 403, _, _)? = world.service(.callData(credentials, after: 0)).reply else {
            Issue.record("a stream although the option is off")
            return
        }
    }
}

struct ControlTests {
    @Test func `the device state has a permit, and a ledger row when it says something new or an hour has passed`()
        throws
    {
        var world = World()
        world.pair()
        let credentials = try #require(world.credentials)
        for _ in 0..<100 {
            guard case .deviceState(_, let permit)? = world.service(.deviceState(credentials)).reply else {
                Issue.record("not let in")
                return
            }
            #expect(permit.flow == .c13 && permit.recipient == .controlCenter)
            world.advance(.seconds(5))
        }
        #expect(world.recorded(.c13).count == 1)
        #expect(world.recorded(.c13).allSatisfy { $0.fieldNames == FieldName.deviceState && $0.bytes > 0 })
        world.admin(.setSwitch(.monitoring, true))
        world.service(.deviceState(credentials))
        #expect(world.recorded(.c13).count == 2)
        world.advance(.seconds(3_600))
        world.service(.deviceState(credentials))
        #expect(world.recorded(.c13).count == 3)
    }

    @Test func `a wrong password, a wrong name and an unpaired appliance answer alike`() throws {
        var world = World()
        let nobody = Credentials(user: "ccc-00000000", password: Secret("x"))
        let unpaired = world.service(.deviceState(nobody)).reply
        world.pair()
        let right = try #require(world.credentials)
        #expect(world.service(.deviceState(nobody)).reply == unpaired)
        #expect(world.service(.deviceState(Credentials(user: right.user, password: Secret("x")))).reply == unpaired)
        guard case .problem(status: 401, _, _)? = unpaired else {
            Issue.record("no 401")
            return
        }
    }

    @Test func `a verified credential is not hashed again, and numbers are shown with monitoring only`() throws {
        var world = World()
        world.pair()
        let credentials = try #require(world.credentials)
        guard case .deviceState(let state, _)? = world.service(.deviceState(credentials)).reply else {
            Issue.record("not let in")
            return
        }
        #expect(state.registeredUsers == 0 && state.activeCalls == 0 && state.services == ["control-center", "relay"])
        world.admin(.setSwitch(.monitoring, true))
        world.handle(.service(ServiceRequestID(77), .deviceState(credentials)))
        let jobs = world.work.filter { if case .run(_, .verifyPassword) = $0 { true } else { false } }
        #expect(jobs.isEmpty)
        world.run()
        guard case .deviceState(let monitored, _)? = world.serviceReplies[ServiceRequestID(77)] else {
            Issue.record("not let in")
            return
        }
        #expect(monitored.registeredUsers == 3 && monitored.activeCalls == 2)
    }

    @Test func `a check that began before the erasure does not let anybody in after it`() throws {
        var world = World()
        world.pair()
        let credentials = try #require(world.credentials)
        world.handle(.service(ServiceRequestID(78), .deviceState(credentials)))
        let check = try #require(world.work.last)
        world.work = []
        world.admin(.setSwitch(.controlCenter, false))
        guard case .run(let id, .verifyPassword) = check else {
            Issue.record("no check")
            return
        }
        world.handle(.jobFinished(id, .passwordVerified(true)))
        world.run()
        guard case .problem(status: 401, _, _)? = world.serviceReplies[ServiceRequestID(78)] else {
            Issue.record("let in after the erasure")
            return
        }
    }

    @Test func `logins at once are bounded`() throws {
        var world = World()
        world.pair()
        let user = try #require(world.credentials).user
        for number in 0..<5 as Range<UInt64> {
            let guess = Credentials(user: user, password: Secret("\(number)"))
            world.handle(.service(ServiceRequestID(800 + number), .deviceState(guess)))
        }
        let refused = world.work.contains { effect in
            if case .serviceReply(ServiceRequestID(804), .problem(status: 503, _, _)) = effect { true } else { false }
        }
        #expect(refused)
    }
}

struct BackupServiceTests {
    @Test func `the availability query precedes every byte, and the parts come in order`() {
        var world = World(switches: [.backup])
        world.run()
        #expect(
            world.admin(.backUpNow)
                == .refused(
                    status: 409, detail: "no backup password is set; run 'pbxctl backup password' first"))
        guard case .done? = world.admin(.setBackupPassword(World.password)) else {
            Issue.record("no key")
            return
        }
        guard case .backup(let entry)? = world.admin(.backUpNow) else {
            Issue.record("no backup")
            return
        }
        #expect(world.outbound.map(\.flow) == [.c7, .c8, .c8])
        #expect(world.outbound[1][.ciphertext] == .bytes([1, 2, 3]))
        #expect(world.outbound[2][.ciphertext] == .artifact(name: entry.id, sizeBytes: 500))
        #expect(world.snapshot.backups == [BackupRecord(entry: entry, uploaded: true)])
        #expect(world.admin(.listBackups) == .backups(world.snapshot.backups))
        #expect(world.recorded(.c8).count == 2)
    }

    @Test func `switching the Control Center off leaves the backup alone`() {
        var world = World(switches: [.backup, .controlCenter])
        world.admin(.setBackupPassword(World.password))
        world.admin(.setSwitch(.controlCenter, false))
        guard case .backup? = world.admin(.backUpNow) else {
            Issue.record("no backup")
            return
        }
    }

    @Test func `switching backups off stops the upload that runs`() throws {
        var world = World(switches: [.backup])
        world.admin(.setBackupPassword(World.password))
        world.silent = [.c8]
        let id = world.begin(.backUpNow)
        world.run()
        let upload = try #require(world.outbound.last)
        world.admin(.setSwitch(.backup, false))
        #expect(world.cancelled == [upload.id])
        guard case .refused(status: 409, _)? = world.adminReplies[id] else {
            Issue.record("the administrator was not told")
            return
        }
        world.advance(.seconds(7_200))
        #expect(world.sent(.c8) == 1)
    }

    @Test func `deleting the password erases the key, and a full disk says so`() {
        var world = World(switches: [.backup])
        world.admin(.setBackupPassword(World.password))
        world.storeFailure = .diskFull
        guard case .refused(status: 503, _)? = world.admin(.deleteBackupPassword) else {
            Issue.record("not refused")
            return
        }
        world.storeFailure = nil
        guard case .done? = world.admin(.deleteBackupPassword) else {
            Issue.record("not erased")
            return
        }
        #expect(world.snapshot.backupKey == nil)
        guard case .refused(status: 409, _)? = world.admin(.backUpNow) else {
            Issue.record("a backup without a key")
            return
        }
    }
}

struct ProvisioningServiceTests {
    @Test func `a token fetches the file once it is logged, and the file is in the ledger`() throws {
        var world = World()
        world.run()
        guard case .provisioningToken(let token, "100")? = world.admin(.makeProvisioningToken(extension: "100")) else {
            Issue.record("no token")
            return
        }
        let request = ServiceRequest.provisioningFile(token: token, client: .v4(0xC000_0207), product: "softphone 1")
        guard case .provisioningFile(let file, let permit)? = world.service(request).reply else {
            Issue.record("no file")
            return
        }
        #expect(permit.flow == .s3)
        #expect(
            String(decoding: file, as: UTF8.self).contains("<outbound_proxy>s4711.pbx.relay.example</outbound_proxy>"))
        #expect(world.histories.provisioningLog.map(\.network) == [.v4(0xC000_0200)])
        #expect(world.recorded(.s3).map(\.bytes) == [Int64(file.count)])
        world.storeFailure = .diskFull
        guard case .problem(status: 503, _, _)? = world.service(request).reply else {
            Issue.record("a file that was not logged")
            return
        }
    }

    @Test func `a stranger is refused after the same transaction`() {
        var world = World()
        world.run()
        let request = ServiceRequest.provisioningFile(token: Secret("x"), client: .loopbackV4, product: "")
        guard case .problem(status: 401, _, _)? = world.service(request).reply else {
            Issue.record("not refused")
            return
        }
        #expect(world.histories.provisioningLog.count == 1)
        #expect(
            world.admin(.makeProvisioningToken(extension: "999"))
                == .refused(
                    status: 404,
                    detail: "no user has the extension 999; add one to the configuration file, then 'pbxctl apply'"))
    }

    @Test func `the log is pruned every day after twelve months`() {
        var world = World(switches: [])
        world.run()
        world.service(.provisioningFile(token: Secret("x"), client: .loopbackV4, product: ""))
        world.advance(.seconds(363 * 86_400))
        #expect(world.histories.provisioningLog.count == 1)
        world.advance(.seconds(2 * 86_400))
        #expect(world.histories.provisioningLog.isEmpty)
    }
}
