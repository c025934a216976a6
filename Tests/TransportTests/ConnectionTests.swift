import NIOCore
import Primitives
import SIPTransaction
import TLS
import Testing
import Transport

/// Flows that name no connection, and what becomes of messages whose connection is gone.
struct ConnectionTests {
    private static let any = Endpoint(address: .loopbackV4, port: 0)
    /// What our Via would name; nothing listens there.
    private static let home = Endpoint(address: .loopbackV4, port: 5060)

    private static func flow(
        _ transport: SIPFlow.Transport, _ remote: Endpoint, peerName: String? = nil
    ) -> SIPFlow {
        SIPFlow(transport: transport, local: home, remote: remote, peerName: peerName)
    }

    @Test func `a flow without connection opens one, and the next message uses it`() async throws {
        try await withStations { server, client in
            let flow = Self.flow(.tcp, try await server.transport.listen(.tcp, on: Self.any))
            try await client.send([TransportTests.options, TransportTests.options], on: flow)
            let (_, incoming) = try await server.message()
            #expect(try await server.message().1 == incoming)
            try await client.send(TransportTests.options, on: flow)
            #expect(try await server.message().1 == incoming)
            try await server.send(TransportTests.options, on: incoming)
            let (_, back) = try await client.message()
            #expect(back.connection != nil && back.local == Self.home && back.remote == flow.remote)
            #expect(try await client.connectionCount() == 1)
        }
    }

    @Test func `its end is told of the connection and of the flow without one`() async throws {
        try await withStations { server, client in
            let flow = Self.flow(.tcp, try await server.transport.listen(.tcp, on: Self.any))
            try await client.send(TransportTests.options, on: flow)
            let (_, incoming) = try await server.message()
            try await server.send(TransportTests.options, on: incoming)
            let (_, back) = try await client.message()
            try await server.close(incoming)
            #expect(try await client.next() == .closed(back))
            #expect(try await client.next() == .closed(flow))
            try await client.send(TransportTests.options, on: flow)
            #expect(try await server.next() == .closed(incoming))
            #expect(try await server.message().0 == TransportTests.options)
        }
    }

    @Test func `nobody there is told under the flow that was asked for`() async throws {
        try await withStations { server, client in
            let gone = try await server.transport.listen(.tcp, on: Self.any)
            await server.transport.shutdown()
            let flow = Self.flow(.tcp, gone)
            try await client.send([TransportTests.options, TransportTests.options], on: flow)
            #expect(try await client.next() == .counted(.failedConnection))
            #expect(try await client.next() == .closed(flow))
            #expect(client.nextIfAny() == nil)
        }
    }

    @Test(arguments: [(1_000, true), (1_001, false)])
    func `what waits for a connection is bounded`(bytes: Int, passes: Bool) async throws {
        var limits = Limits()
        limits.sipConnectingBytes = 1_000
        try await withStations(clientLimits: limits) { server, client in
            let flow = Self.flow(.tcp, try await server.transport.listen(.tcp, on: Self.any))
            let filler = [UInt8](repeating: 65, count: bytes - TransportTests.options.count)
            try await client.send([TransportTests.options, filler], on: flow)
            if passes {
                #expect(try await server.message().0 == TransportTests.options)
            } else {
                #expect(try await client.next() == .counted(.connectingQueueFull))
                #expect(try await client.next() == .closed(flow))
            }
        }
    }

    @Test(arguments: [("localhost", true), ("relay.elsewhere.example", false), (nil, true)])
    func `TLS is opened to the name that the flow says, or to the address`(name: String?, isRight: Bool) async throws {
        let tls = try TestTLS()
        try await withStations(clientTLS: tls.client) { server, client in
            let flow = Self.flow(
                .tls, try await server.transport.listen(.tls, on: Self.any, tls: tls.server), peerName: name)
            try await client.send(TransportTests.options, on: flow)
            if isRight {
                let (_, incoming) = try await server.message()
                try await server.send(TransportTests.options, on: incoming)
                #expect(try await client.message().1.peerName == name)
            } else {
                #expect(try await client.next() == .counted(.failedConnection))
                #expect(try await client.next() == .closed(flow))
            }
        }
    }

    @Test(arguments: [
        ("sip.a.example", "sip.a.example", true), ("*.a.example", "sip.a.example", true),
        ("*.a.example", "a.example", false), ("*.a.example", "x.sip.a.example", false),
        ("*.example", "a.example", false),
        ("*", "example", false), ("s*.a.example", "sip.a.example", false), ("a.example", "sip.a.example", false),
        ("*.a.example", ".a.example", false),
    ])
    func `a certificate's name is the domain's, or one label is open`(pattern: String, name: String, matches: Bool) {
        #expect(ServerName.matches(Array(pattern.utf8), Array(name.utf8)) == matches)
    }

    @Test func `a connection verified for one name is not used for another`() async throws {
        let tls = try TestTLS()
        try await withStations(clientTLS: tls.client) { server, client in
            let local = try await server.transport.listen(.tls, on: Self.any, tls: tls.server)
            try await client.send(TransportTests.options, on: Self.flow(.tls, local, peerName: "localhost"))
            let (_, first) = try await server.message()
            try await client.send(TransportTests.options, on: Self.flow(.tls, local))
            #expect(try await server.message().1 != first)
            try await client.send(TransportTests.options, on: Self.flow(.tls, local, peerName: "localhost"))
            #expect(try await server.message().1 == first)
        }
    }

