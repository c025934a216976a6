import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL
import Primitives
import ServiceLifecycle
import TLS

/// One HTTP listener: a router behind TLS with client certificates, or plain on loopback for the web page.
struct CloudHTTPServer: Sendable {
    let application: Application<RouterResponder<PeerContext>>
    /// Completes with the bound address, or fails when the listener ended before.
    let bound: EventLoopFuture<Endpoint>
    private let promise: EventLoopPromise<Endpoint>

    init(
        name: String, listen: Endpoint, tls: TLSConfiguration?, router: Router<PeerContext>, idle: Duration,
        group: any EventLoopGroup, logger: Logger
    ) throws(VendorCloudError) {
        let promise = group.next().makePromise(of: Endpoint.self)
        self.promise = promise
        bound = promise.futureResult
        var logger = logger
        logger[metadataKey: "server"] = .string(name)
        // Hummingbird reports being cancelled, which is how we end, as errors; real ones are answered and logged by
        // `AnswerProblems`.
        logger.logLevel = .critical
        let plain = HTTPServerBuilder.http1(
            configuration: HTTP1Channel.Configuration(
                idleTimeout: TimeAmount(idle),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 8_192, maxHeaderListSize: 32_768, maxHeaderFieldCount: 100)))
        do {
            application = Application(
                router: router, server: try tls.map { try .tls(plain, tlsConfiguration: $0) } ?? plain,
                configuration: ApplicationConfiguration(
                    address: .hostname("\(listen.address)", port: Int(listen.port)), serverName: nil),
                onServerRunning: { channel in
                    if let endpoint = channel.localAddress.flatMap(Endpoint.init(socketAddress:)) {
                        promise.succeed(endpoint)
                    } else {
                        promise.fail(ChannelError.unknownLocalAddress)
                    }
                },
                eventLoopGroupProvider: .shared(group), logger: logger)
        } catch {
            promise.fail(error)
            throw .material("\(error)")
        }
    }

    /// How long requests under way may take to end after a cancellation; streams are cut off then.
    private static let farewell = Duration.seconds(1)

    /// Serves until cancelled.
    ///
    /// The cancellation is not handed on: it would end the loop that takes connections while some wait in it, and those
    /// must not be dropped unfinished. The listener closes first, what it has taken is ended in order.
    func run() async throws {
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(
                    service: application, successTerminationBehavior: .gracefullyShutdownGroup,
                    serviceName: "\(Self.self)")
            ], logger: application.logger)
        configuration.maximumGracefulShutdownDuration = Self.farewell
        let group = ServiceGroup(configuration: configuration)
        let serving = Task { try await group.run() }
        let result = await withTaskCancellationHandler {
            await serving.result
        } onCancel: {
            Task { await group.triggerGracefulShutdown() }
        }
        do {
            try result.get()
            promise.fail(ChannelError.ioOnClosedChannel)
        } catch {
            promise.fail(error)
            if !Task.isCancelled { throw error }
        }
    }
}

extension Endpoint {
    init?(socketAddress: SocketAddress) {
        guard let text = socketAddress.ipAddress, let address = IPAddress(text), let port = socketAddress.port else {
            return nil
        }
        self.init(address: address, port: UInt16(truncatingIfNeeded: port))
    }
}
