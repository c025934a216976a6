import NIOCore

/// Hands datagrams of one socket to the transport; an ICMP error about one peer does not end the socket.
final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let transport: SIPTransport

    init(transport: SIPTransport) {
        self.transport = transport
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        transport.received(unwrapInboundIn(data), on: context.channel)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        transport.report(.counted(.unsendableDatagram))
    }
}
