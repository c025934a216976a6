import Hummingbird
import HummingbirdCore
import HummingbirdTLS
package import Logging
package import NIOCore
package import NIOSSL
package import Primitives
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The administration over HTTP: on a Unix domain socket (mode 0600, no further authentication) and over HTTPS with a
/// bearer token.
package final class AdminServer: Sendable {
    /// Connections at a time, per listener; further ones wait in the backlog.
    package static let connectionLimit = 32

    private let routes: AdminRoutes
    private let group: any EventLoopGroup
    private let logger: Logger
    private let tasks = Mutex<[Task<Void, Never>]>([])

    /// `firmware` is where a board takes updates; nil: it takes none.
    package init(
        backend: any AdminBackend, token: Secret, group: any EventLoopGroup, logger: Logger,
        firmware: FirmwareInbox? = nil
    ) {
        routes = AdminRoutes(backend: backend, token: token, firmware: firmware)
        self.group = group
        self.logger = logger
    }

    /// Serves on a socket file; one that a dead process left behind is replaced.
    package func listen(socketPath: String) async throws(AdminServerError) {
        unlink(socketPath)
        _ = try await serve(
            .http1(configuration: Self.channelConfiguration), at: .unixDomainSocket(path: socketPath), name: socketPath)
        chmod(socketPath, 0o600)
    }

    /// Serves HTTPS and returns the bound address.
    package func listen(https endpoint: Endpoint, tls: TLSConfiguration) async throws(AdminServerError) -> Endpoint {
        let server: HTTPServerBuilder
        do {
            server = try .tls(.http1(configuration: Self.channelConfiguration), tlsConfiguration: tls)
        } catch {
            throw AdminServerError(name: "\(endpoint)", reason: "\(error)")
        }
        let address = try await serve(
            server, at: .hostname("\(endpoint.address)", port: Int(endpoint.port)), name: "\(endpoint)")
        guard let address, let port = address.port.flatMap(UInt16.init(exactly:)) else { return endpoint }
        return Endpoint(address: endpoint.address, port: port)
    }

    /// Stops serving; requests under way are cut off.
    package func shutdown() async {
        let running = tasks.withLock { tasks in
            defer { tasks = [] }
            return tasks
        }
        for task in running { task.cancel() }
        for task in running { await task.value }
    }

    private static var channelConfiguration: HTTP1Channel.Configuration {
        HTTP1Channel.Configuration(
            idleTimeout: .seconds(60),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: 8_192, maxHeaderListSize: 32_768, maxHeaderFieldCount: 100))
    }

    private func serve(
        _ server: HTTPServerBuilder, at address: BindAddress, name: String
    ) async throws(AdminServerError) -> SocketAddress? {
        let bound = group.next().makePromise(of: SocketAddress?.self)
        let isBound = Mutex(false)
        let finish: @Sendable (Result<SocketAddress?, any Error>) -> Void = { result in
            let isFirst = isBound.withLock { done in
                defer { done = true }
                return !done
            }
            if isFirst { bound.completeWith(result) }
        }
        // What goes wrong with a request is in its answer; a cancelled connection at the end is no error.
        var quiet = logger
        quiet.logLevel = .critical
        let application = Application(
            router: routes.router, server: server,
            configuration: ApplicationConfiguration(
                address: address, serverName: nil, backlog: 64,
                availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionLimit)),
            onServerRunning: { channel in finish(.success(channel.localAddress)) },
            eventLoopGroupProvider: .shared(group), logger: quiet)
        let task = Task { [logger] in
            do {
                try await application.run()
                finish(.failure(CancellationError()))
                if !Task.isCancelled { logger.error("the administration on \(name) has stopped listening") }
            } catch {
                finish(.failure(error))
                if !Task.isCancelled { logger.error("the administration on \(name) has failed: \(error)") }
            }
        }
        tasks.withLock { $0.append(task) }
        do {
            return try await bound.futureResult.get()
        } catch {
            throw AdminServerError(name: name, reason: (error as? IOError)?.description ?? "\(error)")
        }
    }
}

/// A listener that could not be opened.
package struct AdminServerError: Error, Sendable, CustomStringConvertible {
    var name: String
    var reason: String
    package var description: String {
        "cannot serve the administration on \(name): \(reason); does another program hold it?"
    }
}
