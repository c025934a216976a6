import CSockets
import NIOCore
import NIOPosix
import Primitives
import SIPTransaction

/// One bound UDP socket. NIO reads it and closes it; `sender` writes to it without NIO, which costs a third.
final class DatagramSocket {
    let channel: any Channel
    let local: Endpoint
    let sender: DatagramSender
    /// A batch of received datagrams is being handed on; what is sent meanwhile goes out after it.
    var isReading = false
    var isFlushScheduled = false
    var backlog = ReceiveBacklog()

    init(channel: any Channel, local: Endpoint, sender: DatagramSender) {
        self.channel = channel
        self.local = local
        self.sender = sender
    }
}

/// SIP over UDP (RFC 3261 section 18, RFC 3581), and the keep-alives that share its port.
extension SIPTransport {
    /// Datagrams taken in one system call.
    private static let batch = 16
    /// Some 1,600 small requests, the kernel's own bytes counted: a tenth of a second's work and more. What waits
    /// longer than that is repeated by its sender (timer E), and only adds to the queue.
    private static let receiveBuffer: SocketOptionValue = 1024 * 1024
    /// How long a full socket is left alone.
    private static let pause = TimeAmount.milliseconds(1)

    func bindDatagrams(_ endpoint: Endpoint) async throws -> Endpoint {
        var address = csockets_address(endpoint.address, port: endpoint.port)
        let descriptor = csockets_udp(&address, 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: -descriptor, reason: "bind") }
        let local = Endpoint(address: endpoint.address, port: UInt16(clamping: csockets_local_port(descriptor)))
        // One byte more than the limit, so that a longer datagram shows as such although the system cuts it. The loop
        // comes back while there is more: a second read would only find out that there is not.
        let slot = limits.sipMessageBytes + 1
        let channel = try await DatagramBootstrap(group: eventLoop)
            .channelOption(.socketOption(.so_rcvbuf), value: Self.receiveBuffer)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: slot * Self.batch))
            .channelOption(.datagramVectorReadMessageCount, value: Self.batch)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    guard !isShutDown, let sender = DatagramSender(descriptor: descriptor) else {
                        throw SIPTransportError.closed
                    }
                    let socket = DatagramSocket(channel: channel, local: local, sender: sender)
                    try channel.pipeline.syncOperations.addHandler(DatagramHandler(transport: self, socket: socket))
                    sockets.append(socket)
                }
            }
            .withBoundSocket(descriptor).get()
        if endpoint.address.isUnspecified { try await channel.setOption(.receivePacketInfo, value: true).get() }
        return local
    }

    func received(_ envelope: AddressedEnvelope<ByteBuffer>, on socket: DatagramSocket) {
        guard let remote = Endpoint(envelope.remoteAddress) else { return }
        let data = envelope.data
        guard data.readableBytes <= limits.sipMessageBytes else { return report(.counted(.oversizedDatagram)) }
        var local = socket.local
        if local.address.isUnspecified, let info = envelope.metadata?.packetInfo,
            let destination = Endpoint(info.destinationAddress)
        {
            local.address = destination.address
        }
        let flow = SIPFlow(transport: .udp, local: local, remote: remote)
        let bytes = Array(data.readableBytesView)
        // No SIP message begins with what a keep-alive begins with.
        if let first = bytes.first, first > 0x20 { return report(.message(bytes, flow)) }
        switch KeepAlive(bytes, from: remote) {
        case .nothing: break
        case .answer(let answer): sendDatagram(answer, on: flow)
        case .refused: report(.counted(.refusedSTUN))
        case .message: report(.message(bytes, flow))
        }
    }

    /// A batch has been handed on: what was sent meanwhile leaves, and the queue behind it is looked at.
    func ended(batchOn socket: DatagramSocket) {
        flush(socket)
        guard let measured = socket.sender.measureBacklog() else { return }
        let wasOverloaded = isOverloaded
        let dropped = socket.backlog.note(thousandths: measured.thousandths, drops: measured.drops)
        if dropped > 0 { report(.counted(.droppedDatagram, by: dropped)) }
        if isOverloaded != wasOverloaded { report(.overload(isOverloaded)) }
    }

    private var isOverloaded: Bool { sockets.contains { $0.backlog.isOverloaded } }

    func sendDatagram(_ bytes: [UInt8], on flow: SIPFlow) {
        let socket =
            sockets.first { $0.local == flow.local }
            ?? sockets.first {
                $0.local.port == flow.local.port && $0.local.address.isUnspecified
                    && $0.local.address.isV4 == flow.local.address.isV4
            }
        guard let socket, flow.remote.address.isV4 == socket.local.address.isV4 else {
            return report(.counted(.unsendableDatagram))
        }
        let isAnywhere = socket.local.address.isUnspecified && !flow.local.address.isUnspecified
        var lost = 0
        let source = isAnywhere ? flow.local.address : nil
        if !socket.sender.append(bytes, to: flow.remote, from: source, lost: &lost) { lost += 1 }
        if lost > 0 { countUnsendable(lost) }
        if !socket.isReading { flushLater(socket, in: .zero) }
    }

    /// One system call at the end of this turn of the loop, or of this batch of datagrams, carries all.
    func flush(_ socket: DatagramSocket) {
        guard !socket.sender.isEmpty else { return }
        var lost = 0
        let result = socket.sender.flush(lost: &lost)
        if lost > 0 { countUnsendable(lost) }
        if case .blocked = result { flushLater(socket, in: Self.pause) }
    }

    private func flushLater(_ socket: DatagramSocket, in delay: TimeAmount) {
        guard !socket.isFlushScheduled else { return }
        socket.isFlushScheduled = true
        let box = NIOLoopBound(socket, eventLoop: eventLoop)
        let run = { @Sendable [self] in
            box.value.isFlushScheduled = false
            flush(box.value)
        }
        if delay == .zero { eventLoop.execute(run) } else { _ = eventLoop.scheduleTask(in: delay, run) }
    }

    private func countUnsendable(_ count: Int) {
        reportLater([.counted(.unsendableDatagram, by: UInt64(count))])
    }

    func ended(_ socket: DatagramSocket) {
        socket.sender.end()
        let wasOverloaded = isOverloaded
        sockets.removeAll { $0 === socket }
        if isOverloaded != wasOverloaded { report(.overload(isOverloaded)) }
    }
}
