import AsyncHTTPClient
import Foundation
import HAL
import HALLinux
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Primitives
import Reactor

/// A real appliance on loopback, with a directory of its own; ports are picked by the system.
final class TestAppliance: Sendable {
    static let configuration = """
        sip: { listen: [ {transport: udp, address: 127.0.0.1, port: 0}, {transport: tcp, address: 127.0.0.1, port: 0},
                         {transport: tls, address: 127.0.0.1, port: 0} ] }
        media: { address: 127.0.0.1, ports: 42000-42099 }
        https: { listen: {address: 127.0.0.1, port: 0} }
        features: { echo: "600" }
        users: [ {extension: "100", name: Ada, password: secret} ]

        """

    let directory: String
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let pool = NIOThreadPool(numberOfThreads: 2)

    init() {
        // Short: the path of a Unix domain socket has room for 107 bytes.
        directory = "/tmp/pbx-\(UUID().uuidString.prefix(13))"
        pool.start()
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
        pool.shutdownGracefully { _ in }
        group.shutdownGracefully { _ in }
    }

    func write(_ configuration: String) throws -> String {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let path = "\(directory)/configuration.yaml"
        try configuration.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    func start(
        configuration: String? = TestAppliance.configuration, restart: @escaping @Sendable () -> Void = {}
    ) async throws -> RunningAppliance {
        let hal = try ProcessHAL.developmentIdentity(directory: directory)
        var options = ApplianceOptions(
            dataDirectory: directory, hal: hal, configurationPath: try configuration.map { try write($0) })
        options.restart = restart
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        return try await Appliance.start(options, group: group, pool: pool, logger: logger)
    }

    struct Answer {
        var status: Int
        var type: String
        var text: String
    }

    /// A request to the administration on the local socket.
    func request(_ method: HTTPMethod, _ path: String, _ body: String? = nil) async throws -> Answer {
        let socket = "\(directory)/pbxd.sock".replacingOccurrences(of: "/", with: "%2F")
        return try await send(method, "http+unix://\(socket)\(path)", body, headers: [:])
    }

    /// A request over HTTPS; the server's certificate comes from a root of its own, which the board keeps.
    func https(
        _ endpoint: Endpoint, _ path: String, token: String?
    ) async throws -> Answer {
        let root = try NIOSSLCertificate.fromPEMFile("\(directory)/development/vendor-root.pem")
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(root)
        let headers: HTTPHeaders = token.map { ["Authorization": "Bearer \($0)"] } ?? [:]
        return try await send(.GET, "https://\(endpoint)\(path)", nil, headers: headers, tls: tls)
    }

    private func send(
        _ method: HTTPMethod, _ url: String, _ body: String?, headers: HTTPHeaders, tls: TLSConfiguration? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = method
        request.headers = headers
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        return try await HTTPClient.withHTTPClient(configuration: configuration) { [request] client in
            let response = try await client.execute(request, timeout: .seconds(20))
            let bytes = try await response.body.collect(upTo: 1 << 22)
            return Answer(
                status: Int(response.status.code), type: response.headers.first(name: "Content-Type") ?? "",
                text: String(buffer: bytes))
        }
    }
}
