import ApplianceCore
import CloudLink
import HAL
import HALLinux
import Logging
import NIOCore
import NIOHPACK
import NIOPosix
import Primitives
import PrivacyContract
import Settings
import Testing

struct CloudLinkTests {
    private static let external = Endpoint(address: .v4(0xC000_0201), port: 4711)

    @Test func `the welcome brings the uplink up, and a lost connection is dialled again`() async throws {
        try await withLink { link, relay, inputs in
            try await link.open()
            let first = try #require(await relay.nextUplink())
            #expect(try await first.welcome(Self.external) == "204")
            #expect(await inputs.next() == .uplink(.up(external: Self.external)))
            try await first.channel.close().get()
            guard case .uplink(.down)? = await inputs.next() else {
                Issue.record("the loss was not reported")
                return
            }
            let second = try #require(await relay.nextUplink())
            #expect(try await second.welcome(Self.external) == "204")
            #expect(await inputs.next() == .uplink(.up(external: Self.external)))
        }
    }

    @Test func `only the welcome and known services are served`() async throws {
        try await withLink { link, relay, _ in
            try await link.open()
            let uplink = try #require(await relay.nextUplink())
            for name in ["admin", "ssh", "", "pairing.example", "SIPS"] {
                #expect(try await uplink.status([":method": "CONNECT", ":authority": name]) == "404")
            }
            for name in ["pairing", "control", "provisioning", "sips"] {
                #expect(try await uplink.status([":method": "CONNECT", ":authority": name]) == "200")
            }
            let get = try await uplink.status(
                [":method": "GET", ":scheme": "https", ":authority": "a", ":path": "/v1/welcome"])
            #expect(get == "404")
            let welcome = try await uplink.status(
                [":method": "POST", ":scheme": "https", ":authority": "a", ":path": "/v1/welcome"],
                body: Array("{}".utf8))
            #expect(welcome == "400")
            let long = try await uplink.status(
                [":method": "POST", ":scheme": "https", ":authority": "a", ":path": "/v1/welcome"],
                body: [UInt8](repeating: 0x20, count: 4_000))
            #expect(long == "413")
        }
    }

    @Test func `a server that is not the relay is not used`() async throws {
        try await withLink(role: "backup") { link, _, inputs in
            try await link.open()
            #expect(await inputs.next() == .uplink(.down(reason: "the server's certificate is not a relay's")))
        }
    }

    @Test func `closing the uplink closes the connection and ends the dialling`() async throws {
        try await withLink { link, relay, _ in
            try await link.open()
            let uplink = try #require(await relay.nextUplink())
            try await link.onLoop { $0.closeUplink() }
            try await uplink.channel.closeFuture.get()
        }
    }

    @Test func `new settings alone dial nothing: the core opens the uplink anew`() async throws {
        try await withLink { link, relay, inputs in
            try await link.open()
            let uplink = try #require(await relay.nextUplink())
            var moved = CloudSettings()
            moved.relay = "127.0.0.1:1"
            let settings = moved
            try await link.onLoop { $0.update(settings) }
            #expect(try await uplink.welcome(Self.external) == "204")
            #expect(await inputs.next() == .uplink(.up(external: Self.external)))
        }
    }

    @Test func `what a restore fetches is reported under its request`() async throws {
        try await withLink { link, _, inputs in
            var gate = EgressGate()
            let id = CloudRequestID(9)
            let message = OutboundMessage(id: id, flow: .c8, recipient: .backup, fields: [])
            let permit = try gate.authorise(message, trigger: .administrator, switches: [.backup: true]).get()
            await #expect(throws: BackupFetchError.noServer) {
                _ = try await link.link.fetch(.backup(id: "b1"), as: id, permit: permit)
            }
            #expect(
                await inputs.next()
                    == .cloudReply(id, .unreachable("\(BackupFetchError.noServer)"), bytesSent: 0))
        }
    }

    @Test func `without a server, or with another flow's permit, nothing is sent`() async throws {
        try await withLink { link, _, inputs in
            var gate = EgressGate()
            let message = OutboundMessage(
                id: CloudRequestID(7), flow: .c7, recipient: .backup,
                fields: [OutboundField(.externalAddress, .implied), OutboundField(.certificate, .implied)])
            let permit = try gate.authorise(message, trigger: .beforeBackup, switches: [.backup: true]).get()
            try await link.onLoop { $0.send(message, permit: permit) }
            #expect(
                await inputs.next()
                    == .cloudReply(CloudRequestID(7), .unreachable("no server for backup is configured"), bytesSent: 0))
            var other = message
            other.flow = .c8
            let changed = other
            try await link.onLoop { $0.send(changed, permit: permit) }
            #expect(
                await inputs.next()
                    == .cloudReply(
                        CloudRequestID(7), .unreachable("the message does not fit its permit"), bytesSent: 0))
        }
    }

    @Test func `a server that is not there costs no byte`() async throws {
        try await withLink { link, _, inputs in
            var gate = EgressGate()
            let message = OutboundMessage(id: CloudRequestID(8), flow: .c7, recipient: .backup, fields: [])
            let permit = try gate.authorise(message, trigger: .beforeBackup, switches: [.backup: true]).get()
            var cloud = CloudSettings()
            cloud.backup = "https://127.0.0.1:1"
            let settings = cloud
            try await link.onLoop {
                $0.update(settings)
                $0.send(message, permit: permit)
            }
            guard case .cloudReply(CloudRequestID(8), .unreachable, bytesSent: 0)? = await inputs.next() else {
                Issue.record("expected no answer and no bytes")
                return
            }
        }
    }

    private func withLink(
        role: String = "relay", _ body: (LinkUnderTest, FakeRelay, Inputs) async throws -> Void
    ) async throws {
        let vendor = try TestVendor()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let relay = try await FakeRelay(vendor, role: role, group: group)
        let inputs = Inputs()
        let hal = try vendor.hal()
        var settings = CloudSettings()
        settings.relay = "127.0.0.1:\(relay.endpoint.port)"
        let loop = group.next()
        let link = try CloudLink(
            CloudLinkConfiguration(
                identity: hal.identity, limits: Limits(), clock: hal.clock, entropy: hal.entropy.makeEntropy(),
                artifactDirectory: vendor.directory
            ) { _, _ in },
            settings: settings, eventLoop: loop, pool: pool,
            logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() }
        ) { inputs.put($0) }
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(LinkUnderTest(link: link, loop: loop), relay, inputs))
        } catch {
            result = .failure(error)
        }
        await link.shutdown()
        try await relay.listener.close().get()
        try await pool.shutdownGracefully()
        try await group.shutdownGracefully()
        try result.get()
    }
}

struct LinkUnderTest {
    let link: CloudLink
    let loop: any EventLoop

    func onLoop(_ body: @escaping @Sendable (CloudLink) -> Void) async throws {
        let link = link
        try await loop.submit { body(link) }.get()
    }

    func open() async throws {
        var gate = EgressGate()
        let permit = try gate.permitConnection(.s5, switches: [.relay: true]).get()
        try await onLoop { $0.openUplink(permit: permit) }
    }
}

/// Inputs for the core, in order.
final class Inputs: Sendable {
    private let stream: AsyncStream<Input>
    private let continuation: AsyncStream<Input>.Continuation

    init() { (stream, continuation) = AsyncStream<Input>.makeStream() }

    func put(_ input: Input) { continuation.yield(input) }

    func next() async -> Input? {
        var iterator = stream.makeAsyncIterator()
        return await iterator.next()
    }
}
