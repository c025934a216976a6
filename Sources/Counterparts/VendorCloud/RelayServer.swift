import CloudCore
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP2
import NIOPosix
import NIOSSL
import NIOTLS
import Primitives
import TLS

/// The relay: uplinks of appliances, the public port of their clients, and the service port of the vendor's own servers.
///
/// It forwards ciphertext; TLS of the clients ends in the appliance. Only location records are kept, in memory (F-S5).
final class RelayServer: Sendable {
    static let uplinkProtocol = "pbx-uplink/1"

    private struct State {
        var core: RelayCore
        var uplinks: [UplinkID: Uplink] = [:]
        var streams: [UplinkID: Int] = [:]
        var listeners: [any Channel] = []
        var children: [ObjectIdentifier: any Channel] = [:]
    }

    private let state: NIOLockedValueBox<State>
    private let limits: CloudLimits
    /// What is passed on to; of the remote access server `admin` alone.
    private let services: [UplinkService]
    /// Told of who comes through the service port, before the way opens (F-C11).
    private let accessed: (@Sendable (IPAddress) throws -> Void)?
    private let group: any EventLoopGroup
    private let log: MessageLog
    private let logger: Logger

    init(
        limits: CloudLimits, services: [UplinkService] = UplinkService.allCases.filter { $0 != .admin },
        accessed: (@Sendable (IPAddress) throws -> Void)? = nil, group: any EventLoopGroup, log: MessageLog,
        logger: Logger
    ) {
        self.services = services
        self.accessed = accessed
        state = NIOLockedValueBox(State(core: RelayCore(limits: limits)))
        self.limits = limits
        self.group = group
        self.log = log
        self.logger = logger
    }

    /// The location record of a connected appliance.
    func location(serial: String) -> LocationRecord? { state.withLockedValue { $0.core.location(serial: serial) } }
    var refusedConnections: UInt64 { state.withLockedValue { $0.core.refusedConnections } }

    // MARK: Uplinks

    /// Listens for appliances. `tls` must require a client certificate and offer `uplinkProtocol` alone.
    func listenForUplinks(on listen: Endpoint, tls: NIOSSLContext) async throws -> Endpoint {
        try await bind(listen, autoRead: true, halfClosure: false) { channel in
            try channel.pipeline.syncOperations.addHandlers([
                NIOSSLServerHandler(context: tls), UplinkHandshakeHandler(relay: self),
            ])
        }
    }

    /// The handshake is complete: a connection with a device certificate and our protocol becomes an uplink.
    fileprivate func adopt(_ channel: any Channel, negotiated: String?) throws {
        guard negotiated == Self.uplinkProtocol, let subject = PeerCertificate.subjectOnLoop(of: channel),
            let serial = subject.serialNumber,
            let external = channel.remoteAddress.flatMap(Endpoint.init(socketAddress:))
        else { throw CloudRefusal.foreignIdentity }
        let uplink = try Uplink(adopting: channel)
        let id = try state.withLockedValue { state in
            let id = try state.core.uplinkUp(serial: serial, external: external)
            state.uplinks[id] = uplink
            return id
        }
        log.record(
            peer: serial, what: "uplink up",
            fields: [
                "externalAddress": .text("\(external.address)"), "externalPort": .integer(Int64(external.port)),
                "serial": .text(serial),
            ], bytes: 0)
        channel.closeFuture.whenComplete { [self] _ in
            state.withLockedValue { state in
                state.core.uplinkDown(id)
                state.uplinks[id] = nil
                state.streams[id] = nil
            }
            log.record(peer: serial, what: "uplink down", bytes: 0)
        }
        let logger = logger
        uplink.welcome(external).whenComplete { result in
            guard case .success(let status) = result, status.hasPrefix("2") else {
                logger.warning("appliance \(serial) did not take the welcome: \(result)")
                return channel.close(promise: nil)
            }
            logger.info("uplink of \(serial) from \(external)")
        }
    }

    // MARK: Clients

    /// The public port: any TLS client that names an appliance by SNI and a service by ALPN.
    func listenForClients(on listen: Endpoint) async throws -> Endpoint {
        try await bind(listen, autoRead: false, halfClosure: true) { [self] channel in
            let handler = PrefaceHandler(greeting: nil, regret: nil) { [self] bytes, _ in
                switch ClientHello.parse(bytes) {
                case .needsMore: return .needsMore
                case .invalid:
                    state.withLockedValue { $0.core.countRefusal() }
                    return .refuse(answer: nil)
                case .complete(let hello):
                    let route = state.withLockedValue { try? $0.core.route(hello) }
                    return route.map { .connect($0.0, $0.1, forwardFrom: 0) } ?? .refuse(answer: nil)
                }
            } open: { [self] id, service, client in
                open(id, service, for: client, names: true)
            }
            try channel.pipeline.syncOperations.addHandler(handler)
        }
    }

    /// The service port: the Control Center names a serial and a service by HTTP CONNECT. `tls` must require a client
    /// certificate; only the Control Center's role is served.
    func listenForServers(on listen: Endpoint, tls: NIOSSLContext) async throws -> Endpoint {
        try await bind(listen, autoRead: false, halfClosure: false) { [self] channel in
            let handler = PrefaceHandler(
                greeting: "HTTP/1.1 200 OK\r\n\r\n", regret: Self.answer("503 Service Unavailable")
            ) { [self] bytes, channel in
                decideService(bytes, channel)
            } open: { [self] id, service, client in
                open(id, service, for: client, names: false)
            }
            try channel.pipeline.syncOperations.addHandlers([NIOSSLServerHandler(context: tls), handler])
        }
    }

