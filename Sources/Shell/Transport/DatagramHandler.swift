import NIOCore

/// Hands datagrams of one socket to the transport; an ICMP error about one peer does not end the socket.
final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let transport: SIPTransport
    private let socket: DatagramSocket

    init(transport: SIPTransport, socket: DatagramSocket) {
        self.transport = transport
        self.socket = socket
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        socket.isReading = true
        transport.received(unwrapInboundIn(data), on: socket)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        socket.isReading = false
        transport.ended(batchOn: socket)
    }

    func channelInactive(context: ChannelHandlerContext) { transport.ended(socket) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        transport.report(.counted(.unsendableDatagram))
    }
}
