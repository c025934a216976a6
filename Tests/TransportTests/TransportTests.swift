import NIOCore
import NIOPosix
import Primitives
import SIPTransaction
import Testing
import Transport

struct TransportTests {
    private static let any = Endpoint(address: .loopbackV4, port: 0)

    @Test func `a datagram arrives with both addresses, and the answer goes back`() async throws {
        try await withStations { server, client in
            let local = try await server.transport.listen(.udp, on: Self.any)
            let peer = try await client.transport.listen(.udp, on: Self.any)
            let out = SIPFlow(transport: .udp, local: peer, remote: local)
            try await client.send(Self.options, on: out)
            let (bytes, flow) = try await server.message()
            #expect(bytes == Self.options)
            #expect(flow == SIPFlow(transport: .udp, local: local, remote: peer))
            try await server.send(Self.options, on: flow)
            #expect(try await client.message().1 == out)
        }
    }

    @Test func `a listener on all addresses says to which one a datagram was sent`() async throws {
        try await withStations { server, client in
            let bound = try await server.transport.listen(.udp, on: Endpoint(address: .v4(0), port: 0))
            let peer = try await client.transport.listen(.udp, on: Self.any)
            let target = Endpoint(address: .loopbackV4, port: bound.port)
            try await client.send(Self.options, on: SIPFlow(transport: .udp, local: peer, remote: target))
            let (_, flow) = try await server.message()
            #expect(flow.local == target)
            try await server.send(Self.options, on: flow)
            _ = try await client.message()
        }
    }

    @Test func `a datagram at the limit passes, one byte more is dropped and counted`() async throws {
        var limits = Limits()
        limits.sipMessageBytes = 1000
        try await withStations(limits: limits) { server, client in
            let local = try await server.transport.listen(.udp, on: Self.any)
            let peer = try await client.transport.listen(.udp, on: Self.any)
            let flow = SIPFlow(transport: .udp, local: peer, remote: local)
            try await client.send([UInt8](repeating: 65, count: 1001), on: flow)
            #expect(try await server.next() == .counted(.oversizedDatagram))
            try await client.send([UInt8](repeating: 66, count: 1000), on: flow)
            #expect(try await server.message().0.count == 1000)
        }
    }

    @Test(arguments: [SIPFlow.Transport.tcp, .tls])
    func `messages are cut from a stream and answered on the same connection`(kind: SIPFlow.Transport) async throws {
        let tls = try TestTLS()
        try await withStations { server, client in
            let local = try await server.transport.listen(kind, on: Self.any, tls: tls.server)
            let flow = try await client.transport.connect(kind, to: local, tls: tls.client)
            #expect(flow.transport == kind && flow.remote == local && flow.connection != nil)
            try await client.send(Self.options + Self.options + Array("\r\n\r\n".utf8), on: flow)
            let (first, incoming) = try await server.message()
            let (second, _) = try await server.message()
            #expect(first == Self.options && second == Self.options)
            #expect(incoming.transport == kind && incoming.local == local && incoming.connection != nil)
            try await server.send(Self.options, on: incoming)
            #expect(try await client.message() == (Self.options, flow))
            try await server.close(incoming)
            #expect(try await server.next() == .closed(incoming))
            #expect(try await client.next() == .closed(flow))
            try await client.send(Self.options, on: flow)
            #expect(try await client.next() == .closed(flow))
        }
    }

    @Test func `a ping is answered with CRLF`() async throws {
        try await withStations { server, _ in
            let local = try await server.transport.listen(.tcp, on: Self.any)
            let (channel, received) = try await rawConnection(to: local, group: server.group)
            try await channel.writeAndFlush(ByteBuffer(string: "\r\n\r\n")).get()
            var iterator = received.makeAsyncIterator()
            #expect(await iterator.next() == Array("\r\n".utf8))
            try await channel.close().get()
        }
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}", "OPTIONS sip:a\r\n\r\n"])
    func `a stream that is not SIP is closed and counted`(text: String) async throws {
        try await withStations { server, client in
            let local = try await server.transport.listen(.tcp, on: Self.any)
            let flow = try await client.transport.connect(.tcp, to: local)
            try await client.send(Array(text.utf8), on: flow)
            #expect(try await server.next() == .counted(.malformedStream))
            #expect(try await client.next() == .closed(flow))
        }
    }

