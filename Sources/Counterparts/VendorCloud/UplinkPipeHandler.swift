import NIOCore
import NIOHPACK
import NIOHTTP2

/// One HTTP/2 stream of the relay towards an appliance: sends the CONNECT, waits for its 2xx, and is a byte pipe then
/// (RFC 9113 section 8.5).
final class UplinkPipeHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// The appliance does not offer this service now, or refuses the stream.
    struct Refused: Error { var status: String }
    /// No answer to the CONNECT in time, or the uplink went away first.
    struct NoAnswer: Error {}

    private enum State { case connecting, open, closed }

    private var state = State.connecting
    private let service: String
    /// Who connects, for the appliance's anonymised log (RFC 7239); nil for the vendor's own servers.
    private let forwardedFor: String?
    private let opened: EventLoopPromise<Void>
    private var timeout: Scheduled<Void>?
    private var hasSentEnd = false

    /// `opened` completes exactly once.
    init(service: String, forwardedFor: String?, opened: EventLoopPromise<Void>) {
        self.service = service
        self.forwardedFor = forwardedFor
        self.opened = opened
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { connect(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        connect(context)
        context.fireChannelActive()
    }

    private func connect(_ context: ChannelHandlerContext) {
        guard timeout == nil else { return }
        var headers = HPACKHeaders([(":method", "CONNECT"), (":authority", service)])
        if let forwardedFor { headers.add(name: "forwarded", value: "for=\"\(forwardedFor)\"") }
        context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: headers))), promise: nil)
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: .seconds(10)) { channel.close(promise: nil) }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let content):
            if case .connecting = state { answered(content.headers.first(name: ":status") ?? "", context) }
            if content.endStream { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        case .data(let content):
            guard case .open = state, case .byteBuffer(let buffer) = content.data else { return }
            if buffer.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(buffer)) }
            if content.endStream { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        default: break
        }
    }

    private func answered(_ status: String, _ context: ChannelHandlerContext) {
        guard !status.hasPrefix("1") else { return }
        timeout?.cancel()
        guard status.hasPrefix("2") else {
            state = .closed
            opened.fail(Refused(status: status))
            context.close(promise: nil)
            return
        }
        state = .open
        opened.succeed(())
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let buffer = unwrapOutboundIn(data)
        context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(buffer)))), promise: promise)
    }

    /// A half-closed pipe is an END_STREAM in one direction.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else { return context.close(mode: mode, promise: promise) }
        guard !hasSentEnd else { return promise?.succeed(()) ?? () }
        hasSentEnd = true
        let end = HTTP2Frame.FramePayload.Data(data: .byteBuffer(ByteBuffer()), endStream: true)
        context.writeAndFlush(wrapOutboundOut(.data(end)), promise: promise)
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { finish() }

    private func finish() {
        timeout?.cancel()
        if case .connecting = state { opened.fail(NoAnswer()) }
        state = .closed
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