    @Test func `TLS without a trust store is not opened`() async throws {
        try await withStations { server, client in
            let flow = Self.flow(.tls, try await server.transport.listen(.tcp, on: Self.any), peerName: "localhost")
            try await client.send(TransportTests.options, on: flow)
            #expect(try await client.next() == .counted(.noClientTLS))
            #expect(try await client.next() == .closed(flow))
        }
    }

    @Test func `a server that does not shake hands is given up`() async throws {
        var limits = Limits()
        limits.sipConnectTime = .milliseconds(50)
        let tls = try TestTLS()
        try await withStations(clientLimits: limits, clientTLS: tls.client) { server, client in
            let listener = try await mute(group: server.group)
            let flow = Self.flow(.tls, try #require(listener.localAddress.flatMap { Endpoint($0) }))
            try await client.send(TransportTests.options, on: flow)
            #expect(try await client.next() == .counted(.failedConnection))
            #expect(try await client.next() == .closed(flow))
            try await listener.close().get()
        }
    }

    @Test func `a TCP connection that the peer opened leads back to it`() async throws {
        try await withStations { server, client in
            let local = try await server.transport.listen(.tcp, on: Self.any)
            let opened = try await client.transport.connect(.tcp, to: local)
            try await client.send(TransportTests.options, on: opened)
            let (_, incoming) = try await server.message()
            try await server.send(TransportTests.options, on: Self.flow(.tcp, incoming.remote))
            #expect(try await client.message() == (TransportTests.options, opened))
            try await client.close(opened)
            #expect(try await server.next() == .closed(incoming))
            #expect(try await server.next() == .closed(Self.flow(.tcp, incoming.remote)))
        }
    }

    @Test func `a TLS connection that the peer opened does not: he has not shown who he is`() async throws {
        let tls = try TestTLS()
        try await withStations { server, client in
            let local = try await server.transport.listen(.tls, on: Self.any, tls: tls.server)
            let opened = try await client.transport.connect(.tls, to: local, tls: tls.client)
            try await client.send(TransportTests.options, on: opened)
            let (_, incoming) = try await server.message()
            try await server.send(TransportTests.options, on: Self.flow(.tls, incoming.remote))
            #expect(try await server.next() == .counted(.noClientTLS))
        }
    }

    @Test func `connections that we open are counted too`() async throws {
        var limits = Limits()
        limits.sipConnections = 1
        try await withStations(clientLimits: limits) { server, client in
            let first = Self.flow(.tcp, try await server.transport.listen(.tcp, on: Self.any))
            let second = Self.flow(.tcp, try await server.transport.listen(.tcp, on: Self.any))
            try await client.send(TransportTests.options, on: first)
            _ = try await server.message()
            try await client.send(TransportTests.options, on: second)
            #expect(try await client.next() == .counted(.tooManyConnections))
            #expect(try await client.next() == .closed(second))
        }
    }

    // MARK: - RFC 3261 section 18.2.2

    private static func response(port: UInt16) -> [UInt8] {
        Array(
            """
            SIP/2.0 200 OK\r
            Via: SIP/2.0/TCP phone.example:\(port);branch=z9hG4bK1;received=127.0.0.1\r
            From: <sip:a@a.example>;tag=1\r
            To: <sip:b@b.example>;tag=2\r
            Call-ID: 1\r
            CSeq: 1 OPTIONS\r
            Content-Length: 0\r
            \r

            """.utf8)
    }

    /// A flow whose connection has ended.
    private func deadFlow(_ server: Station, _ client: Station) async throws -> SIPFlow {
        let local = try await server.transport.listen(.tcp, on: Self.any)
        let opened = try await client.transport.connect(.tcp, to: local)
        try await client.send(TransportTests.options, on: opened)
        let (_, incoming) = try await server.message()
        try await client.close(opened)
        #expect(try await server.next() == .closed(incoming))
        #expect(try await client.next() == .closed(opened))
        return incoming
    }

    @Test func `a response whose connection is gone goes to the port of its Via`() async throws {
        try await withStations { server, client in
            let flow = try await deadFlow(server, client)
            let listener = try await client.transport.listen(.tcp, on: Self.any)
            let response = Self.response(port: listener.port)
            try await server.send(response, on: flow)
            #expect(try await server.next() == .counted(.reopenedForResponse))
            let (bytes, incoming) = try await client.message()
            #expect(bytes == response && incoming.local == listener)
        }
    }

    @Test func `when nobody listens there the flow is closed, as before`() async throws {
        try await withStations { server, client in
            let flow = try await deadFlow(server, client)
            try await server.send(Self.response(port: 1), on: flow)
            #expect(try await server.next() == .counted(.reopenedForResponse))
            #expect(try await server.next() == .counted(.failedConnection))
            #expect(try await server.next() == .closed(flow))
        }
    }

    @Test func `a request is not sent another way`() async throws {
        try await withStations { server, client in
            let flow = try await deadFlow(server, client)
            try await server.send(TransportTests.options, on: flow)
            #expect(try await server.next() == .closed(flow))
        }
    }
}
