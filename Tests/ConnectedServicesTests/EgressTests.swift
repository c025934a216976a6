import ApplianceCore
import CloudMessages
import OpenSSLCrypto
import Pairing
import Persistence
import Primitives
import PrivacyContract
import Settings
import Telemetry
import Testing

private let sample = SystemSample(
    cpuUtilization: 0.5, memoryUsedBytes: 1, memoryTotalBytes: 2, fileSystemUsedBytes: 1, fileSystemTotalBytes: 2,
    uptimeSeconds: 3)

struct EgressTests {
    @Test func `with every switch off an hour passes without one byte leaving`() {
        var world = World(switches: [])
        world.run()
        world.handle(.sample(sample))
        world.admin(.backUpNow)
        world.admin(.enterPairingCode(world.code.formatted))
        world.callEnded(3)
        world.advance(.seconds(3_600))
        #expect(world.outbound.isEmpty && !world.uplinkIsOpen && world.samplesAsked == 0)
        #expect(world.histories.ledger.isEmpty)
    }

    @Test func `monitoring goes out every ten seconds while paired, and stops with either option`() {
        for off in [Switch.monitoring, .controlCenter] {
            var world = World(switches: [.controlCenter, .monitoring, .relay])
            world.advance(.seconds(60))
            #expect(world.samplesAsked == 0)  // nobody uses it before the pairing
            world.pair()
            for _ in 0..<6 {
                world.handle(.sample(sample))
                world.advance(.seconds(10))
            }
            #expect((5...7).contains(world.sent(.c5)))
            #expect(world.recorded(.c5).count == world.sent(.c5))
            world.admin(.setSwitch(off, false))
            let count = world.sent(.c5)
            world.handle(.sample(sample))
            world.advance(.seconds(600))
            #expect(world.sent(.c5) == count)
        }
    }

    @Test func `of how calls sound monitoring says their mean opinion score, and no more`() throws {
        var world = World(switches: [.controlCenter, .monitoring, .relay])
        world.pair()
        world.meanOpinion = 4.125
        world.handle(.sample(sample))
        world.run()
        let message = try #require(world.outbound.last { $0.flow == .c5 })
        guard case .metrics(let points)? = message[.metrics] else {
            Issue.record("no metrics")
            return
        }
        #expect(points.filter { $0.name.hasPrefix("pbx.media") }.map(\.name) == ["pbx.media.mos"])
        #expect(points.first { $0.name == "pbx.media.mos" }?.value == 4.125)
    }

    @Test func `over the limit of messages that wait for an answer nothing leaves`() {
        var limits = Limits()
        limits.pendingCloudRequests = 1
        var world = World(limits: limits, switches: [.controlCenter, .monitoring, .relay, .updates])
        world.pair()
        world.silent = [.c5, .s2]
        world.handle(.sample(sample))
        world.run()
        #expect(world.sent(.c5) > 0)
        guard case .refused(_, let detail)? = world.admin(.update(.check)) else {
            Issue.record("the question for updates left as well")
            return
        }
        #expect(world.sent(.s2) == 0)
        #expect(detail.contains("wait"), "\(detail)")
    }

    @Test func `a message on its way is stopped when its switch goes off, and is still recorded once`() throws {
        var world = World(switches: [.controlCenter, .monitoring, .relay])
        world.pair()
        world.silent = [.c5]
        world.handle(.sample(sample))
        world.run()
        let message = try #require(world.outbound.last { $0.flow == .c5 })
        world.admin(.setSwitch(.monitoring, false))
        #expect(world.cancelled == [message.id])
        world.handle(.cloudReply(message.id, .unreachable("cancelled"), bytesSent: 17))
        world.handle(.cloudReply(message.id, .accepted, bytesSent: 17))
        world.run()
        #expect(world.recorded(.c5).map(\.result) == ["unreachable cancelled"])
        #expect(world.recorded(.c5).map(\.bytes) == [17])
    }