    private func decideService(_ bytes: [UInt8], _ channel: any Channel) -> PrefaceHandler.Decision {
        guard let subject = PeerCertificate.subjectOnLoop(of: channel), subject.serialNumber == nil,
            subject.organizationalUnit == PeerContext.controlCenterUnit
        else { return .refuse(answer: Self.answer("403 Forbidden")) }
        switch ServiceConnectRequest.parse(bytes) {
        case .needsMore: return .needsMore
        case .invalid: return .refuse(answer: Self.answer("400 Bad Request"))
        case .complete(let request, let headBytes):
            guard services.contains(request.service), accessed == nil || request.client != nil else {
                return .refuse(answer: Self.answer("404 Not Found"))
            }
            log.record(
                peer: nil, unit: subject.organizationalUnit, what: "CONNECT",
                fields: ["serial": .text(request.serial), "service": .text(request.service.rawValue)], bytes: 0)
            guard let id = state.withLockedValue({ $0.core.uplink(serial: request.serial) }) else {
                return .refuse(answer: Self.answer("404 Not Found"))
            }
            do {
                if let client = request.client { try accessed?(client) }
            } catch {
                logger.error("the access log cannot be written, so that nobody gets in: \(error)")
                return .refuse(answer: Self.answer("503 Service Unavailable"))
            }
            return .connect(id, request.service, forwardFrom: headBytes)
        }
    }

    private static func answer(_ status: String) -> String {
        "HTTP/1.1 \(status)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    }

    private func open(
        _ id: UplinkID, _ service: UplinkService, for client: any Channel, names: Bool
    ) -> EventLoopFuture<UplinkPipe> {
        let uplink = state.withLockedValue { state -> Uplink? in
            guard let uplink = state.uplinks[id], state.streams[id, default: 0] < limits.streamsPerUplink else {
                return nil
            }
            state.streams[id, default: 0] += 1
            return uplink
        }
        guard let uplink else {
            return client.eventLoop.makeFailedFuture(CloudRefusal.unavailable(what: "the appliance"))
        }
        let address = names ? client.remoteAddress.flatMap(Endpoint.init(socketAddress:)) : nil
        let opened = uplink.open(service, for: client, forwardedFor: address.map { "\($0)" })
        opened.whenComplete { [self] result in
            switch result {
            case .success(let pipe): pipe.channel.closeFuture.whenComplete { [self] _ in streamEnded(id) }
            case .failure: streamEnded(id)
            }
        }
        return opened
    }

    private func streamEnded(_ id: UplinkID) {
        state.withLockedValue { state in
            if let count = state.streams[id] { state.streams[id] = max(0, count - 1) }
        }
    }

    // MARK: Listening

    /// Half-closed connections are for plain TCP: where TLS ends here, its close_notify ends the connection.
    private func bind(
        _ listen: Endpoint, autoRead: Bool, halfClosure: Bool,
        _ initialise: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> Endpoint {
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(ChannelOptions.backlog, value: 256)
            .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(ChannelOptions.autoRead, value: autoRead)
            .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: halfClosure)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try admit(channel)
                    try initialise(channel)
                }
            }
            .bind(host: "\(listen.address)", port: Int(listen.port)).get()
        state.withLockedValue { $0.listeners.append(listener) }
        guard let endpoint = listener.localAddress.flatMap(Endpoint.init(socketAddress:)) else {
            throw ChannelError.unknownLocalAddress
        }
        return endpoint
    }

    /// Keeps account of accepted connections, to bound and to end them.
    private func admit(_ channel: any Channel) throws(CloudRefusal) {
        let key = ObjectIdentifier(channel)
        let limit = limits.relayConnections
        let isAdmitted = state.withLockedValue { state in
            guard state.children.count < limit else { return false }
            state.children[key] = channel
            return true
        }
        guard isAdmitted else { throw .tooMany(what: "connections", limit: limit) }
        channel.closeFuture.whenComplete { [self] _ in
            state.withLockedValue { _ = $0.children.removeValue(forKey: key) }
        }
    }

    /// Closes everything; location records go with their connections.
    func shutDown() async {
        let (listeners, children) = state.withLockedValue { ($0.listeners, Array($0.children.values)) }
        for channel in listeners { try? await channel.close().get() }
        for channel in children { channel.close(promise: nil) }
    }
}

/// Waits on an accepted uplink until TLS is complete; closes it when that takes too long or the peer is not an appliance.
private final class UplinkHandshakeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let relay: RelayServer
    private var timeout: Scheduled<Void>?

    init(relay: RelayServer) { self.relay = relay }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: .seconds(10)) { channel.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent {
            timeout?.cancel()
            do {
                try relay.adopt(context.channel, negotiated: negotiated)
            } catch {
                context.close(promise: nil)
            }
        }
        // An uplink that says it will send no more is of no use.
        if let event = event as? ChannelEvent, event == .inputClosed { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        timeout?.cancel()
        context.close(promise: nil)
    }
}
