import CloudWire
import NIOCore
import NIOHPACK
import NIOHTTP2
import Primitives
import Splice

/// One stream that the relay opened: `POST /v1/welcome`, or CONNECT to a service (WIRE.md, Uplink); 404 for all else.
///
/// After its 200 a CONNECT stream is a byte pipe (RFC 9113 section 8.5): DATA in, `ByteBuffer` out, and back.
final class UplinkStreamHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = HTTP2Frame.FramePayload

    private enum State {
        case awaitingHeaders
        case welcome([UInt8])
        /// The service's end is being opened; no DATA may come before our 200.
        case opening
        case pipe
        case ended
    }

    static let welcomeLimit = 1_024

    private var state = State.awaitingHeaders
    private var hasSentEnd = false
    private let services: UplinkServices
    private let relay: Endpoint?
    private let welcomed: @Sendable (Endpoint) -> Void

    init(services: UplinkServices, relay: Endpoint?, welcomed: @escaping @Sendable (Endpoint) -> Void) {
        self.services = services
        self.relay = relay
        self.welcomed = welcomed
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (state, unwrapInboundIn(data)) {
        case (.awaitingHeaders, .headers(let content)): begin(content.headers, context)
        case (.welcome(var body), .data(let content)):
            guard case .byteBuffer(let buffer) = content.data else { return }
            body += buffer.readableBytesView
            guard body.count <= Self.welcomeLimit else { return answer("413", context) }
            state = .welcome(body)
            if content.endStream { finishWelcome(body, context) }
        case (.pipe, .data(let content)):
            guard case .byteBuffer(let buffer) = content.data else { return }
            if buffer.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(buffer)) }
            if content.endStream { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        case (_, .rstStream), (_, .goAway): context.close(promise: nil)
        case (.opening, _): context.close(promise: nil)
        case (.awaitingHeaders, _), (.welcome, _), (.pipe, _), (.ended, _): break
        }
    }

    private func begin(_ headers: HPACKHeaders, _ context: ChannelHandlerContext) {
        let method = headers.first(name: ":method")
        if method == "POST", headers.first(name: ":path") == "/v1/welcome" {
            state = .welcome([])
            return
        }
        let authority = headers.first(name: ":authority") ?? ""
        guard method == "CONNECT", let service = services.service(named: authority) else {
            return answer("404", context)
        }
        state = .opening
        let client = ForwardedHeader.address(headers.first(name: "forwarded")) ?? relay?.address
        let (services, relay) = (services, relay)
        let opened = SocketPair.open(on: context.eventLoop, splicedTo: context.channel) { channel in
            try services.install(service, on: channel, relay: relay, client: client)
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        opened.whenComplete { result in
            let (handler, context) = bound.value
            switch result {
            case .success(let near): handler.join(near, context)
            case .failure: handler.answer("503", context)
            }
        }
    }

    /// The service's end is there: from the 200 on, bytes run both ways.
    private func join(_ near: SocketPair.Near, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return near.channel.close(promise: nil) }
        state = .pipe
        do {
            try context.channel.syncOptions?.setOption(.autoRead, value: false)
            let splice = SpliceHandler(to: near.channel, isStarted: true)
            try context.pipeline.syncOperations.addHandler(splice)
        } catch {
            near.channel.close(promise: nil)
            return answer("503", context)
        }
        context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: [":status": "200"]))), promise: nil)
        near.start()
    }

    private func finishWelcome(_ body: [UInt8], _ context: ChannelHandlerContext) {
        let welcome = try? WireJSON.decode(WelcomeBody.self, from: body, limit: Self.welcomeLimit, what: "welcome")
        guard let external = welcome?.endpoint else { return answer("400", context) }
        answer("204", context)
        welcomed(external)
    }

    private func answer(_ status: String, _ context: ChannelHandlerContext) {
        state = .ended
        hasSentEnd = true
        let headers = HTTP2Frame.FramePayload.Headers(headers: [":status": status], endStream: true)
        context.writeAndFlush(wrapOutboundOut(.headers(headers)), promise: nil)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let buffer = unwrapOutboundIn(data)
        context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(buffer)))), promise: promise)
    }

    /// A closed pipe is an END_STREAM, after all that was written.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard case .pipe = state, !hasSentEnd, mode != .input else {
            if mode == .all { return context.close(mode: .all, promise: promise) }
            promise?.succeed(())
            return
        }
        hasSentEnd = true
        let end = HTTP2Frame.FramePayload.data(.init(data: .byteBuffer(ByteBuffer()), endStream: true))
        guard mode == .all else { return context.writeAndFlush(wrapOutboundOut(end), promise: promise) }
        context.writeAndFlush(wrapOutboundOut(end), promise: nil)
        context.close(mode: .all, promise: promise)
    }
}

/// `Forwarded: for="192.0.2.1"` or `for="[2001:db8::1]:4711"` (RFC 7239 section 4), as the relay writes it.
enum ForwardedHeader {
    static func address(_ value: String?) -> IPAddress? {
        guard let value, value.utf8.count <= 128 else { return nil }
        for pair in value.split(separator: ";") {
            guard pair.lowercased().hasPrefix("for=") else { continue }
            let node = pair.dropFirst(4).filter { $0 != "\"" }
            return Endpoint(node)?.address ?? IPAddress(node)
        }
        return nil
    }
}
