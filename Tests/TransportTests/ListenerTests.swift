import Glibc
import NIOCore
import Primitives
import SIPTransaction
import Testing
import Transport

/// Several listeners, both address families, and how datagrams leave.
struct ListenerTests {
    private static let loopbackV6 = Endpoint(address: .v6(0, 1), port: 0)
    private static let any = Endpoint(address: .loopbackV4, port: 0)
    static let hasV6 = access("/proc/net/if_inet6", R_OK) == 0

    @Test(.enabled(if: hasV6), arguments: [SIPFlow.Transport.udp, .tcp, .tls])
    func `messages travel over IPv6`(kind: SIPFlow.Transport) async throws {
        let tls = try TestTLS()
        try await withStations(clientTLS: tls.client) { server, client in
            let local = try await server.transport.listen(kind, on: Self.loopbackV6, tls: tls.server)
            #expect(!local.address.isV4 && local.port != 0)
            let home = kind == .udp ? try await client.transport.listen(.udp, on: Self.loopbackV6) : Self.loopbackV6
            try await client.send(TransportTests.options, on: SIPFlow(transport: kind, local: home, remote: local))
            let (_, incoming) = try await server.message()
            #expect(incoming.local == local && incoming.remote.address == .v6(0, 1))
            try await server.send(TransportTests.options, on: incoming)
            #expect(try await client.message().0 == TransportTests.options)
        }
    }

    @Test(.enabled(if: hasV6), arguments: [SIPFlow.Transport.udp, .tcp])
    func `both families are served on one port, each by its own listener`(kind: SIPFlow.Transport) async throws {
        try await withStations { server, client in
            let v4 = try await server.transport.listen(kind, on: Endpoint(address: .v4(0), port: 0))
            let v6 = try await server.transport.listen(kind, on: Endpoint(address: .v6(0, 0), port: v4.port))
            #expect(v6.port == v4.port)
            for address in [IPAddress.loopbackV4, .v6(0, 1)] {
                let home = Endpoint(address: address, port: 0)
                let local = kind == .udp ? try await client.transport.listen(.udp, on: home) : home
                let remote = Endpoint(address: address, port: v4.port)
                try await client.send(
                    TransportTests.options, on: SIPFlow(transport: kind, local: local, remote: remote))
                let (_, flow) = try await server.message()
                #expect(flow.local == remote && flow.remote.address == address)
                try await server.send(TransportTests.options, on: flow)
                #expect(try await client.message().1.remote == remote)
            }
        }
    }

    @Test func `of several listeners the one that the flow names sends`() async throws {
        try await withStations { server, client in
            let peer = try await client.transport.listen(.udp, on: Self.any)
            for host in UInt32(1)...3 {
                let own = Endpoint(address: .v4(0x7F00_0000 | host), port: 0)
                let local = try await server.transport.listen(.udp, on: own)
                try await server.send(
                    TransportTests.options, on: SIPFlow(transport: .udp, local: local, remote: peer))
                #expect(try await client.message().1.remote == local)
            }
        }
    }

    @Test func `a listener on all addresses answers from the one that was asked`() async throws {
        try await withStations { server, client in
            let bound = try await server.transport.listen(.udp, on: Endpoint(address: .v4(0), port: 0))
            let peer = try await client.transport.listen(.udp, on: Self.any)
            for host in UInt32(1)...3 {
                let target = Endpoint(address: .v4(0x7F00_0000 | host), port: bound.port)
                let flow = SIPFlow(transport: .udp, local: peer, remote: target)
                try await client.send(TransportTests.options, on: flow)
                let (_, incoming) = try await server.message()
                try await server.send(TransportTests.options, on: incoming)
                #expect(try await client.message().1 == flow)
            }
        }
    }

    @Test func `more datagrams than one call takes go out in one turn, in order`() async throws {
        try await withStations { server, client in
            let local = try await server.transport.listen(.udp, on: Self.any)
            let peer = try await client.transport.listen(.udp, on: Self.any)
            let messages = (0..<300).map { Array("OPTIONS sip:\($0) SIP/2.0\r\n\r\n".utf8) }
            try await client.send(messages, on: SIPFlow(transport: .udp, local: peer, remote: local))
            for message in messages { #expect(try await server.message().0 == message) }
        }
    }

    @Test func `large datagrams fill the buffer more than once`() async throws {
        try await withStations { server, client in
            let local = try await server.transport.listen(.udp, on: Self.any)
            let peer = try await client.transport.listen(.udp, on: Self.any)
            let messages = (0..<20).map { [UInt8](repeating: UInt8(65 + $0), count: 60_000) }
            try await client.send(messages, on: SIPFlow(transport: .udp, local: peer, remote: local))
            for message in messages { #expect(try await server.message().0 == message) }
        }
    }

    @Test func `a datagram that the system refuses is counted, and the next one goes out`() async throws {
        try await withStations { server, client in
            let local = try await server.transport.listen(.udp, on: Self.any)
            let peer = try await client.transport.listen(.udp, on: Self.any)
            let flow = SIPFlow(transport: .udp, local: peer, remote: local)
            let messages = [TransportTests.options, [UInt8](repeating: 65, count: 65_520), TransportTests.options]
            try await client.send(messages, on: flow)
            #expect(try await client.next() == .counted(.unsendableDatagram))
            for _ in 0..<2 { #expect(try await server.message().0 == TransportTests.options) }
        }
    }

    @Test(arguments: ["127.0.0.9:5060", "[::1]:5060"])
    func `without a listener of that address nothing can be sent`(local: String) async throws {
        try await withStations { server, client in
            let remote = try await server.transport.listen(.udp, on: Self.any)
            _ = try await client.transport.listen(.udp, on: Self.any)
            let flow = SIPFlow(transport: .udp, local: try #require(Endpoint(local)), remote: remote)
            try await client.send(TransportTests.options, on: flow)
            #expect(try await client.next() == .counted(.unsendableDatagram))
        }
    }
}
