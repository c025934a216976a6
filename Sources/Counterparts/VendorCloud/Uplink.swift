import CloudCore
import CloudWire
import NIOCore
import NIOHPACK
import NIOHTTP2
import Primitives
import Splice

/// An open stream to a service of an appliance. Nothing flows towards the client before `start`.
struct UplinkPipe: Sendable {
    let channel: any Channel
    fileprivate let splice: NIOLoopBound<SpliceHandler>

    func start() {
        let splice = splice
        channel.eventLoop.execute { splice.value.start() }
    }
}

/// One appliance's connection at the relay, in the role of the HTTP/2 client.
struct Uplink: Sendable {
    let channel: any Channel
    private let multiplexer: NIOHTTP2Handler.StreamMultiplexer

    /// Speaks HTTP/2 as a client on an accepted connection whose TLS handshake is complete. On its event loop.
    init(adopting channel: any Channel) throws {
        self.channel = channel
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.targetWindowSize = 1 << 20
        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.targetWindowSize = 65_535
        stream.outboundBufferSizeHighWatermark = 65_536
        stream.outboundBufferSizeLowWatermark = 16_384
        multiplexer = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
            mode: .client, connectionConfiguration: connection, streamConfiguration: stream
        ) { pushed in pushed.close() }  // we are the client: an appliance opens no streams
        try channel.pipeline.syncOperations.addHandler(UplinkKeepAlive())
    }

    /// Tells the appliance its external address (WIRE.md, Uplink); completes with the status.
    func welcome(_ external: Endpoint) -> EventLoopFuture<String> {
        let answered = channel.eventLoop.makePromise(of: String.self)
        let body: [UInt8]
        do {
            body = try WireJSON.encode(WelcomeBody(external), what: "welcome")
        } catch {
            answered.fail(error)
            return answered.futureResult
        }
        multiplexer.createStreamChannel(promise: nil) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(WelcomeHandler(body: body, answered: answered))
            }
        }
        channel.closeFuture.whenComplete { _ in answered.fail(ChannelError.ioOnClosedChannel) }
        return answered.futureResult
    }

    /// Opens a byte pipe to `service`, whose bytes go to `client` once it is started.
    func open(_ service: UplinkService, for client: any Channel, forwardedFor: String?) -> EventLoopFuture<UplinkPipe> {
        let loop = channel.eventLoop
        let opened = loop.makePromise(of: Void.self)
        let pipe = loop.makePromise(of: UplinkPipe.self)
        let created = loop.makePromise(of: (any Channel).self)
        multiplexer.createStreamChannel(promise: created) { stream in
            stream.setOption(ChannelOptions.autoRead, value: false).flatMapThrowing {
                let splice = SpliceHandler(to: client, isStarted: false)
                try stream.pipeline.syncOperations.addHandlers([
                    UplinkPipeHandler(service: service.rawValue, forwardedFor: forwardedFor, opened: opened), splice,
                ])
                let bound = NIOLoopBound(splice, eventLoop: stream.eventLoop)
                opened.futureResult.map { UplinkPipe(channel: stream, splice: bound) }.cascade(to: pipe)
            }
        }
        created.futureResult.whenFailure {
            opened.fail($0)
            pipe.fail($0)
        }
        return pipe.futureResult
    }
}

/// The stream of `POST /v1/welcome`.
private final class WelcomeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let body: [UInt8]
    private let answered: EventLoopPromise<String>
    private var isSent = false

    init(body: [UInt8], answered: EventLoopPromise<String>) {
        self.body = body
        self.answered = answered
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { send(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        send(context)
        context.fireChannelActive()
    }

    private func send(_ context: ChannelHandlerContext) {
        guard !isSent else { return }
        isSent = true
        let headers = HPACKHeaders([
            (":method", "POST"), (":scheme", "https"), (":authority", "appliance"), (":path", "/v1/welcome"),
            ("content-type", "application/json"), ("content-length", String(body.count)),
        ])
        context.write(wrapOutboundOut(.headers(.init(headers: headers))), promise: nil)
        let data = HTTP2Frame.FramePayload.Data(data: .byteBuffer(ByteBuffer(bytes: body)), endStream: true)
        context.writeAndFlush(wrapOutboundOut(.data(data)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .headers(let content) = unwrapInboundIn(data), let status = content.headers.first(name: ":status")
        else { return }
        answered.succeed(status)
    }

    func channelInactive(context: ChannelHandlerContext) {
        answered.fail(ChannelError.inputClosed)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answered.fail(error)
        context.close(promise: nil)
    }
}
