package import NIOCore
import NIOPosix
package import NIOSSL
package import Primitives
package import SIPTransaction
import TLS

/// TCP and TLS: listeners, connections, and what is counted of them.
extension SIPTransport {
    /// Opens a connection (`.tcp`, or `.tls` with a context) and returns its flow once it is usable.
    ///
    /// `serverName` is the name sent in SNI and checked in the certificate; nil when the peer is known by address.
    package func connect(
        _ transport: SIPFlow.Transport, to remote: Endpoint, tls: NIOSSLContext? = nil, serverName: String? = nil
    ) async throws(SIPTransportError) -> SIPFlow {
        guard transport != .udp else { throw .cannotConnect(transport, remote, reason: "UDP has no connections") }
        if transport == .tls, tls == nil { throw .noTLS }
        do {
            let tls = transport == .tls ? tls : nil
            return try await openChannel(to: remote, tls: tls, serverName: serverName).flatMapThrowing { [self] in
                try register($0, transport: transport, origin: .dialled(nil))
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
        return try register(channel, transport: .tls, local: local, remote: remote, origin: .adopted)
    }

    func bindStreams(
        _ transport: SIPFlow.Transport, _ endpoint: Endpoint, tls: NIOSSLContext?
    ) async throws -> Endpoint {
        var bootstrap = ServerBootstrap(group: eventLoop)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 65_536, high: 524_288))
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    _ = try register(channel, transport: transport, origin: .accepted)
                }
            }
        if !endpoint.address.isV4 { bootstrap = bootstrap.serverChannelOption(.v6Only, value: 1) }
        let channel = try await bootstrap.bind(to: try endpoint.socketAddress).get()
        return try await eventLoop.submit { [self] in
            guard !isShutDown, let address = channel.localAddress, let local = Endpoint(address) else {
                channel.close(promise: nil)
                throw SIPTransportError.closed
            }
            listeners.append(channel)
            return local
        }.get()
    }

    /// A channel to `remote` on our loop, its handshake done; the whole within `Limits.sipConnectTime`.
    func openChannel(to remote: Endpoint, tls: NIOSSLContext?, serverName: String?) -> EventLoopFuture<any Channel> {
        let handshake = eventLoop.makePromise(of: Void.self)
        let limit = TimeAmount.nanoseconds(limits.sipConnectTime.wholeNanoseconds)
        let address: SocketAddress
        do {
            address = try remote.socketAddress
        } catch {
            handshake.succeed()
            return eventLoop.makeFailedFuture(error)
        }
        let connected = ClientBootstrap(group: eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.writeBufferWaterMark, value: .init(low: 65_536, high: 524_288))
            .connectTimeout(limit)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let tls else { return }
                    let handler = try NIOSSLClientHandler(context: tls, serverHostname: serverName)
                    try channel.pipeline.syncOperations.addHandlers(handler, HandshakeWaiter(handshake))
                }
            }
            .connect(to: address)
        guard tls != nil else {
            handshake.succeed()
            return connected
        }
        connected.whenFailure { handshake.fail($0) }
        return connected.flatMap { channel in
            let timeout = channel.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
            handshake.futureResult.whenComplete { result in
                timeout.cancel()
                if case .failure = result { channel.close(promise: nil) }
            }
            return handshake.futureResult.flatMapThrowing {
                guard let serverName, !ServerName.isProved(serverName, by: channel) else { return channel }
                channel.close(promise: nil)
                throw SIPTransportError.wrongName(serverName)
            }
        }
    }

    /// Where a connection comes from.
    enum Origin {
        case accepted, adopted
        /// By us; to the target of flows without connection if there is one.
        case dialled(ConnectionTarget?)
    }

    func register(
        _ channel: any Channel, transport: SIPFlow.Transport, local: Endpoint? = nil, remote: Endpoint? = nil,
        origin: Origin
    ) throws(SIPTransportError) -> SIPFlow {
        guard !isShutDown, let local = local ?? channel.localAddress.flatMap({ Endpoint($0) }),
            let remote = remote ?? channel.remoteAddress.flatMap({ Endpoint($0) })
        else {
            channel.close(promise: nil)
            throw .closed
        }
        var isAccepted = false
        var target: ConnectionTarget?
        var isOpenedByPeer = true
        switch origin {
        case .accepted: isAccepted = true
        case .adopted: break
        case .dialled(let wanted): (target, isOpenedByPeer) = (wanted, false)
        }
        if connections.count >= limits.sipConnections {
            try refuse(channel, .tooManyConnections)
        }
        if isAccepted, connections.count(from: remote.address) >= limits.sipConnectionsPerSource {
            try refuse(channel, .tooManyFromSource)
        }
        let flow = SIPFlow(
            transport: transport, local: local, remote: remote, connection: connections.nextNumber,
            peerName: target?.peerName)
        let handler = StreamHandler(transport: self, flow: flow, expectsFirstMessage: isOpenedByPeer)
        do {
            try channel.pipeline.syncOperations.addHandlers(
                IdleStateHandler(allTimeout: .nanoseconds(limits.sipConnectionIdle.wholeNanoseconds)), handler)
        } catch {
            channel.close(promise: nil)
            throw .closed
        }
        connections.insert(
            Connection(channel: channel, flow: flow, target: target, isCountedBySource: isAccepted))
        return flow
    }

    private func refuse(_ channel: any Channel, _ counter: SIPTransportCounter) throws(SIPTransportError) {
        report(.counted(counter))
        channel.close(promise: nil)
        throw .closed
    }

    /// The connection is gone, and with it every flow that was sent over it.
    func ended(_ flow: SIPFlow) {
        guard let number = flow.connection, let connection = connections.remove(number) else { return }
        report(.closed(flow))
        for user in connection.users { report(.closed(user)) }
    }
}

extension ChannelOption where Self == ChannelOptions.Types.SocketOption {
    /// IPV6_V6ONLY: the listener takes no IPv4 peers in IPv6 clothes.
    static var v6Only: Self { .init(level: .ipv6, name: .ipv6_v6only) }
}