    @Test func `the ledger is a chain that verifies, and shows every change`() throws {
        var world = World(switches: [.controlCenter, .relay, .backup])
        world.pair()
        world.admin(.setBackupPassword(World.password))
        world.admin(.backUpNow)
        world.reboot()
        world.run()
        world.admin(.backUpNow)
        let hashes = OpenSSLHashes()
        let ledger = world.histories.ledger
        #expect(ledger.count >= 8)
        #expect(Ledger.verify(ledger, hashes: hashes) == nil)
        #expect(Ledger.verify(Array(ledger.dropFirst(3)), after: ledger[2], hashes: hashes) == nil)
        for index in ledger.indices {
            var changed = ledger
            changed[index].bytes += 1
            #expect(Ledger.verify(changed, hashes: hashes) == .changed(sequence: ledger[index].sequence))
            changed = ledger
            changed[index].result += "."
            #expect(Ledger.verify(changed, hashes: hashes) != nil)
            changed = ledger
            changed[index].fieldNames.append(FieldName("x"))
            #expect(Ledger.verify(changed, hashes: hashes) != nil)
            guard index < ledger.count - 1 else { continue }
            changed = ledger
            changed.remove(at: index)
            #expect(Ledger.verify(changed, hashes: hashes) != nil)
            changed = ledger
            changed.swapAt(index, index + 1)
            #expect(Ledger.verify(changed, hashes: hashes) != nil)
        }
    }

    @Test func `the ledger names fields, never content`() throws {
        var world = World()
        world.pair()
        let password = try #require(world.credentials).password.withBytes { String(decoding: $0, as: UTF8.self) }
        let entry = try #require(world.recorded(.c3).first)
        #expect(entry.fieldNames == [.userName, .password, .tokenID] && entry.bytes == 321 && entry.result == "sent")
        #expect(!"\(world.histories.ledger)".contains(password))
        #expect(!"\(world.outbound)".contains(password))
    }

    @Test func `entries wait for a full disk, and when no more fit nothing leaves`() {
        var limits = Limits()
        limits.pendingStoreTransactions = 8
        var world = World(limits: limits, switches: [.controlCenter, .monitoring, .relay])
        world.pair()
        let before = world.histories.ledger.count
        world.storeFailure = .diskFull
        for _ in 0..<30 {
            world.handle(.sample(sample))
            world.advance(.seconds(10))
        }
        let sent = world.sent(.c5)
        #expect(sent == 8)
        #expect(world.histories.ledger.count == before)
        world.storeFailure = nil
        world.advance(.seconds(120))
        #expect(world.recorded(.c5).filter { $0.result == "sent" }.count == sent)
        #expect(Ledger.verify(world.histories.ledger, hashes: OpenSSLHashes()) == nil)
        let status = world.services.status(facts: World.facts)
        #expect((status.counters.first { $0.name == "egress.denied.ledger-full" }?.value ?? 0) > 0)
    }

    @Test func `a server that never answers is given up`() {
        var world = World()
        world.silent = [.c3]
        world.pair()
        world.advance(.seconds(130))
        let message = world.outbound.last { $0.flow == .c3 }
        #expect(world.cancelled == [message?.id] && world.recorded(.c3).isEmpty)
        world.advance(.seconds(60))
        #expect(world.recorded(.c3).map(\.result) == ["unreachable no answer in time"])
    }

    @Test func `of a message that waited too long the ledger has what the shell says of it`() throws {
        var world = World(switches: [.controlCenter, .monitoring, .relay])
        world.pair()
        world.silent = [.c5]
        world.handle(.sample(sample))
        world.run()
        let message = try #require(world.outbound.last { $0.flow == .c5 })
        world.advance(.seconds(125))
        #expect(world.cancelled.filter { $0 == message.id }.count == 1 && world.recorded(.c5).isEmpty)
        world.handle(.cloudReply(message.id, .unreachable("cut off"), bytesSent: 4_096))
        world.advance(.seconds(120))
        #expect(world.recorded(.c5).map(\.bytes) == [4_096])
        #expect(world.recorded(.c5).map(\.result) == ["unreachable cut off"])
    }

    @Test func `what is being stored as on stays off when the Control Center goes off meanwhile`() {
        for name in Contract.controlCenterDependents {
            var world = World()
            world.run()
            let on = world.begin(.setSwitch(name, true))
            let off = world.begin(.setSwitch(.controlCenter, false))
            world.run()
            #expect(world.services.status(facts: World.facts).switches[name] != true, "\(name)")
            #expect(world.snapshot.switches[name] == false, "\(name)")
            guard case .refused(status: 409, _)? = world.adminReplies[on], case .done? = world.adminReplies[off] else {
                Issue.record("\(String(describing: world.adminReplies))")
                continue
            }
            world.admin(.setSwitch(name, true))
            #expect(world.services.status(facts: World.facts).switches[name] == true)
        }
    }

