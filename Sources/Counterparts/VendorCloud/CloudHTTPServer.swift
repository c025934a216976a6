import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL
import Primitives
import TLS

/// One HTTP listener: a router behind TLS with client certificates, or plain on loopback for the web page.
struct CloudHTTPServer: Sendable {
    let application: Application<RouterResponder<PeerContext>>
    /// Completes with the bound address, or fails when the listener ended before.
    let bound: EventLoopFuture<Endpoint>
    private let promise: EventLoopPromise<Endpoint>

    init(
        name: String, listen: Endpoint, tls: TLSConfiguration?, router: Router<PeerContext>, group: any EventLoopGroup,
        logger: Logger
    ) throws(VendorCloudError) {
        let promise = group.next().makePromise(of: Endpoint.self)
        self.promise = promise
        bound = promise.futureResult
        var logger = logger
        logger[metadataKey: "server"] = .string(name)
        // Hummingbird reports being cancelled, which is how we end, as errors; real ones are answered and logged by
        // `AnswerProblems`.
        logger.logLevel = .critical
        do {
            application = Application(
                router: router, server: try tls.map { try .tls(.http1(), tlsConfiguration: $0) } ?? .http1(),
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

    func run() async throws {
        do {
            try await application.run()
            promise.fail(ChannelError.ioOnClosedChannel)
        } catch {
            promise.fail(error)
            throw error
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
