import NIOCore
import NIOSSL
import Primitives
import SIPMessage
import SIPTransaction

/// One TCP or TLS connection: cuts it into messages, answers pings, closes what cannot be followed any more.
///
/// A connection that was opened to us has `Limits.sipMessageTime` for its first message, and every message as long from
/// its first byte to its last: a peer that trickles bytes holds nothing.
final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// How long a connection that cannot be followed any more stays for the answer that says so.
    static let answerTime = TimeAmount.seconds(1)

    private let transport: SIPTransport
    private let flow: SIPFlow
    private var framer: SIPStreamFramer
    /// Opened to us, and nothing came yet.
    private var expectsFirstMessage: Bool
    private var messageDeadline: Scheduled<Void>?
    private var isFinished = false
    /// Keep-alives since `pingsBegan`, which is at most a second ago.
    private var pings = 0
    private var pingsBegan = NIODeadline.now()

    init(transport: SIPTransport, flow: SIPFlow, expectsFirstMessage: Bool) {
        self.transport = transport
        self.flow = flow
        self.expectsFirstMessage = expectsFirstMessage
        framer = SIPStreamFramer(limits: transport.limits)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if expectsFirstMessage { expectMessage(.silentConnection, context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        messageDeadline?.cancel()
        transport.ended(flow)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isFinished else { return }
        framer.append(unwrapInboundIn(data).readableBytesView)
        var pongs = 0
        do {
            while !isFinished, let frame = try framer.next() {
                switch frame {
                case .message(let bytes):
                    expectsFirstMessage = false
                    expectNothing()
                    transport.report(.message(bytes, flow))
                case .ping:
                    pongs += 1
                    countPing(context)
                case .pong: countPing(context)
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
            return
        }
        if pongs > 0, !isFinished {
            context.writeAndFlush(NIOAny(ByteBuffer(string: String(repeating: "\r\n", count: pongs))), promise: nil)
        }
        guard !expectsFirstMessage, !isFinished else { return }
        if framer.bufferedBytes == 0 {
            expectNothing()
        } else if messageDeadline == nil {
            expectMessage(.slowMessage, context)
        }
    }

    /// A keep-alive costs the peer four bytes and us an answer: who sends many is closed.
    private func countPing(_ context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        if now - pingsBegan > .seconds(1) { (pings, pingsBegan) = (0, now) }
        pings += 1
        guard pings > transport.limits.sipPingsPerSecond else { return }
        isFinished = true
        transport.report(.counted(.pingFlood))
        context.close(promise: nil)
    }

    private func expectNothing() {
        messageDeadline?.cancel()
        messageDeadline = nil
    }

    private func expectMessage(_ counter: SIPTransportCounter, _ context: ChannelHandlerContext) {
        let channel = context.channel
        let limit = TimeAmount.nanoseconds(transport.limits.sipMessageTime.wholeNanoseconds)
        messageDeadline = context.eventLoop.scheduleTask(in: limit) { [transport] in
            transport.report(.counted(counter))
            channel.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isFinished = true
        messageDeadline?.cancel()
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
