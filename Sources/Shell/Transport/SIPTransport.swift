package import NIOCore
import NIOPosix
package import NIOSSL
package import Primitives
package import SIPTransaction

/// SIP over UDP, TCP and TLS on one event loop (RFC 3261 section 18, RFC 5626 keep-alives).
///
/// Delivers messages and closed flows to `sink` on the loop. Unless an `async` method, everything is called on the
/// loop. What is sent while the loop handles one event goes out in one system call where the socket allows it.
///
/// `@unchecked Sendable`: all mutable state is confined to `eventLoop`, which every method asserts.
package final class SIPTransport: @unchecked Sendable {
    package let eventLoop: any EventLoop
    let limits: Limits
    private let sink: @Sendable (SIPTransportEvent) -> Void
    private var datagramChannels: [(local: Endpoint, channel: any Channel)] = []
    private var listeners: [any Channel] = []
    private var connections: [UInt64: Connection] = [:]
    private var nextConnection: UInt64 = 1
    private var unflushed: [any Channel] = []
    private var unflushedConnections: [UInt64] = []
    private var isShutDown = false

    private struct Connection {
        let channel: any Channel
        let flow: SIPFlow
        var isUnflushed = false
    }

    package init(
        eventLoop: any EventLoop, limits: Limits = Limits(), sink: @escaping @Sendable (SIPTransportEvent) -> Void
    ) {
        self.eventLoop = eventLoop
        self.limits = limits
        self.sink = sink
    }

    /// Live TCP and TLS connections.
    package var connectionCount: Int {
        eventLoop.preconditionInEventLoop()
        return connections.count
    }

    // MARK: - Listening and connecting

    /// Binds a listener and returns the address it has; port 0 lets the system pick one. `tls` is needed for `.tls`.
    package func listen(
        _ transport: SIPFlow.Transport, on endpoint: Endpoint, tls: NIOSSLContext? = nil
    ) async throws(SIPTransportError) -> Endpoint {
        do {
            switch transport {
            case .udp: return try await bindDatagrams(endpoint)
            case .tcp: return try await bindStreams(.tcp, endpoint, tls: nil)
            case .tls:
                guard let tls else { throw SIPTransportError.noTLS }
                return try await bindStreams(.tls, endpoint, tls: tls)
            }
        } catch let error as SIPTransportError {
            throw error
        } catch {
            throw .cannotListen(transport, endpoint, reason: Self.reason(error))
        }
    }

    /// Opens a connection (`.tcp`, or `.tls` with a context) and returns its flow once it is usable.
    ///
    /// `serverName` is the name sent in SNI and checked in the certificate; nil when the peer is known by address.
    package func connect(
        _ transport: SIPFlow.Transport, to remote: Endpoint, tls: NIOSSLContext? = nil, serverName: String? = nil
    ) async throws(SIPTransportError) -> SIPFlow {
        guard transport != .udp else { throw .cannotConnect(transport, remote, reason: "UDP has no connections") }
        if transport == .tls, tls == nil { throw .noTLS }
        do {
            let handshake = eventLoop.makePromise(of: Void.self)
            let isTLS = transport == .tls
            let channel = try await ClientBootstrap(group: eventLoop)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connectTimeout(.seconds(10))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard isTLS, let tls else { return }
                        let handler = try NIOSSLClientHandler(context: tls, serverHostname: serverName)
                        try channel.pipeline.syncOperations.addHandlers(handler, HandshakeWaiter(handshake))
                    }
                }
                .connect(to: try remote.socketAddress).get()
            if isTLS { try await handshake.futureResult.get() } else { handshake.succeed() }
            return try await eventLoop.submit { [self] in
                try register(channel, transport: transport, expectsFirstMessage: false)
            }.get()
        } catch let error as SIPTransportError {
            throw error
        } catch {
            throw .cannotConnect(transport, remote, reason: Self.reason(error))
        }
    }

    /// Makes a byte stream that something else opened (a relay's stream, TLS already in its pipeline) a `tls` flow.
    ///
    /// The channel must live on `eventLoop`. Throws, and closes it, when there are too many connections or it is gone.
    package func adopt(_ channel: any Channel, local: Endpoint, remote: Endpoint) throws(SIPTransportError) -> SIPFlow {
        eventLoop.preconditionInEventLoop()
        return try register(channel, transport: .tls, local: local, remote: remote, expectsFirstMessage: true)
    }

    /// Closes all listeners and connections. Nothing is delivered afterwards.
    package func shutdown() async {
        let channels = try? await eventLoop.submit { [self] in
            isShutDown = true
            let channels = listeners + datagramChannels.map(\.channel) + connections.values.map(\.channel)
            (listeners, datagramChannels, connections) = ([], [], [:])
            return channels
        }.get()
        for channel in channels ?? [] { try? await channel.close().get() }
    }

    // MARK: - Sending

    /// Sends one message. Without a live connection for a stream flow, `.closed(flow)` is reported, never inline.
    package func send(_ bytes: [UInt8], on flow: SIPFlow) {
        eventLoop.preconditionInEventLoop()
        switch flow.transport {
        case .udp: sendDatagram(bytes, on: flow)
        case .tcp, .tls:
            guard let number = flow.connection, let connection = connections[number] else {
                eventLoop.execute { [self] in report(.closed(flow)) }
                return
            }
            guard connection.channel.isWritable else {
                report(.counted(.slowPeer))
                connection.channel.close(promise: nil)
                return
            }
            connection.channel.write(connection.channel.allocator.buffer(bytes: bytes), promise: nil)
            if !connection.isUnflushed {
                connections[number]?.isUnflushed = true
                unflushedConnections.append(number)
                flushLater(connection.channel)
            }
        }
    }

    /// Closes the connection behind a flow; nothing for UDP. `.closed` follows.
    package func close(_ flow: SIPFlow) {
        eventLoop.preconditionInEventLoop()
        guard let number = flow.connection else { return }
        connections[number]?.channel.close(promise: nil)
    }

    private func sendDatagram(_ bytes: [UInt8], on flow: SIPFlow) {
        let index =
            datagramChannels.firstIndex { $0.local == flow.local }
            ?? datagramChannels.firstIndex { $0.local.port == flow.local.port && $0.local.address.isUnspecified }
        guard let index, let remote = try? flow.remote.socketAddress, datagramChannels[index].channel.isWritable else {
            report(.counted(.unsendableDatagram))
            return
        }
        let channel = datagramChannels[index].channel
        let envelope = AddressedEnvelope(remoteAddress: remote, data: channel.allocator.buffer(bytes: bytes))
        channel.write(envelope, promise: nil)
        if !unflushed.contains(where: { $0 === channel }) { flushLater(channel) }
    }

    /// One flush at the end of this turn of the loop carries everything that was written in it.
    private func flushLater(_ channel: any Channel) {
        unflushed.append(channel)
        guard unflushed.count == 1 else { return }
        eventLoop.execute { [self] in
            let channels = unflushed
            unflushed.removeAll(keepingCapacity: true)
            for channel in channels { channel.flush() }
            for number in unflushedConnections { connections[number]?.isUnflushed = false }
            unflushedConnections.removeAll(keepingCapacity: true)
        }
    }

    // MARK: - Datagrams

    private func bindDatagrams(_ endpoint: Endpoint) async throws -> Endpoint {
        // One byte more than the limit, so that a longer datagram shows as such although the system cuts it.
        let slot = limits.sipMessageBytes + 1
        let wantsDestination = endpoint.address.isUnspecified
        let channel = try await DatagramBootstrap(group: eventLoop)
            .channelOption(.socketOption(.so_rcvbuf), value: 4 * 1024 * 1024)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: slot * 8))
            .channelOption(.datagramVectorReadMessageCount, value: 8)
            .channelOption(.maxMessagesPerRead, value: 8)
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramHandler(transport: self))
                }
            }
            .bind(to: try endpoint.socketAddress).get()
        if wantsDestination { try await channel.setOption(.receivePacketInfo, value: true).get() }
        return try await eventLoop.submit { [self] in
            guard !isShutDown, let address = channel.localAddress, let local = Endpoint(address) else {
                channel.close(promise: nil)
                throw SIPTransportError.closed
            }
            datagramChannels.append((local, channel))
            return local
        }.get()
    }

    func received(_ envelope: AddressedEnvelope<ByteBuffer>, on channel: any Channel) {
        guard let remote = Endpoint(envelope.remoteAddress),
            var local = channel.localAddress.flatMap({ Endpoint($0) })
        else { return }
        if local.address.isUnspecified, let info = envelope.metadata?.packetInfo,
            let destination = Endpoint(info.destinationAddress)
        {
            local.address = destination.address
        }
        guard envelope.data.readableBytes <= limits.sipMessageBytes else {
            report(.counted(.oversizedDatagram))
            return
        }
        let flow = SIPFlow(transport: .udp, local: local, remote: remote)
        report(.message(Array(envelope.data.readableBytesView), flow))
    }

    // MARK: - Streams

    private func bindStreams(
        _ transport: SIPFlow.Transport, _ endpoint: Endpoint, tls: NIOSSLContext?
    ) async throws -> Endpoint {
        let channel = try await ServerBootstrap(group: eventLoop)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 65_536, high: 524_288))
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    _ = try register(channel, transport: transport, expectsFirstMessage: true)
                }
            }
            .bind(to: try endpoint.socketAddress).get()
        return try await eventLoop.submit { [self] in
            guard !isShutDown, let address = channel.localAddress, let local = Endpoint(address) else {
                channel.close(promise: nil)
                throw SIPTransportError.closed
            }
            listeners.append(channel)
            return local
        }.get()
    }

    private func register(
        _ channel: any Channel, transport: SIPFlow.Transport, local: Endpoint? = nil, remote: Endpoint? = nil,
        expectsFirstMessage: Bool
    ) throws(SIPTransportError) -> SIPFlow {
        guard connections.count < limits.sipConnections else {
            report(.counted(.tooManyConnections))
            channel.close(promise: nil)
            throw .closed
        }
        guard !isShutDown, let local = local ?? channel.localAddress.flatMap({ Endpoint($0) }),
            let remote = remote ?? channel.remoteAddress.flatMap({ Endpoint($0) })
        else {
            channel.close(promise: nil)
            throw .closed
        }
        let number = nextConnection
        nextConnection += 1
        let flow = SIPFlow(transport: transport, local: local, remote: remote, connection: number)
        let handler = StreamHandler(transport: self, flow: flow, expectsFirstMessage: expectsFirstMessage)
        do {
            try channel.pipeline.syncOperations.addHandlers(
                IdleStateHandler(allTimeout: .nanoseconds(limits.sipConnectionIdle.wholeNanoseconds)), handler)
        } catch {
            channel.close(promise: nil)
            throw .closed
        }
        connections[number] = Connection(channel: channel, flow: flow)
        return flow
    }

    func ended(_ flow: SIPFlow) {
        guard let number = flow.connection, connections.removeValue(forKey: number) != nil else { return }
        report(.closed(flow))
    }

    func report(_ event: SIPTransportEvent) {
        guard !isShutDown else { return }
        sink(event)
    }

    private static func reason(_ error: any Error) -> String {
        if let error = error as? IOError { return error.description }
        return "\(error)"
    }
}
