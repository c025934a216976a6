import CloudCore
import NIOCore
import Splice

/// Reads the first bytes of an accepted connection until they say where it wants to go, then asks `route` for a pipe and
/// becomes a splice. Bounded in bytes by the parser and in time by `patience`.
final class PrefaceHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Decision: Sendable {
        case needsMore
        /// Connect to a service of a connected appliance. The bytes from `forwardFrom` on belong to the pipe.
        case connect(UplinkID, UplinkService, forwardFrom: Int)
        /// Say this, if anything, and close.
        case refuse(answer: String?)
    }

    static let patience = TimeAmount.seconds(10)

    private let decide: @Sendable ([UInt8], any Channel) -> Decision
    private let open: @Sendable (UplinkID, UplinkService, any Channel) -> EventLoopFuture<UplinkPipe>
    /// What the client is told when the pipe is open, and when the appliance does not take it.
    private let greeting: String?
    private let regret: String?
    private var received = ByteBuffer()
    private var isDecided = false
    private var timeout: Scheduled<Void>?

    init(
        greeting: String?, regret: String?, decide: @escaping @Sendable ([UInt8], any Channel) -> Decision,
        open: @escaping @Sendable (UplinkID, UplinkService, any Channel) -> EventLoopFuture<UplinkPipe>
    ) {
        self.greeting = greeting
        self.regret = regret
        self.decide = decide
        self.open = open
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
        if channel.isActive { context.read() }
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        context.read()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        received.writeBuffer(&buffer)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard !isDecided else { return }
        guard received.readableBytes > 0 else { return context.read() }
        switch decide(Array(received.readableBytesView), context.channel) {
        case .needsMore: context.read()
        case .refuse(let answer):
            isDecided = true
            refuse(context, answer)
        case .connect(let uplink, let service, let forwardFrom):
            isDecided = true
            received.moveReaderIndex(forwardBy: forwardFrom)
            connect(context, uplink, service)
        }
    }

    private func connect(_ context: ChannelHandlerContext, _ uplink: UplinkID, _ service: UplinkService) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        open(uplink, service, context.channel).hop(to: context.eventLoop).whenComplete { result in
            let (handler, context) = bound.value
            switch result {
            case .success(let pipe): handler.splice(context, pipe)
            case .failure: handler.refuse(context, handler.regret)
            }
        }
    }

    private func splice(_ context: ChannelHandlerContext, _ pipe: UplinkPipe) {
        timeout?.cancel()
        guard context.channel.isActive else { return pipe.channel.close(promise: nil) }
        if let greeting { context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: greeting)), promise: nil) }
        let splice = SpliceHandler(to: pipe.channel, isStarted: true, held: received)
        do {
            try context.pipeline.syncOperations.addHandler(splice, position: .after(self))
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
            pipe.start()
        } catch {
            pipe.channel.close(promise: nil)
            context.close(promise: nil)
        }
    }

    private func refuse(_ context: ChannelHandlerContext, _ answer: String?) {
        timeout?.cancel()
        guard let answer, context.channel.isActive else { return context.close(promise: nil) }
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer))).whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
