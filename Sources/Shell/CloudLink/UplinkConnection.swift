import NIOCore
import NIOHTTP2
import Primitives

/// HTTP/2 in the server's role on a connection that we opened (reverse HTTP/2).
enum UplinkConnection {
    /// Adds HTTP/2, the streams' handlers and the keep-alive. On the channel's event loop, after the TLS handshake.
    static func configure(
        _ channel: any Channel, services: UplinkServices, relay: Endpoint?, limits: Limits,
        welcomed: @escaping @Sendable (Endpoint) -> Void
    ) throws {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: limits.uplinkStreams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 16_384),
            HTTP2Setting(parameter: .initialWindowSize, value: 65_535),
        ]
        connection.targetWindowSize = 1 << 20
        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.outboundBufferSizeHighWatermark = 262_144
        stream.outboundBufferSizeLowWatermark = 65_536
        _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
            mode: .server, connectionConfiguration: connection, streamConfiguration: stream
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(
                    UplinkStreamHandler(services: services, relay: relay, welcomed: welcomed))
            }
        }
        try channel.pipeline.syncOperations.addHandler(UplinkKeepAlive())
    }
}

/// Pings the relay (RFC 9113 section 6.7) and closes a connection that does not answer: a dead path shows in seconds.
final class UplinkKeepAlive: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    static let interval = TimeAmount.seconds(20)

    private var timer: RepeatedTask?
    private var awaitsAnswer = false
    private var number: UInt64 = 0

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleRepeatedTask(initialDelay: Self.interval, delay: Self.interval) { _ in
            let (handler, context) = bound.value
            handler.tick(context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    private func tick(_ context: ChannelHandlerContext) {
        guard context.channel.isActive, !awaitsAnswer else { return context.close(promise: nil) }
        awaitsAnswer = true
        number += 1
        let frame = HTTP2Frame(streamID: .rootStream, payload: .ping(HTTP2PingData(withInteger: number), ack: false))
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data).payload {
        case .ping(_, ack: true): awaitsAnswer = false
        case .goAway: context.close(promise: nil)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is NIOHTTP2Errors.StreamError { return }  // that stream's own matter
        context.close(promise: nil)
    }
}
