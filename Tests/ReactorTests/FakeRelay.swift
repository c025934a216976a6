import CloudWire
import Foundation
import HAL
import HALLinux
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import NIOTLS
import OpenSSLCrypto
import Primitives
import TLS
import Transport

/// A vendor PKI and a provisioned board in a directory of their own.
final class TestVendor: Sendable {
    let directory = "/tmp/pbx-\(UUID().uuidString.prefix(13))"

    init() throws {
        let now = SystemClock().wallTime()
        _ = try DevelopmentPKI.create(directory: "\(directory)/pki", at: now)
        try FactoryProvisioning.initialise(
            halDirectory: "\(directory)/hal", pkiDirectory: "\(directory)/pki", serial: "SN1", model: "next",
            dnsNames: [], at: now)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    func hal() throws -> ProcessHAL { try ProcessHAL.open(directory: "\(directory)/hal") }

    func serverContext(role: String, alpn: String) throws -> NIOSSLContext {
        func text(_ name: String) throws -> String {
            try String(contentsOfFile: "\(directory)/pki/\(name)", encoding: .utf8)
        }
        let identity = try TLSIdentity(
            chainPEM: try text("servers/\(role).pem"), keyPEM: try text("servers/\(role).key"))
        return try TLSConfigurations.context(
            try TLSConfigurations.server(
                identity: identity, clientRootPEM: try text("root.pem"), requireClient: true, alpn: [alpn]))
    }
}

/// A relay that takes one uplink after the other and lets the test open streams on it.
final class FakeRelay: Sendable {
    let listener: any Channel
    let endpoint: Endpoint
    private let uplinks: AsyncStream<FakeUplink>

    init(_ vendor: TestVendor, role: String = "relay", group: MultiThreadedEventLoopGroup) async throws {
        let context = try vendor.serverContext(role: role, alpn: "pbx-uplink/1")
        let (stream, continuation) = AsyncStream<FakeUplink>.makeStream()
        uplinks = stream
        listener = try await ServerBootstrap(group: group).childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandlers(
                    NIOSSLServerHandler(context: context), UplinkAcceptor(continuation))
            }
        }.bind(host: "127.0.0.1", port: 0).get()
        endpoint = listener.localAddress.flatMap { Endpoint($0) } ?? Endpoint(address: .loopbackV4, port: 0)
    }

    func nextUplink() async -> FakeUplink? {
        var iterator = uplinks.makeAsyncIterator()
        return await iterator.next()
    }
}

/// One uplink, seen from the relay: the HTTP/2 client's side.
struct FakeUplink: Sendable {
    let channel: any Channel
    let multiplexer: NIOHTTP2Handler.StreamMultiplexer

    /// Opens a stream and returns the status of its answer.
    func status(_ headers: HPACKHeaders, body: [UInt8]? = nil) async throws -> String {
        let answered = channel.eventLoop.makePromise(of: String.self)
        multiplexer.createStreamChannel(promise: nil) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(StreamClient(headers, body, answered))
            }
        }
        return try await answered.futureResult.get()
    }

    func welcome(_ external: Endpoint) async throws -> String {
        let body = try WireJSON.encode(WelcomeBody(external), what: "welcome")
        return try await status(
            [":method": "POST", ":scheme": "https", ":authority": "appliance", ":path": "/v1/welcome"], body: body)
    }
}

private final class UplinkAcceptor: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let accepted: AsyncStream<FakeUplink>.Continuation
    init(_ accepted: AsyncStream<FakeUplink>.Continuation) { self.accepted = accepted }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted? = event as? TLSUserEvent else { return }
        let multiplexer = try? context.channel.pipeline.syncOperations.configureHTTP2Pipeline(
            mode: .client, connectionConfiguration: .init(), streamConfiguration: .init()
        ) { $0.close() }
        if let multiplexer { accepted.yield(FakeUplink(channel: context.channel, multiplexer: multiplexer)) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

private final class StreamClient: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload
    private let headers: HPACKHeaders
    private let body: [UInt8]?
    private let answered: EventLoopPromise<String>

    init(_ headers: HPACKHeaders, _ body: [UInt8]?, _ answered: EventLoopPromise<String>) {
        self.headers = headers
        self.body = body
        self.answered = answered
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: headers))), promise: nil)
        guard let body else { return }
        let data = HTTP2Frame.FramePayload.Data(data: .byteBuffer(ByteBuffer(bytes: body)), endStream: true)
        context.writeAndFlush(wrapOutboundOut(.data(data)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .headers(let content) = unwrapInboundIn(data) else { return }
        answered.succeed(content.headers.first(name: ":status") ?? "none")
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { answered.fail(ChannelError.inputClosed) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { answered.fail(error) }
}
