import AsyncHTTPClient
import CloudCore
import CloudMessages
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import OpenSSLCrypto
import Primitives
import TLS
import VendorCloud

/// A running vendor cloud on ports of the system's choice, with the certificates to talk to it.
struct CloudWorld: Sendable {
    static let serial = "PBX-0001"
    static var wall: UnixTime { UnixTime(seconds: Int64(Glibc.time(nil))) }

    let directory: String
    let listeners: [VendorCloudOptions.Listener: Endpoint]
    let material: Material
    /// The session of the user `CloudWorld.login`, an owner: requests to the web page carry it unless they have a cookie.
    var cookie = ""

    static let login = "olga"
    static let password = "a-password-for-tests"
    /// Of that password, with the least work there is: the real cost is for real passwords.
    static let verifier = Result {
        let salt = [UInt8](repeating: 7, count: 16)
        let hash = try Scrypt.derive(password: Secret(password), salt: salt, n: 2).withBytes { Hex.encode(Array($0)) }
        return "scrypt:2:\(Hex.encode(salt)):\(hash)"
    }

    /// An account in the data directory of a cloud that does not run yet.
    static func addAccount(
        _ directory: String, login: String = login, company: String = "Example", role: AccountRole = .owner
    ) throws {
        try AccountsFile(dataDirectory: directory).add(
            login: login, name: login, company: company, role: role, verifier: try verifier.get())
    }

    /// One PKI for all tests: making keys takes longer than most of them.
    struct Material: Sendable {
        let directory: String
        let rootPEM: String
        let root: Certificate

        static let shared: Result<Material, any Error> = Result { try Material() }

        private init() throws {
            directory = try makeTemporaryDirectory()
            let time = UnixTime(seconds: Int64(Glibc.time(nil)))
            root = try DevelopmentPKI.create(directory: directory + "/pki", at: time).root
            rootPEM = root.pem
        }

        var pkiDirectory: String { directory + "/pki" }

        func device(_ serial: String) throws -> TLSIdentity {
            let pki = try DevelopmentPKI.open(directory: pkiDirectory)
            let key = try ECDSAKey.generate()
            let chain = try pki.issueDevice(
                serial: serial, model: "Next", publicKey: key.publicKey,
                dnsNames: [RelayName.serverName(serial: serial)], at: UnixTime(seconds: Int64(Glibc.time(nil))))
            let keyPEM = try key.pem().withBytes { String(decoding: $0, as: UTF8.self) }
            return try TLSIdentity(chainPEM: chain.map(\.pem).joined(), keyPEM: keyPEM)
        }

        func controlCenter() throws -> TLSIdentity {
            let pki = try DevelopmentPKI.open(directory: pkiDirectory)
            let (chain, key) = try pki.load(role: DevelopmentPKI.controlCenterClient)
            let keyPEM = try key.pem().withBytes { String(decoding: $0, as: UTF8.self) }
            return try TLSIdentity(chainPEM: chain.map(\.pem).joined(), keyPEM: keyPEM)
        }
    }

    /// Runs the cloud while `body` does, and ends it.
    static func run(
        options change: (inout VendorCloudOptions) -> Void = { _ in },
        _ body: @Sendable @escaping (CloudWorld) async throws -> Void
    ) async throws {
        let material = try Material.shared.get()
        let directory = try makeTemporaryDirectory()
        var options = VendorCloudOptions(pkiDirectory: material.pkiDirectory, dataDirectory: directory)
        for listener in VendorCloudOptions.Listener.allCases { options.ports[listener] = 0 }
        change(&options)
        // A second run on one directory has it already.
        try? addAccount(options.dataDirectory)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server = try VendorCloudServer(options: options, logger: logger)
        let (readies, source) = AsyncStream.makeStream(of: VendorCloudServer.Ready.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { source.finish() }
                try await server.run { source.yield($0) }
            }
            for await ready in readies {
                var world = CloudWorld(directory: directory, listeners: ready.listeners, material: material)
                world.cookie = try await world.logIn()
                try await body(world)
                break
            }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private static func makeTemporaryDirectory() throws -> String {
        var template = Array("/tmp/vendorcloud-test-XXXXXX".utf8CString)
        guard let path = mkdtemp(&template) else { throw CancellationError() }
        return String(cString: path)
    }

    /// The cookie of a new session.
    func logIn(_ login: String = Self.login) async throws -> String {
        try await withClient(nil) { client in
            let body = Array(#"{"login":"\#(login)","password":"\#(Self.password)"}"#.utf8)
            let answer = try await client.send(
                .POST, .web, "/api/session", headers: ["content-type": "application/json"], body: body)
            guard answer.status == 200,
                let cookie = answer.headers.first(name: "set-cookie")?.split(separator: ";").first
            else { throw CancellationError() }
            return String(cookie)
        }
    }

    func endpoint(_ listener: VendorCloudOptions.Listener) -> Endpoint {
        listeners[listener] ?? Endpoint(address: .loopbackV4, port: 0)
    }

    /// An HTTP client with a certificate, or without one.
    func withClient<Value: Sendable>(
        _ identity: TLSIdentity?, _ body: (CloudClient) async throws -> Value
    ) async throws -> Value {
        let tls = try TLSConfigurations.client(identity: identity, rootPEM: material.rootPEM, alpn: ["http/1.1"])
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let value = try await body(CloudClient(world: self, client: client))
            try await client.shutdown()
            return value
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    func log(_ server: String) throws -> String { try text("logs/\(server).jsonl") }

    /// A file of the cloud's directory.
    func text(_ name: String) throws -> String {
        guard let file = fopen("\(directory)/\(name)", "r") else { throw CancellationError() }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = getc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Requests to the servers of a `CloudWorld`.
struct CloudClient: Sendable {
    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    let world: CloudWorld
    let client: HTTPClient

    func send(
        _ method: HTTPMethod, _ listener: VendorCloudOptions.Listener, _ path: String, headers: HTTPHeaders = [:],
        body: [UInt8]? = nil, announcing length: Int? = nil
    ) async throws -> Answer {
        let scheme = listener == .web ? "http" : "https"
        var request = HTTPClientRequest(url: "\(scheme)://\(world.endpoint(listener))\(path)")
        request.method = method
        request.headers = headers
        if listener == .web, headers["cookie"].isEmpty { request.headers.add(name: "cookie", value: world.cookie) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response = try await client.execute(request, timeout: .seconds(10))
        let content = try await response.body.collect(upTo: 1 << 22)
        return Answer(
            status: Int(response.status.code), headers: response.headers, body: Array(content.readableBytesView))
    }

    /// The body as it comes, until `enough`.
    func stream(_ path: String, until enough: (String) -> Bool) async throws -> String {
        var request = HTTPClientRequest(url: "http://\(world.endpoint(.web))\(path)")
        request.method = .GET
        request.headers.add(name: "cookie", value: world.cookie)
        let response = try await client.execute(request, timeout: .seconds(10))
        var text = ""
        for try await buffer in response.body {
            text += String(decoding: buffer.readableBytesView, as: UTF8.self)
            if enough(text) { break }
        }
        return text
    }
}
