import NIOCore
import NIOTLS

/// Continues with `next` once TLS is established, on the same loop turn, so that no byte is missed; closes the channel
/// when the handshake fails, takes too long, or `next` throws.
final class AfterHandshake: ChannelInboundHandler {
    typealias InboundIn = Any

    static let patience = TimeAmount.seconds(10)

    private let next: (any Channel, String?) throws -> Void
    private let failed: (any Error) -> Void
    private var deadline: Scheduled<Void>?
    private var isDone = false

    init(
        next: @escaping (any Channel, String?) throws -> Void, failed: @escaping (any Error) -> Void = { _ in }
    ) {
        self.next = next
        self.failed = failed
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent, !isDone else {
            return context.fireUserInboundEventTriggered(event)
        }
        isDone = true
        deadline?.cancel()
        do {
            try next(context.channel, negotiated)
        } catch {
            failed(error)
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isDone else { return context.fireErrorCaught(error) }
        isDone = true
        failed(error)
        context.close(promise: nil)
    }
}