    @Test func `welcomes on one uplink do not fill the ledger`() {
        var world = World(switches: [.relay])
        world.run()
        let known = Endpoint(address: .v4(0xCB00_7107), port: 40_000)
        for _ in 0..<100 { world.handle(.uplink(.up(external: known))) }
        for port in 0..<100 {
            world.handle(.uplink(.up(external: Endpoint(address: known.address, port: UInt16(port)))))
        }
        world.run()
        #expect(world.recorded(.s5).count == 1)
        #expect(world.services.status(facts: World.facts).uplink == "up 203.0.113.7:99")
        world.advance(.seconds(61))
        world.handle(.uplink(.up(external: known)))
        world.run()
        #expect(world.recorded(.s5).count == 2)
        world.handle(.uplink(.down(reason: "gone")))
        world.handle(.uplink(.up(external: known)))
        world.run()
        #expect(world.recorded(.s5).count == 3)
    }

    @Test func `no uplink is opened that could not be recorded, and it comes when it can be`() {
        var limits = Limits()
        limits.pendingStoreTransactions = 2
        var world = World(limits: limits, switches: [.relay])
        world.run()
        world.storeFailure = .diskFull
        for _ in 0..<4 {
            world.handle(.uplink(.down(reason: "gone")))
            world.handle(.uplink(.up(external: Endpoint(address: .loopbackV4, port: 1))))
        }
        world.admin(.setSwitch(.relay, false))
        #expect(!world.uplinkIsOpen)
        var moved = world.snapshot.settings
        moved.cloud.relay = "127.0.0.1:7999"
        world.services.adopt(moved)
        world.storeFailure = nil
        world.snapshot.switches[.relay] = true
        world.work = []
        world.handle(.admin(AdminRequestID(900), .setSwitch(.relay, true)))
        // The switch is stored before the journal is: there is no room yet.
        if case .store(let ticket, let commands)? = world.work.first, case .setSwitch? = commands.first {
            world.work = []
            world.handle(.stored(ticket, .committed))
        }
        #expect(!world.work.contains { if case .openUplink = $0 { true } else { false } })
        world.advance(.seconds(120))
        #expect(world.uplinkIsOpen)
        let counters = world.services.status(facts: World.facts).counters
        #expect((counters.first { $0.name == "egress.denied.ledger-full" }?.value ?? 0) > 0)
    }

    @Test func `the uplink follows its switch and its address, and each location is one entry`() {
        var world = World(switches: [.relay])
        world.run()
        #expect(world.uplinkIsOpen && world.recorded(.s5).count == 1)
        #expect(world.services.status(facts: World.facts).uplink == "up 203.0.113.7:40000")
        var moved = world.snapshot.settings
        moved.cloud.relay = "127.0.0.1:7999"
        world.services.adopt(moved)
        #expect(world.services.nextDeadline == .origin)
        world.handle(.deadline)
        #expect(world.work.prefix(1) == [.closeUplink])
        world.run()
        #expect(world.uplinkIsOpen && world.recorded(.s5).count == 2)
        world.admin(.setSwitch(.relay, false))
        #expect(!world.uplinkIsOpen)
        world.handle(.uplink(.up(external: Endpoint(address: .loopbackV4, port: 1))))
        world.run()
        #expect(world.recorded(.s5).count == 2)
    }

    @Test func `a switch that cannot be stored is off in fact, and never on`() {
        var world = World(switches: [.relay])
        world.run()
        world.storeFailure = .readOnly
        guard case .refused(status: 503, _)? = world.admin(.setSwitch(.relay, false)) else {
            Issue.record("not refused")
            return
        }
        #expect(!world.uplinkIsOpen)
        guard case .refused(status: 503, _)? = world.admin(.setSwitch(.relay, true)) else {
            Issue.record("not refused")
            return
        }
        #expect(!world.uplinkIsOpen)
    }

    @Test func `the administrator sees each flow with its fields and the state of its switches`() {
        var world = World(switches: [.relay, .callData])
        guard case .privacy(let flows, _)? = world.admin(.privacy) else {
            Issue.record("no answer")
            return
        }
        #expect(flows.first { $0.flow == .s5 }?.isOn == true)
        #expect(flows.first { $0.flow == .c6 }?.isOn == false)  // the Control Center option is off
        #expect(flows.allSatisfy { !$0.fieldNames.isEmpty })
        let absent = flows.filter { !$0.isImplemented }
        #expect(absent.map(\.flow) == [.c12, .s8] && absent.allSatisfy { !$0.isOn })
    }
}
