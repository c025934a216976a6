import CloudCore
import CloudMessages
import CloudWire
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import OpenSSLCrypto
import Primitives
import TLS
import Testing
import VendorCloud

@Suite struct RelayTests {
    @Test func `an appliance is told its address, and is known while it is connected`() async throws {
        try await CloudWorld.run { world in
            let appliance = try await FakeAppliance.connect(
                to: world, identity: try world.material.device(CloudWorld.serial)
            ) { _ in .init(status: .notFound) }
            let welcome = try await appliance.welcome.get()
            let local = try #require(appliance.channel.localAddress?.port)
            #expect(String(decoding: welcome, as: UTF8.self) == #"{"address":"127.0.0.1","port":\#(local)}"#)
            let log = try world.log("relay")
            #expect(log.contains(#""externalPort":\#(local)"#))
            await appliance.close()
        }
    }

    @Test func `the Control Center's certificate opens no uplink`() async throws {
        try await CloudWorld.run { world in
            let impostor = try await FakeAppliance.connect(to: world, identity: try world.material.controlCenter()) {
                _ in
                .init(status: .notFound)
            }
            await #expect(throws: (any Error).self) { try await impostor.welcome.get() }
            #expect(try world.log("relay").isEmpty)
        }
    }

    @Test(arguments: [1, 100, 2_000_000])
    func `a client of the public port talks TLS with the appliance through the relay`(count: Int) async throws {
        try await CloudWorld.run { world in
            let appliance = try await FakeAppliance.connect(
                to: world, identity: try world.material.device(CloudWorld.serial)
            ) { _ in .init(status: .notFound) }
            _ = try await appliance.welcome.get()
            let sent = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: index &* 131) }
                initialized = count
            }
            #expect(try await echo(sent, through: world) == sent)
            let forwarded = appliance.forwarded.withLockedValue { $0 }
            #expect(forwarded.count == 1)
            #expect(forwarded.first?.hasPrefix(#"for="127.0.0.1:"#) == true)
            await appliance.close()
        }
    }

    @Test func `pipes beyond the limit of an appliance are hung up on, and a finished one makes room`() async throws {
        try await CloudWorld.run {
            $0.limits.streamsPerUplink = 1
        } _: { world in
            let appliance = try await FakeAppliance.connect(
                to: world, identity: try world.material.device(CloudWorld.serial)
            ) { _ in .init(status: .notFound) }
            _ = try await appliance.welcome.get()
            try await withHeldPipe(through: world) {
                await #expect(throws: (any Error).self) {
                    let answer = try await echo([1], through: world)
                    if answer.isEmpty { throw ChannelError.eof }
                }
            }
            var answers = 0
            for _ in 0..<1_000 where answers == 0 {
                answers = (try? await echo([1], through: world))?.count ?? 0
            }
            #expect(answers == 1)
            await appliance.close()
        }
    }

    @Test func `connections beyond the relay's limit are hung up on`() async throws {
        try await CloudWorld.run {
            $0.limits.relayConnections = 1
        } _: { world in
            let appliance = try await FakeAppliance.connect(
                to: world, identity: try world.material.device(CloudWorld.serial)
            ) { _ in .init(status: .notFound) }
            _ = try await appliance.welcome.get()
            await #expect(throws: (any Error).self) {
                let answer = try await echo([1], through: world)
                if answer.isEmpty { throw ChannelError.eof }
            }
            await appliance.close()
        }
    }

    /// Holds a pipe to `sips` open, proven by an echo, while `body` runs.
    private func withHeldPipe(through world: CloudWorld, _ body: () async throws -> Void) async throws {
        try await dial(world).executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(bytes: [7]))
            var iterator = inbound.makeAsyncIterator()
            #expect(try await iterator.next()?.readableBytes == 1)
            try await body()
        }
    }

    /// Sends bytes to `sips` through the public port and collects as many.
    private func echo(_ bytes: [UInt8], through world: CloudWorld) async throws -> [UInt8] {
        let connection = try await dial(world)
        return try await connection.executeThenClose { inbound, outbound in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await outbound.write(ByteBuffer(bytes: bytes)) }
                var received: [UInt8] = []
                for try await buffer in inbound {
                    received += buffer.readableBytesView
                    if received.count >= bytes.count { break }
                }
                try await group.waitForAll()
                return received
            }
        }
    }

    /// TLS to `sips` of the appliance, by the public port.
    private func dial(_ world: CloudWorld) async throws -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
        let tls = try TLSConfigurations.context(
            TLSConfigurations.client(identity: nil, rootPEM: world.material.rootPEM, alpn: ["sip/2"]))
        let endpoint = world.endpoint(.publicPort)
        return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "\(endpoint.address)", port: Int(endpoint.port)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(
                            context: tls, serverHostname: RelayName.serverName(serial: CloudWorld.serial)))
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
    }

    @Test(arguments: [
        Array("GET / HTTP/1.1\r\n\r\n".utf8), [0, 1, 2], [22, 3, 1, 0xFF, 0xFF], [22, 3, 1, 0, 4, 1, 1, 0, 0],
    ])
    func `garbage on the public port is hung up on`(bytes: [UInt8]) async throws {
        try await CloudWorld.run { world in
            let endpoint = world.endpoint(.publicPort)
            let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "\(endpoint.address)", port: Int(endpoint.port)) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
            let received = try await connection.executeThenClose { inbound, outbound in
                try await outbound.write(ByteBuffer(bytes: bytes))
                var received = 0
                do {
                    for try await buffer in inbound { received += buffer.readableBytes }
                } catch is IOError {}  // a reset is a hang-up too
                return received
            }
            #expect(received == 0)
        }
    }
}
