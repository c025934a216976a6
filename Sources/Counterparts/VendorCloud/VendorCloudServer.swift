import AsyncHTTPClient
import CloudCore
import CloudWire
import Hummingbird
import LogPolicy
package import Logging
import NIOCore
import NIOPosix
import NIOSSL
package import Primitives
import TLS

/// Every vendor server of FLOWS.md section 1 that is built by now, in one process: relay, Control Center, monitoring, backup,
/// update, crash reports, remote access.
package struct VendorCloudServer: Sendable {
    /// What the ready line on standard output says.
    package struct Ready: Sendable {
        package var listeners: [VendorCloudOptions.Listener: Endpoint]

        /// `{"event":"ready","listeners":{"relay":"127.0.0.1:7443",…}}`
        package var jsonLine: String {
            struct Line: Encodable {
                var event = "ready"
                var listeners: [String: String]
            }
            let names = Dictionary(uniqueKeysWithValues: listeners.map { ($0.key.rawValue, "\($0.value)") })
            let json = (try? WireJSON.encode(Line(listeners: names), what: "ready line")) ?? []
            return String(decoding: json, as: UTF8.self)
        }
    }

    private let options: VendorCloudOptions
    private let logger: Logger
    private let identities: CloudIdentities

    package init(options: VendorCloudOptions, logger: Logger) throws {
        self.options = options
        self.logger = logger
        identities = try CloudIdentities(directory: options.pkiDirectory)
        try ServerFiles.makeDirectory("\(options.dataDirectory)/logs")
    }

    /// Serves until the task is cancelled. `ready` is called once, when all listeners are bound; throws when one cannot be.
    package func run(ready: @Sendable (Ready) async -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let relay = RelayServer(
            limits: options.limits, group: group, log: try messageLog("relay"), logger: logger)
        let client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: try clientConfiguration())
        let access = try AccessLogKeeper(file: AccessLogFile(path: "\(options.dataDirectory)/remote-access-log.json"))
        let remote = RelayServer(
            limits: options.limits, services: [.admin], accessed: { try access.append($0) }, group: group,
            log: try messageLog("remote-access"), logger: logger)
        do {
            try await serve(relay: relay, remote: remote, access: access, client: client, group: group, ready: ready)
        } catch is CancellationError {
        } catch {
            await end(relays: [relay, remote], client: client, group: group)
            throw error
        }
        await end(relays: [relay, remote], client: client, group: group)
    }

    private func end(relays: [RelayServer], client: HTTPClient, group: MultiThreadedEventLoopGroup) async {
        for relay in relays { await relay.shutDown() }
        try? await client.shutdown()
        try? await group.shutdownGracefully()
    }

    private func serve(
        relay: RelayServer, remote: RelayServer, access: AccessLogKeeper, client: HTTPClient,
        group: MultiThreadedEventLoopGroup, ready: @Sendable (Ready) async -> Void
    ) async throws {
        var listeners: [VendorCloudOptions.Listener: Endpoint] = [:]
        listeners[.relay] = try await binding(.relay) {
            try await relay.listenForUplinks(
                on: $0, tls: try context(identities.relay, alpn: [RelayServer.uplinkProtocol]))
        }
        listeners[.publicPort] = try await binding(.publicPort) { try await relay.listenForClients(on: $0) }
        let service = try await binding(.relayService) {
            try await relay.listenForServers(on: $0, tls: try context(identities.relay, alpn: []))
        }
        listeners[.relayService] = service

        listeners[.remoteAccess] = try await binding(.remoteAccess) {
            try await remote.listenForUplinks(
                on: $0, tls: try context(identities.remoteAccess, alpn: [RelayServer.uplinkProtocol]))
        }
        let remoteService = try await binding(.remoteAccessService) {
            try await remote.listenForServers(on: $0, tls: try context(identities.remoteAccess, alpn: []))
        }
        listeners[.remoteAccessService] = remoteService

        let controlCenter = try makeControlCenter(relay: options.relayService ?? service, group: group)
        let accounts = try Accounts(
            file: AccountsFile(dataDirectory: options.dataDirectory), limits: options.limits)
        let backup = try BackupServer(
            files: try BackupFiles(directory: "\(options.dataDirectory)/backups"), limits: options.limits,
            log: try messageLog("backup"), logger: logger)
        let monitoring = MonitoringServer(limits: options.limits, log: try messageLog("monitoring"), logger: logger)
        monitoring.expireNowAndThen(on: group.next())
        let backupHTTP = try http(.backup, identities.backup, backup.router, group)
        let monitoringHTTP = try http(.monitoring, identities.monitoring, monitoring.router, group)
        let centerHTTP = try http(.controlCenter, identities.controlCenter, controlCenter.applianceRouter, group)
        let update = UpdateServer(
            directory: UpdatePublisher.directory(options.dataDirectory), limits: options.limits,
            log: try messageLog("update"), logger: logger)
        let crash = CrashServer(limits: options.limits, log: try messageLog("crash"), logger: logger)
        let open: [(VendorCloudOptions.Listener, CloudHTTPServer)] = [
            (.update, try http(.update, identities.update, update.router, group, asksForClient: false)),
            (.crash, try http(.crash, identities.crash, crash.router, group, asksForClient: false)),
        ]

        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await access.sweep() }
            for server in [backupHTTP, monitoringHTTP, centerHTTP] + open.map(\.1) {
                tasks.addTask { try await server.run() }
            }
            tasks.addTask { await controlCenter.run() }
            let backupEndpoint = try await binding(.backup) { _ in try await backupHTTP.bound.get() }
            let monitoringEndpoint = try await binding(.monitoring) { _ in try await monitoringHTTP.bound.get() }
            listeners[.backup] = backupEndpoint
            listeners[.monitoring] = monitoringEndpoint
            for (listener, server) in open {
                listeners[listener] = try await binding(listener) { _ in try await server.bound.get() }
            }
            listeners[.controlCenter] = try await binding(.controlCenter) { _ in try await centerHTTP.bound.get() }
            let web = WebAPI(
                controlCenter: controlCenter, accounts: accounts, client: client, monitoring: monitoringEndpoint,
                backup: backupEndpoint,
                remote: RemoteConfiguration(
                    controlCenter: controlCenter, client: try relayClient(to: remoteService, group: group)),
                logger: logger)
            let webHTTP = try http(.web, nil, web.router, group)
            tasks.addTask { try await webHTTP.run() }
            listeners[.web] = try await binding(.web) { _ in try await webHTTP.bound.get() }
            await ready(Ready(listeners: listeners))
            // The first server that ends, ends all.
            try await tasks.next()
            tasks.cancelAll()
        }
    }

    private func makeControlCenter(relay: Endpoint, group: any EventLoopGroup) throws -> ControlCenter {
        let file = ControlCenterFile(path: "\(options.dataDirectory)/control-center.json")
        let client = try relayClient(to: relay, group: group)
        let core = ControlCenterCore(
            records: try file.load(), limits: options.limits, minimumFirmware: options.minimumFirmware,
            at: ServerClock.now)
        return ControlCenter(
            core: core, file: file, relay: client, identities: identities, log: try messageLog("control-center"),
            logger: logger, loop: group.next())
    }

    private func relayClient(to relay: Endpoint, group: any EventLoopGroup) throws -> RelayClient {
        RelayClient(
            relay: relay, outer: try clientContext(alpn: []), inner: try clientContext(alpn: ["http/1.1"]), group: group
        )
    }

    private func messageLog(_ server: String) throws -> MessageLog {
        try MessageLog(directory: "\(options.dataDirectory)/logs", server: server)
    }

    private func http(
        _ listener: VendorCloudOptions.Listener, _ identity: TLSIdentity?, _ router: Router<PeerContext>,
        _ group: any EventLoopGroup, asksForClient: Bool = true
    ) throws -> CloudHTTPServer {
        let tls = try identity.map {
            try TLSConfigurations.server(
                identity: $0, clientRootPEM: asksForClient ? identities.rootPEM : nil, requireClient: asksForClient,
                alpn: ["http/1.1"])
        }
        return try CloudHTTPServer(
            name: listener.rawValue, listen: listen(listener), tls: tls, router: router,
            idle: options.limits.requestIdle, group: group,
            logger: logger)
    }

    private func listen(_ listener: VendorCloudOptions.Listener) -> Endpoint {
        Endpoint(address: options.bindAddress, port: options.port(listener))
    }

    private func binding(
        _ listener: VendorCloudOptions.Listener, _ bind: (Endpoint) async throws -> Endpoint
    ) async throws -> Endpoint {
        do {
            return try await bind(listen(listener))
        } catch let error as IOError {
            throw VendorCloudError.bind(
                listener: listener.rawValue, address: "\(listen(listener))", reason: error.description)
        }
    }

    /// A listener that only certificates below the vendor root get through.
    private func context(_ identity: TLSIdentity, alpn: [String]) throws -> NIOSSLContext {
        try TLSConfigurations.context(
            TLSConfigurations.server(
                identity: identity, clientRootPEM: identities.rootPEM, requireClient: true, alpn: alpn))
    }

    private func clientContext(alpn: [String]) throws -> NIOSSLContext {
        try TLSConfigurations.context(
            TLSConfigurations.client(
                identity: identities.controlCenterClient, rootPEM: identities.rootPEM, alpn: alpn))
    }

    private func clientConfiguration() throws -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: try TLSConfigurations.client(
                identity: identities.controlCenterClient, rootPEM: identities.rootPEM, alpn: ["http/1.1"]))
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(5)
        return configuration
    }
}
