import NIOCore
import NIOSSL
import SIPMessage
import SIPTransaction

/// One TCP or TLS connection: cuts it into messages, answers pings, closes what cannot be followed any more.
final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// A connection that was opened to us and has not brought a message by then is closed (Timer B's 64 * T1).
    static let firstMessageTimeout = TimeAmount.seconds(32)

    /// How long a connection that cannot be followed any more stays for the answer that says so.
    static let answerTime = TimeAmount.seconds(1)

    private let transport: SIPTransport
    private let flow: SIPFlow
    private var framer: SIPStreamFramer
    private let expectsFirstMessage: Bool
    private var firstMessageDeadline: Scheduled<Void>?
    private var isFinished = false

    init(transport: SIPTransport, flow: SIPFlow, expectsFirstMessage: Bool) {
        self.transport = transport
        self.flow = flow
        self.expectsFirstMessage = expectsFirstMessage
        framer = SIPStreamFramer(limits: transport.limits)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        guard expectsFirstMessage else { return }
        let channel = context.channel
        firstMessageDeadline = context.eventLoop.scheduleTask(in: Self.firstMessageTimeout) { [transport] in
            transport.report(.counted(.silentConnection))
            channel.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        firstMessageDeadline?.cancel()
        transport.ended(flow)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isFinished else { return }
        framer.append(unwrapInboundIn(data).readableBytesView)
        do {
            while !isFinished, let frame = try framer.next() {
                switch frame {
                case .message(let bytes):
                    firstMessageDeadline?.cancel()
                    firstMessageDeadline = nil
                    transport.report(.message(bytes, flow))
                case .ping: context.writeAndFlush(NIOAny(ByteBuffer(string: "\r\n")), promise: nil)
                case .pong: break
                }
            }
        } catch {
            isFinished = true
            transport.report(.counted(.malformedStream))
            guard framer.awaitsAnswer else {
                context.close(promise: nil)
                return
            }
            // The answer to the message that is refused goes first.
            let channel = context.channel
            context.eventLoop.scheduleTask(in: Self.answerTime) { channel.close(promise: nil) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isFinished = true
        firstMessageDeadline?.cancel()
        transport.ended(flow)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is IdleStateHandler.IdleStateEvent:
            transport.report(.counted(.idleConnection))
            context.close(promise: nil)
        case ChannelEvent.inputClosed: context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is NIOSSLError || error is BoringSSLError { transport.report(.counted(.failedHandshake)) }
        context.close(promise: nil)
    }
}