    @Test func `a message of unknown length is handed on for its answer, and the stream ends after that`() async throws
    {
        try await withStations { server, client in
            let local = try await server.transport.listen(.tcp, on: Self.any)
            let flow = try await client.transport.connect(.tcp, to: local)
            let request = Array("OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n".utf8)
            try await client.send(request, on: flow)
            let (bytes, incoming) = try await server.message()
            #expect(bytes == request)
            #expect(try await server.next() == .counted(.malformedStream))
            try await server.send(Self.options, on: incoming)
            #expect(try await client.message() == (Self.options, flow))
            #expect(try await client.next() == .closed(flow))
        }
    }

    @Test func `more connections than the limit are closed and counted`() async throws {
        var limits = Limits()
        limits.sipConnections = 2
        try await withStations(limits: limits) { server, _ in
            let local = try await server.transport.listen(.tcp, on: Self.any)
            var channels: [any Channel] = []
            for _ in 0..<3 { channels.append(try await rawConnection(to: local, group: server.group).0) }
            #expect(try await server.next() == .counted(.tooManyConnections))
            try await channels[2].closeFuture.get()
            #expect(channels[0].isActive && channels[1].isActive)
            for channel in channels.prefix(2) { try await channel.close().get() }
        }
    }

    @Test func `an idle connection is closed`() async throws {
        var limits = Limits()
        limits.sipConnectionIdle = .milliseconds(30)
        try await withStations(limits: limits) { server, client in
            let local = try await server.transport.listen(.tcp, on: Self.any)
            let (channel, _) = try await rawConnection(to: local, group: client.group)
            #expect(try await server.next() == .counted(.idleConnection))
            try await channel.closeFuture.get()
        }
    }

    @Test func `a peer that does not read is closed before it costs memory`() async throws {
        try await withStations { server, client in
            let local = try await server.transport.listen(.tcp, on: Self.any)
            let (channel, _) = try await rawConnection(to: local, group: client.group, reads: false)
            try await channel.writeAndFlush(ByteBuffer(bytes: Self.options)).get()
            let (_, flow) = try await server.message()
            let large = [UInt8](repeating: 65, count: 60_000)
            var event = SIPTransportEvent.closed(flow)
            for _ in 0..<2_000 {
                try await server.send(large, on: flow)
                if let next = server.nextIfAny() {
                    event = next
                    break
                }
            }
            #expect(event == .counted(.slowPeer))
            try await channel.close().get()
        }
    }

    @Test func `a port in use is named in the error`() async throws {
        try await withStations { server, client in
            let local = try await server.transport.listen(.tcp, on: Self.any)
            let error = await #expect(throws: SIPTransportError.self) {
                try await client.transport.listen(.tcp, on: local)
            }
            #expect(error?.description.contains("\(local)") == true)
            await #expect(throws: SIPTransportError.noTLS) { try await server.transport.listen(.tls, on: Self.any) }
        }
    }

    @Test func `a server that the root does not vouch for is refused`() async throws {
        let tls = try TestTLS()
        let other = try TestTLS()
        try await withStations { server, client in
            let local = try await server.transport.listen(.tls, on: Self.any, tls: tls.server)
            await #expect(throws: SIPTransportError.self) {
                try await client.transport.connect(.tls, to: local, tls: other.client)
            }
            #expect(try await server.next() == .counted(.failedHandshake))
        }
    }

    @Test func `an adopted stream becomes a TLS flow`() async throws {
        try await withStations { server, client in
            let relay = Endpoint(address: .loopbackV4, port: 7443)
            let home = Endpoint(address: .loopbackV4, port: 5061)
            let adopted = server.group.next().makePromise(of: SIPFlow.self)
            let listener = try await ServerBootstrap(group: server.transport.eventLoop).childChannelInitializer {
                channel in
                channel.eventLoop.makeCompletedFuture {
                    adopted.succeed(try server.transport.adopt(channel, local: home, remote: relay))
                }
            }.bind(host: "127.0.0.1", port: 0).get()
            let address = try #require(listener.localAddress.flatMap { Endpoint($0) })
            let (channel, _) = try await rawConnection(to: address, group: client.group)
            try await channel.writeAndFlush(ByteBuffer(bytes: Self.options)).get()
            let flow = try await adopted.futureResult.get()
            #expect(flow.transport == .tls && flow.local == home && flow.remote == relay)
            #expect(try await server.message() == (Self.options, flow))
            try await channel.close().get()
            #expect(try await server.next() == .closed(flow))
            try await listener.close().get()
        }
    }

    static let options = Array(
        "OPTIONS sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nContent-Length: 4\r\n\r\nbody".utf8)
}
