import NIOCore
import NIOHTTP2

/// Pings an appliance while its uplink is up (RFC 9113 section 6.7) and closes a connection that no longer answers, so
/// that its location record goes too (Q21).
final class UplinkKeepAlive: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    static let interval = TimeAmount.seconds(20)
    static let patience = TimeAmount.seconds(10)

    private var sequence: UInt64 = 0
    private var acknowledged: UInt64 = 0
    private var next: Scheduled<Void>?

    func handlerAdded(context: ChannelHandlerContext) { schedule(context) }
    func handlerRemoved(context: ChannelHandlerContext) { next?.cancel() }

    private func schedule(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        next = context.eventLoop.scheduleTask(in: Self.interval) { bound.value.0.ping(bound.value.1) }
    }

    private func ping(_ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        sequence += 1
        let frame = HTTP2Frame(
            streamID: .rootStream, payload: .ping(HTTP2PingData(withInteger: sequence), ack: false))
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        next = context.eventLoop.scheduleTask(in: Self.patience) {
            let (handler, context) = bound.value
            guard handler.acknowledged == handler.sequence else { return context.close(promise: nil) }
            handler.schedule(context)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .ping(let content, ack: true) = unwrapInboundIn(data).payload { acknowledged = content.integer }
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        next?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A stream's error is the stream's; what reaches the connection's end is the connection's.
        if error is NIOHTTP2Errors.StreamError { return }
        context.close(promise: nil)
    }
}
