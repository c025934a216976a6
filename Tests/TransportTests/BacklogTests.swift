import Dispatch
import NIOCore
import Primitives
import SIPTransaction
import Testing
import Transport

/// A receive buffer that fills because the loop has no time for it.
struct BacklogTests {
    @Test func `a queue of datagrams shows as overload, its loss is counted, and both end with it`() async throws {
        try await withStations { server, client in
            let any = Endpoint(address: .loopbackV4, port: 0)
            let local = try await server.transport.listen(.udp, on: any)
            let flow = SIPFlow(transport: .udp, local: try await client.transport.listen(.udp, on: any), remote: local)
            let message = TransportTests.options + [UInt8](repeating: 0x20, count: 1_000)
            // Nothing is read while the loop waits for the sender, who sends twice the largest buffer.
            let gate = DispatchSemaphore(value: 0)
            server.transport.eventLoop.execute { gate.wait() }
            for _ in 0..<200 { try await client.send([[UInt8]](repeating: message, count: 64), on: flow) }
            gate.signal()
            var dropped: UInt64 = 0
            var seen: [Bool] = []
            while seen.last != false {
                switch try await server.next() {
                case .overload(let isOverloaded): seen.append(isOverloaded)
                case .counted(.droppedDatagram, let count): dropped += count
                default: break
                }
            }
            #expect(seen == [true, false])
            #expect(dropped > 0)
        }
    }
}
