import CloudMessages
import NIOConcurrencyHelpers
import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import Primitives
import TLS
import VendorCloud

/// An appliance's end of the uplink: TLS client, HTTP/2 server. `pairing` and `control` are HTTP inside TLS, answered by a
/// closure; `sips` and `provisioning` echo inside TLS.
final class FakeAppliance: Sendable {
    struct Request: Sendable {
        var service: String
        var method: HTTPMethod
        var path: String
        var headers: HTTPHeaders
        var body: [UInt8]
        var clientUnit: String?
    }
    struct Answer: Sendable {
        var status: HTTPResponseStatus
        var type = "application/json"
        var body: [UInt8] = []
        /// Keep the response open after the body (an event stream).
        var staysOpen = false
    }

    let channel: any Channel
    let welcome: EventLoopFuture<[UInt8]>
    /// `forwarded` headers of the CONNECT requests.
    let forwarded: NIOLockedValueBox<[String]>

    private init(channel: any Channel, welcome: EventLoopFuture<[UInt8]>, forwarded: NIOLockedValueBox<[String]>) {
        self.channel = channel
        self.welcome = welcome
        self.forwarded = forwarded
    }

    static func connect(
        to world: CloudWorld, identity: TLSIdentity, listener: VendorCloudOptions.Listener = .relay,
        answer: @escaping @Sendable (Request) -> Answer
    ) async throws -> FakeAppliance {
        let group = MultiThreadedEventLoopGroup.singleton
        let rootPEM = world.material.rootPEM
        let outer = try TLSConfigurations.context(
            TLSConfigurations.client(identity: identity, rootPEM: rootPEM, alpn: ["pbx-uplink/1"]))
        let strict = try TLSConfigurations.context(
            TLSConfigurations.server(
                identity: identity, clientRootPEM: rootPEM, requireClient: true, alpn: ["http/1.1"]))
        let open = try TLSConfigurations.context(
            TLSConfigurations.server(identity: identity, clientRootPEM: nil, requireClient: false, alpn: ["sip/2"]))
        let loop = group.next()
        let welcome = loop.makePromise(of: [UInt8].self)
        let forwarded = NIOLockedValueBox<[String]>([])
        let endpoint = world.endpoint(listener)
        let offersAdmin = listener == .remoteAccess
        let channel = try await ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: outer, serverHostname: nil))
                    _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
                        mode: .server, connectionConfiguration: .init(), streamConfiguration: .init()
                    ) { stream in
                        stream.eventLoop.makeCompletedFuture {
                            try stream.pipeline.syncOperations.addHandler(
                                StreamHandler(
                                    welcome: welcome, forwarded: forwarded, strict: strict, open: open,
                                    offersAdmin: offersAdmin,
                                    answer: answer))
                        }
                    }
                }
            }
            .connect(host: "\(endpoint.address)", port: Int(endpoint.port)).get()
        channel.closeFuture.whenComplete { _ in welcome.fail(ChannelError.ioOnClosedChannel) }
        return FakeAppliance(channel: channel, welcome: welcome.futureResult, forwarded: forwarded)
    }

    /// The body of the welcome.
    func welcomed() async throws -> [UInt8] { try await welcome.get() }

    func close() async { try? await channel.close().get() }
}

/// One stream: the welcome, or a pipe.
private final class StreamHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let welcome: EventLoopPromise<[UInt8]>
    private let forwarded: NIOLockedValueBox<[String]>
    private let strict: NIOSSLContext
    private let open: NIOSSLContext
    private let offersAdmin: Bool
    private let answer: @Sendable (FakeAppliance.Request) -> FakeAppliance.Answer
    private var isPipe = false
    private var hasSentEnd = false
    private var body: [UInt8] = []

    init(
        welcome: EventLoopPromise<[UInt8]>, forwarded: NIOLockedValueBox<[String]>, strict: NIOSSLContext,
        open: NIOSSLContext, offersAdmin: Bool,
        answer: @escaping @Sendable (FakeAppliance.Request) -> FakeAppliance.Answer
    ) {
        self.welcome = welcome
        self.forwarded = forwarded
        self.strict = strict
        self.open = open
        self.offersAdmin = offersAdmin
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let content):
            guard content.headers.first(name: ":method") == "CONNECT" else { return }
            let service = content.headers.first(name: ":authority") ?? ""
            forwarded.withLockedValue { $0 += content.headers["forwarded"] }
            guard (service == "admin") == offersAdmin else { return respond(context, "404", end: true) }
            respond(context, "200", end: false)
            isPipe = true
            do { try serve(service, context) } catch { context.close(promise: nil) }
        case .data(let content):
            guard case .byteBuffer(let buffer) = content.data else { return }
            if isPipe {
                if buffer.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(buffer)) }
                if content.endStream { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
            } else {
                body += buffer.readableBytesView
                guard content.endStream else { return }
                respond(context, "204", end: true)
                welcome.succeed(body)
            }
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.fireChannelReadComplete() }

    private func serve(_ service: String, _ context: ChannelHandlerContext) throws {
        let isEcho = service == "sips" || service == "provisioning"
        let (tls, answer) = (isEcho ? open : strict, answer)
        try PipeChannel.attach(to: context.channel) { pipe in
            let operations = pipe.pipeline.syncOperations
            try operations.addHandler(NIOSSLServerHandler(context: tls))
            if isEcho {
                try operations.addHandler(EchoHandler())
            } else {
                try operations.configureHTTPServerPipeline()
                try operations.addHandler(RequestHandler(service: service, answer: answer))
            }
        }
    }

    private func respond(_ context: ChannelHandlerContext, _ status: String, end: Bool) {
        let headers = HTTP2Frame.FramePayload.Headers(headers: [":status": status], endStream: end)
        context.writeAndFlush(wrapOutboundOut(.headers(headers)), promise: nil)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(unwrapOutboundIn(data))))), promise: promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard !hasSentEnd else { return context.close(mode: mode, promise: promise) }
        hasSentEnd = true
        let end = HTTP2Frame.FramePayload.Data(data: .byteBuffer(ByteBuffer()), endStream: true)
        context.writeAndFlush(wrapOutboundOut(.data(end)), promise: promise)
    }
}

private final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.writeAndFlush(wrapOutboundOut(unwrapInboundIn(data)), promise: nil)
    }
}

private final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let service: String
    private let answer: @Sendable (FakeAppliance.Request) -> FakeAppliance.Answer
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(service: String, answer: @escaping @Sendable (FakeAppliance.Request) -> FakeAppliance.Answer) {
        self.service = service
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(let buffer): body += buffer.readableBytesView
        case .end:
            guard let head else { return }
            let request = FakeAppliance.Request(
                service: service, method: head.method, path: head.uri, headers: head.headers, body: body,
                clientUnit: PeerCertificate.subjectOnLoop(of: context.channel)?.organizationalUnit)
            respond(context, answer(request))
        }
    }

    private func respond(_ context: ChannelHandlerContext, _ answer: FakeAppliance.Answer) {
        var headers: HTTPHeaders = ["content-type": answer.type]
        if !answer.staysOpen { headers.add(name: "content-length", value: "\(answer.body.count)") }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers))),
            promise: nil)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
        guard !answer.staysOpen else { return }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
