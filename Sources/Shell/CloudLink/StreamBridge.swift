import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Gives an HTTP/2 stream the shape of an ordinary socket channel, by way of a socket pair.
///
/// A TLS handler in the stream channel's own pipeline asks it for options that it does not have, and traps when the peer
/// says close_notify; on a socket it works as it does everywhere. Reading stops on either side while the other is full.
enum StreamBridge {
    /// Half a closed stream may linger this long until the other half closes too.
    static let lingering = TimeAmount.seconds(5)

    /// Joins `stream` (which must carry `ByteBuffer` above what is in its pipeline now) to one end of a new socket pair,
    /// and completes with the other end, whose pipeline `initialiser` has made. On the stream's event loop.
    static func join(
        _ stream: any Channel, initialiser: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<Void> {
        let loop = stream.eventLoop
        var descriptors: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &descriptors) == 0 else {
            return loop.makeFailedFuture(IOError(errnoCode: errno, reason: "socketpair"))
        }
        let (ours, theirs) = (descriptors[0], descriptors[1])
        let streamEnd = PipeEnd()
        let socketEnd = PipeEnd()
        streamEnd.partner = socketEnd
        socketEnd.partner = streamEnd
        let bound = NIOLoopBound(socketEnd, eventLoop: loop)
        let boundStreamEnd = NIOLoopBound(streamEnd, eventLoop: loop)
        let service = ClientBootstrap(group: loop)
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try initialiser(channel) } }
            .withConnectedSocket(theirs)
        return service.flatMap { _ in
            ClientBootstrap(group: loop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
                }
                .withConnectedSocket(ours)
        }.flatMapThrowing { _ in
            try stream.pipeline.syncOperations.addHandler(boundStreamEnd.value)
        }
    }
}

/// One end of a byte pipe between two channels of one event loop.
final class PipeEnd: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    // Broken when either end leaves its pipeline.
    var partner: PipeEnd?
    private var context: ChannelHandlerContext?
    private var hasPendingRead = false

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        partner = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        partner?.write(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        partner?.context?.flush()
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        partner?.finish()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            partner?.finish()
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { partner?.resumeReading() }
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        if let partner, partner.context?.channel.isWritable == false {
            hasPendingRead = true
        } else {
            context.read()
        }
    }

    private func write(_ buffer: ByteBuffer) { context?.write(wrapOutboundOut(buffer), promise: nil) }

    private func resumeReading() {
        guard hasPendingRead else { return }
        hasPendingRead = false
        context?.read()
    }

    /// Nothing more will be written: what was written still goes out.
    private func finish() {
        guard let context, context.channel.isActive else { return }
        context.flush()
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: StreamBridge.lingering) { channel.close(promise: nil) }
    }
}
