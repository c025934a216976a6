import NIOCore
import NIOPosix
import Primitives
import Transport

/// A bound pair of UDP sockets, RTP on an even port and RTCP on the next one.
struct MediaSockets {
    let rtp: any Channel
    let rtcp: any Channel
    let local: Endpoint

    /// Delivers datagrams to `receive` (true: RTCP) on the event loop.
    static func bind(
        on eventLoop: any EventLoop, address: IPAddress, receive: @escaping @Sendable ([UInt8], Bool) -> Void
    ) async throws -> MediaSockets {
        for _ in 0..<50 {
            let first = try await bind(eventLoop, Endpoint(address: address, port: 0), isRTCP: false, receive)
            guard let port = first.localAddress?.port, port % 2 == 0, port < 65_535 else {
                try await first.close().get()
                continue
            }
            let next = Endpoint(address: address, port: UInt16(port + 1))
            guard let second = try? await bind(eventLoop, next, isRTCP: true, receive) else {
                try await first.close().get()
                continue
            }
            return MediaSockets(rtp: first, rtcp: second, local: Endpoint(address: address, port: UInt16(port)))
        }
        throw SoftphoneError.noMediaPort
    }

    private static func bind(
        _ eventLoop: any EventLoop, _ endpoint: Endpoint, isRTCP: Bool,
        _ receive: @escaping @Sendable ([UInt8], Bool) -> Void
    ) async throws -> any Channel {
        try await DatagramBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Receiver { receive($0, isRTCP) })
                }
            }
            .bind(to: try SocketAddress(ipAddress: "\(endpoint.address)", port: Int(endpoint.port))).get()
    }

    func send(_ bytes: [UInt8], to destination: Endpoint, isRTCP: Bool) {
        guard
            let address = try? SocketAddress(ipAddress: "\(destination.address)", port: Int(destination.port))
        else { return }
        let channel = isRTCP ? rtcp : rtp
        channel.writeAndFlush(
            AddressedEnvelope(remoteAddress: address, data: channel.allocator.buffer(bytes: bytes)), promise: nil)
    }

    func close() {
        rtp.close(promise: nil)
        rtcp.close(promise: nil)
    }

    private final class Receiver: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        private let receive: ([UInt8]) -> Void

        init(_ receive: @escaping ([UInt8]) -> Void) {
            self.receive = receive
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            receive(Array(unwrapInboundIn(data).data.readableBytesView))
        }
    }
}
