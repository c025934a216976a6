import Foundation
import HTTPServer
import NIOCore
import NIOHTTP1
import NIOPosix
import Primitives
import Reactor
import Testing

struct ApplianceTests {
    private let test = TestAppliance()

    @Test func `the ready line names every listener and the serial`() async throws {
        let running = try await test.start()
        #expect(running.ready.listeners.map(\.name) == ["sip-udp", "sip-tcp", "sips", "https"])
        #expect(running.ready.json.hasPrefix("{\"event\":\"ready\",\"listeners\":{\"sip-udp\":\"127.0.0.1:"))
        #expect(running.ready.json.hasSuffix("},\"serial\":\"\(running.appliance.identity.serial)\"}"))
        await running.stop()
    }

    @Test func `a telephone is answered over UDP by the core`() async throws {
        let running = try await test.start()
        let server = try #require(running.ready["sip-udp"])
        let answer = try await exchange(
            """
            REGISTER sip:pbx.example SIP/2.0\r
            Via: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bKreactor1\r
            From: <sip:100@pbx.example>;tag=a\r
            To: <sip:100@pbx.example>\r
            Call-ID: reactor\r
            CSeq: 1 REGISTER\r
            Contact: <sip:100@127.0.0.1:9>\r
            Max-Forwards: 70\r
            Content-Length: 0\r
            \r

            """, with: server)
        #expect(answer.hasPrefix("SIP/2.0 401 "))
        #expect(answer.contains("WWW-Authenticate: Digest "))
        await running.stop()
    }

    @Test func `an idle appliance drains at once, and its directory is free again`() async throws {
        let running = try await test.start()
        await running.appliance.drain(within: .seconds(30))
        await running.stop()
        let again = try await test.start()
        await again.stop()
    }

    @Test func `a second appliance on the same directory is refused`() async throws {
        let running = try await test.start()
        let error = await #expect(throws: ApplianceError.self) { _ = try await test.start() }
        #expect(error?.exitCode == 75)
        await running.stop()
    }

    @Test func `a wrong configuration stops the start and names the line`() async throws {
        let error = await #expect(throws: ApplianceError.self) {
            _ = try await test.start(configuration: "sip: {}\nusers: 7\n")
        }
        #expect(error?.exitCode == 78)
        #expect(error?.description.contains("configuration.yaml:2: users: expected a list") == true)
    }

    @Test func `a port in use is named`() async throws {
        let running = try await test.start()
        let taken = try #require(running.ready["sip-tcp"])
        let other = TestAppliance()
        let error = await #expect(throws: ApplianceError.self) {
            _ = try await other.start(
                configuration: "sip: { listen: [ {transport: tcp, address: 127.0.0.1, port: \(taken.port)} ] }\n")
        }
        #expect(error?.exitCode == 69)
        #expect(error?.description.contains("\(taken)") == true)
        await running.stop()
    }

    @Test func `the file is applied when it is new or edited, not over what the administrator changed`() async throws {
        let running = try await test.start()
        let edited = TestAppliance.configuration.replacingOccurrences(of: "Ada", with: "Adelheid")
        #expect(try await test.request(.PUT, "/v1/settings", edited).status == 200)
        await running.stop()
        let again = try await test.start()
        let kept = try await test.request(.PUT, "/v1/settings?dry-run=1", edited)
        #expect(kept.text == #"{"applied":false,"changes":[]}"#)
        await again.stop()
        let third = try await test.start(configuration: TestAppliance.configuration + "# edited\n")
        let reset = try await test.request(.PUT, "/v1/settings?dry-run=1", edited)
        #expect(reset.text.contains("~ users.100: Ada -> Adelheid"))
        await third.stop()
    }

    /// Sends one datagram and returns the first that comes back.
    private func exchange(_ text: String, with server: Endpoint) async throws -> String {
        let (stream, continuation) = AsyncStream<String>.makeStream()
        let channel = try await DatagramBootstrap(group: test.group).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(DatagramCollector(continuation))
            }
        }.bind(host: "127.0.0.1", port: 0).get()
        let remote = try SocketAddress(ipAddress: "\(server.address)", port: Int(server.port))
        try await channel.writeAndFlush(AddressedEnvelope(remoteAddress: remote, data: ByteBuffer(string: text))).get()
        var iterator = stream.makeAsyncIterator()
        let answer = await iterator.next() ?? ""
        try await channel.close().get()
        return answer
    }
}

private final class DatagramCollector: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    private let continuation: AsyncStream<String>.Continuation
    init(_ continuation: AsyncStream<String>.Continuation) { self.continuation = continuation }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        continuation.yield(String(buffer: unwrapInboundIn(data).data))
    }
}
