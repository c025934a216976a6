import NIOCore
import Primitives
import SIPTransaction
import STUN
import Testing
import Transport

/// Keep-alives (RFC 5626 section 3.5), and peers that only take.
struct ProtectionTests {
    private static let any = Endpoint(address: .loopbackV4, port: 0)

    @Test func `connections from one address are limited besides all`() async throws {
        var limits = Limits()
        limits.sipConnectionsPerSource = 2
        try await withStations(limits: limits) { server, _ in
            let local = try await server.transport.listen(.tcp, on: Self.any)
            var channels: [any Channel] = []
            for _ in 0..<3 { channels.append(try await rawConnection(to: local, group: server.group).0) }
            #expect(try await server.next() == .counted(.tooManyFromSource))
            try await channels[2].closeFuture.get()
            try await channels[0].close().get()
            guard case .closed = try await server.next() else {
                Issue.record("not closed")
                return
            }
            let (again, _) = try await rawConnection(to: local, group: server.group)
            try await again.writeAndFlush(ByteBuffer(bytes: TransportTests.options)).get()
            _ = try await server.message()
            for channel in [channels[1], again] { try await channel.close().get() }
        }
    }

    @Test func `every ping is answered`() async throws {
        try await withStations { server, client in
            let local = try await server.transport.listen(.tcp, on: Self.any)
            let (channel, received) = try await rawConnection(to: local, group: client.group)
            try await channel.writeAndFlush(ByteBuffer(string: "\r\n\r\n\r\n\r\n")).get()
            var iterator = received.makeAsyncIterator()
            var answer: [UInt8] = []
            while answer.count < 4, let bytes = await iterator.next() { answer += bytes }
            #expect(answer == Array("\r\n\r\n".utf8))
            try await channel.close().get()
        }
    }

    @Test func `who sends pings without end is closed`() async throws {
        var limits = Limits()
        limits.sipPingsPerSecond = 3
        try await withStations(limits: limits) { server, client in
            let local = try await server.transport.listen(.tcp, on: Self.any)
            let (channel, _) = try await rawConnection(to: local, group: client.group)
            try await channel.writeAndFlush(ByteBuffer(string: String(repeating: "\r\n\r\n", count: 4))).get()
            #expect(try await server.next() == .counted(.pingFlood))
            try await channel.closeFuture.get()
        }
    }

    @Test(arguments: ["", "\r\n\r\n", "\r\n", "\0", "\0\0\0\0", " "])
    func `what holds a mapping open over UDP is ignored`(text: String) async throws {
        try await withStations { server, client in
            let local = try await server.transport.listen(.udp, on: Self.any)
            let flow = SIPFlow(
                transport: .udp, local: try await client.transport.listen(.udp, on: Self.any), remote: local)
            try await client.send([Array(text.utf8), TransportTests.options], on: flow)
            #expect(try await server.message().0 == TransportTests.options)
        }
    }

    @Test func `a STUN request on the SIP port is told where it came from`() async throws {
        try await withStations { server, client in
            let local = try await server.transport.listen(.udp, on: Self.any)
            let (channel, received) = try await rawDatagrams(group: client.group)
            let request = STUNMessage(.request, transactionID: Array(1...12)).serialised()
            let envelope = AddressedEnvelope(
                remoteAddress: try local.socketAddress, data: ByteBuffer(bytes: request))
            try await channel.writeAndFlush(envelope).get()
            var iterator = received.makeAsyncIterator()
            let answer = try STUNMessage(parsing: try #require(await iterator.next()))
            #expect(answer.kind == .success && answer.mappedAddress == channel.localAddress.flatMap { Endpoint($0) })
            #expect(server.nextIfAny() == nil)
            try await channel.close().get()
        }
    }

    @Test func `an answer that nobody asked for is counted, not answered`() async throws {
        try await withStations { server, client in
            let local = try await server.transport.listen(.udp, on: Self.any)
            let peer = try await client.transport.listen(.udp, on: Self.any)
            let stray = STUNMessage(.success, transactionID: Array(1...12)).serialised()
            try await client.send(stray, on: SIPFlow(transport: .udp, local: peer, remote: local))
            #expect(try await server.next() == .counted(.refusedSTUN))
        }
    }
}
