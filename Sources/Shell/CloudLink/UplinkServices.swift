import HummingbirdCore
import Logging
import NIOCore
import NIOSSL
import Primitives
import TLS

/// The appliance's services on the uplink, each behind its own end-to-end TLS: the relay forwards ciphertext only.
struct UplinkServices: Sendable {
    /// `:authority` of a CONNECT; `admin` belongs to the remote access server's uplink and to no other.
    enum Service: String, Sendable, Hashable { case pairing, control, provisioning, sips, admin }

    static let controlCenterUnit = "control-center"

    /// Client certificate required.
    private let controlTLS: NIOSSLContext
    private let provisioningTLS: NIOSSLContext
    private let sipTLS: NIOSSLContext
    private let adoptSIP: @Sendable (any Channel, Endpoint) -> Void
    private let responder: ServiceResponder
    private let logger: Logger
    private var offered: [Service] = [.pairing, .control, .provisioning, .sips]

    init(
        identity: TLSIdentity, rootPEM: String, configuration: CloudLinkConfiguration, responder: ServiceResponder,
        logger: Logger
    ) throws(TLSError) {
        controlTLS = try TLSConfigurations.context(
            TLSConfigurations.server(
                identity: identity, clientRootPEM: rootPEM, requireClient: true, alpn: ["http/1.1"]))
        provisioningTLS = try TLSConfigurations.context(
            TLSConfigurations.server(identity: identity, clientRootPEM: nil, requireClient: false, alpn: ["http/1.1"]))
        sipTLS = try TLSConfigurations.context(
            TLSConfigurations.server(identity: identity, clientRootPEM: nil, requireClient: false, alpn: ["sip/2"]))
        adoptSIP = configuration.adoptSIP
        self.responder = responder
        self.logger = logger
    }

    /// The same with other services.
    func offering(_ services: [Service]) -> Self {
        var copy = self
        copy.offered = services
        return copy
    }

    /// The service of that name, if this uplink offers it.
    func service(named name: String) -> Service? {
        Service(rawValue: name).flatMap { offered.contains($0) ? $0 : nil }
    }

    /// Makes the stream's pipeline: TLS, then the service. `client` is who connects, as the relay says.
    func install(_ service: Service, on channel: any Channel, relay: Endpoint?, client: IPAddress?) throws {
        let context =
            switch service {
            case .pairing, .control, .admin: controlTLS
            case .provisioning: provisioningTLS
            case .sips: sipTLS
            }
        let established = AfterHandshake { channel, _ in
            switch service {
            case .pairing, .control:
                guard PeerCertificate.subjectOnLoop(of: channel)?.organizationalUnit == Self.controlCenterUnit else {
                    throw UplinkError("the client is not the Control Center")
                }
                try serve(service, on: channel, client: client)
            case .provisioning: try serve(service, on: channel, client: client)
            case .admin:
                guard PeerCertificate.subjectOnLoop(of: channel)?.organizationalUnit == Self.controlCenterUnit else {
                    throw UplinkError("the client is not the Control Center")
                }
                try serveSession(on: channel)
            case .sips:
                // The client's address, so that what one client does wrong is held against that client alone. Flows
                // stay distinct by their connection.
                adoptSIP(channel, Endpoint(address: client ?? relay?.address ?? .v4(0), port: relay?.port ?? 0))
            }
        }
        try channel.pipeline.syncOperations.addHandlers(NIOSSLServerHandler(context: context), established)
    }

    /// A connection is a session; its bytes are counted where they are still readable, so that the ledger has each.
    private func serveSession(on channel: any Channel) throws {
        let counter = OutboundByteCounter()
        try channel.pipeline.syncOperations.addHandler(counter.handler)
        let session = AdminSession(responder: responder, counter: counter)
        let http = HTTP1Channel(
            responder: { request, writer, channel in try await session.respond(to: request, on: channel, writer) },
            configuration: .init(
                idleTimeout: .seconds(120),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 8_192, maxHeaderListSize: 32_768, maxHeaderFieldCount: 100)))
        let logger = logger
        http.setup(channel: channel, logger: logger).whenSuccess { value in
            Task { await http.handle(value: value, logger: logger) }
        }
    }

    private func serve(_ service: Service, on channel: any Channel, client: IPAddress?) throws {
        let responder = responder
        let http = HTTP1Channel(
            responder: { request, writer, channel in
                try await responder.respond(to: request, service: service, client: client, channel: channel, writer)
            },
            configuration: .init(
                idleTimeout: .seconds(120),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 8_192, maxHeaderListSize: 32_768, maxHeaderFieldCount: 100)))
        let logger = logger
        http.setup(channel: channel, logger: logger).whenSuccess { value in
            Task { await http.handle(value: value, logger: logger) }
        }
    }
}
