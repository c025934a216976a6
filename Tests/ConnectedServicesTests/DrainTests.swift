import ApplianceCore
import CloudMessages
import OpenSSLCrypto
import Persistence
import Primitives
import PrivacyContract
import Settings
import Telemetry
import Testing

struct DrainTests {
    private static let origin = Instant(nanoseconds: 1_000_000_000)

    /// An appliance whose uplink is up, and whose first ledger entry is being stored under that ticket.
    private func appliance() throws -> (core: ApplianceCore, ticket: StoreTicket) {
        var snapshot = StoreSnapshot()
        snapshot.settings.cloud.relay = "127.0.0.1:7443"
        snapshot.switches[.relay] = true
        var core = ApplianceCore(
            snapshot: snapshot, serial: "4711", model: "next", firmwareVersion: "1.0", hashes: OpenSSLHashes(),
            entropy: Entropy(SeededGenerator(seed: 1)), at: Self.origin, wall: UnixTime(seconds: 1_800_000_000))
        for effect in core.start(at: Self.origin) {
            if case .store(let ticket, _) = effect { _ = core.handle(.stored(ticket, .committed), at: Self.origin) }
        }
        let effects = core.handle(.uplink(.up(external: Endpoint(address: .loopbackV4, port: 1))), at: Self.origin)
        let tickets = effects.compactMap { effect -> StoreTicket? in
            if case .store(let ticket, let commands) = effect, case .appendLedger? = commands.first {
                ticket
            } else {
                nil
            }
        }
        return (core, try #require(tickets.first))
    }

    @Test func `drained means that the ledger is durable`() throws {
        var (core, ticket) = try appliance()
        #expect(!core.handle(.drain(within: .seconds(30)), at: Self.origin).contains(.drained))
        #expect(core.handle(.stored(ticket, .committed), at: Self.origin).contains(.drained))
        #expect(!core.handle(.deadline, at: Self.origin + .seconds(60)).contains(.drained))
    }

    @Test func `a storage that never answers does not hold the end up for longer than the limit`() throws {
        var (core, _) = try appliance()
        #expect(!core.handle(.drain(within: .seconds(30)), at: Self.origin).contains(.drained))
        var now = Self.origin
        var drainedAt: [Instant] = []
        while let deadline = core.nextDeadline, deadline <= Self.origin + .seconds(40) {
            now = max(now, deadline)
            if core.handle(.deadline, at: now).contains(.drained) { drainedAt.append(now) }
        }
        #expect(drainedAt == [Self.origin + .seconds(30)])
    }

    @Test func `draining stops what is on its way, and nothing new leaves but a revocation`() throws {
        var world = World(switches: [.controlCenter, .monitoring, .relay, .callData, .backup])
        world.pair()
        world.admin(.setBackupPassword(World.password))
        let credentials = try #require(world.credentials)
        let stream = world.service(.callData(credentials, after: 0)).id
        world.silent = [.c5]
        let sample = SystemSample(
            cpuUtilization: 0.5, memoryUsedBytes: 1, memoryTotalBytes: 2, fileSystemUsedBytes: 1,
            fileSystemTotalBytes: 2, uptimeSeconds: 3)
        world.handle(.sample(sample))
        world.run()
        let message = try #require(world.outbound.last { $0.flow == .c5 })
        let count = world.outbound.count
        world.handle(.drain(within: .seconds(30)))
        world.run()
        #expect(world.cancelled == [message.id] && world.ended == [stream] && world.uplinkIsOpen)
        #expect(!world.services.isDrained)
        world.handle(.cloudReply(message.id, .unreachable("cancelled"), bytesSent: 9))
        world.run()
        #expect(world.services.isDrained && world.recorded(.c5).map(\.bytes) == [9])
        world.handle(.sample(sample))
        world.admin(.backUpNow)
        guard case .problem(status: 503, _, _)? = world.service(.deviceState(credentials)).reply else {
            Issue.record("still served")
            return
        }
        world.advance(.seconds(60))
        #expect(world.outbound.count == count)
        world.admin(.setSwitch(.controlCenter, false))
        #expect(world.outbound.dropFirst(count).map(\.flow) == [.c4])
    }
}
