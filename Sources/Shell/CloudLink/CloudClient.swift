import AsyncHTTPClient
import CloudWire
import HAL
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import OpenSSLCrypto
import Primitives
import PrivacyContract
import TLS

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// HTTPS towards the vendor's servers: HAL key, pinned root, time-outs, bounded answers, bytes counted.
struct CloudClient: Sendable {
    static let connectTimeout = TimeAmount.seconds(10)
    static let answerTimeout = TimeAmount.seconds(30)
    /// A whole upload or download of a backup.
    static let transferTimeout = TimeAmount.minutes(60)
    /// The largest answer that is read: a list of backups.
    static let answerLimit = 262_144

    private let http: HTTPClient
    /// Without the device's certificate, which names the serial number: for flows that do not declare one.
    private let anonymous: HTTPClient
    private let root: Certificate?
    let configuration: CloudLinkConfiguration
    let pool: NIOThreadPool

    init(
        identity: TLSIdentity, rootPEM: String, configuration: CloudLinkConfiguration, eventLoop: any EventLoop,
        pool: NIOThreadPool
    ) throws(TLSError) {
        http = try Self.client(identity, rootPEM: rootPEM, eventLoop)
        anonymous = try Self.client(nil, rootPEM: rootPEM, eventLoop)
        root = try? Certificate(pem: rootPEM)
        self.configuration = configuration
        self.pool = pool
    }

    private static func client(
        _ identity: TLSIdentity?, rootPEM: String, _ eventLoop: any EventLoop
    ) throws(TLSError) -> HTTPClient {
        var settings = HTTPClient.Configuration(
            tlsConfiguration: try TLSConfigurations.client(identity: identity, rootPEM: rootPEM, alpn: ["http/1.1"]),
            redirectConfiguration: .disallow,
            timeout: .init(connect: Self.connectTimeout, read: Self.answerTimeout),
            connectionPool: .init(idleTimeout: .seconds(15)))
        settings.httpVersion = .http1Only
        // The core's back-off decides when to try again.
        settings.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .shared(eventLoop), configuration: settings)
    }

    func shutdown() async {
        try? await http.shutdown()
        try? await anonymous.shutdown()
    }

    /// F-S2 and F-S10 declare no serial number, so that no certificate may say it either (X16).
    private func client(for flow: FlowID) -> HTTPClient { flow == .s2 || flow == .s10 ? anonymous : http }

    /// One message to its server. Returns what the answer means, and the application bytes handed to TLS.
    func execute(_ message: OutboundMessage, under permit: Permit, server: String) async -> (CloudReply, Int64) {
        var bytes: Int64 = 0
        do {
            var digest: [UInt8]?
            if case .artifact(let name, _)? = message[.ciphertext] {
                digest = try await ArtifactFile(path: path(of: name), pool: pool).sha256()
            }
            let request = try HTTPMapping.request(
                for: message, at: configuration.clock.wallTime(), artifactSHA256: digest)
            if case .bundle(let manifest)? = message[.version] {
                let download = BundleDownload(client: self, manifest: manifest)
                return (try await download.run(request, under: permit, server: server, counting: &bytes), bytes)
            }
            let answer: Answer
            if case .artifact(let name, let size) = request.body {
                let upload = ArtifactUpload(
                    client: self, file: ArtifactFile(path: path(of: name), pool: pool), size: size)
                answer = try await upload.run(request, under: permit, server: server, counting: &bytes)
            } else {
                answer = try await send(request, under: permit, server: server, counting: &bytes)
            }
            if message.flow == .s2, answer.status == 200 {
                let now = configuration.clock.wallTime()
                return (SignedManifest.reply(answer.body, root: root, at: now), bytes)
            }
            let reply = HTTPMapping.reply(
                status: answer.status, headers: answer.headers, body: answer.body, for: message.flow)
            return (reply, bytes)
        } catch let error as CloudWireError {
            return (.unreachable("not sent: \(error)"), bytes)
        } catch {
            return (.unreachable(Self.reason(error)), bytes)
        }
    }

    struct Answer {
        var status: Int
        var headers: [WireHeader]
        var body: [UInt8]
    }

    /// A request whose body is in memory.
    func send(
        _ request: CloudHTTPRequest, under permit: Permit, server: String, counting bytes: inout Int64
    ) async throws -> Answer {
        var body: ByteBuffer?
        if case .bytes(let content) = request.body { body = ByteBuffer(bytes: content) }
        let size = Int64(body?.readableBytes ?? 0)
        var wire = Self.wireRequest(request, server: server)
        if let body { wire.body = .bytes(body) }
        do {
            let answer = try await exchange(wire, under: permit, timeout: Self.answerTimeout)
            bytes += Self.headBytes(request, server: server, bodyBytes: size) + size
            return answer
        } catch {
            if !Self.happensBeforeSending(error) {
                bytes += Self.headBytes(request, server: server, bodyBytes: size) + size
            }
            throw error
        }
    }

    /// The permit is not looked at again: without one this cannot be written.
    func exchange(_ request: HTTPClientRequest, under permit: Permit, timeout: TimeAmount) async throws -> Answer {
        let response = try await client(for: permit.flow).execute(request, timeout: timeout)
        let body = try await response.body.collect(upTo: Self.answerLimit)
        return Answer(
            status: Int(response.status.code), headers: response.headers.map { WireHeader($0.name, $0.value) },
            body: Array(body.readableBytesView))
    }

    /// As `exchange`, with a body that is read as it comes.
    func begin(_ request: HTTPClientRequest, under permit: Permit) async throws -> HTTPClientResponse {
        try await client(for: permit.flow).execute(request, timeout: Self.transferTimeout)
    }

    func fetch(
        _ object: BackupObject, under permit: Permit, server: String, counting bytes: inout Int64
    ) async throws(BackupFetchError) -> FetchedObject {
        let (kind, id) =
            switch object {
            case .backup(let id): ("backups", id)
            case .key(let id): ("backup-keys", id)
            }
        guard WireLimits().isIdentifier(id) else { throw .invalidName(id) }
        let request = CloudHTTPRequest(method: "GET", path: "/v1/\(kind)/\(id)")
        let size = Self.headBytes(request, server: server, bodyBytes: 0)
        do {
            let wire = Self.wireRequest(request, server: server)
            let response: HTTPClientResponse
            do {
                response = try await http.execute(wire, timeout: Self.transferTimeout)
                bytes = size
            } catch {
                if !Self.happensBeforeSending(error) { bytes = size }
                throw error
            }
            guard response.status == .ok else {
                let body = try await response.body.collect(upTo: Self.answerLimit)
                let problem = try? WireJSON.decode(
                    ProblemDetails.self, from: Array(body.readableBytesView), limit: Self.answerLimit, what: "problem")
                throw BackupFetchError.refused(
                    status: Int(response.status.code), detail: problem?.detail ?? "without an explanation")
            }
            let body = try await response.body.collect(upTo: configuration.limits.backupBytes)
            return FetchedObject(
                bytes: Array(body.readableBytesView), keyID: response.headers.first(name: BackupHeaders.keyID))
        } catch let error as BackupFetchError {
            throw error
        } catch {
            throw .unreachable(Self.reason(error))
        }
    }

    private func path(of artifact: String) -> String { "\(configuration.artifactDirectory)/\(artifact)" }

    static func wireRequest(_ request: CloudHTTPRequest, server: String) -> HTTPClientRequest {
        var wire = HTTPClientRequest(url: server + request.path)
        wire.method = HTTPMethod(rawValue: request.method)
        for header in request.headers { wire.headers.add(name: header.name, value: header.value) }
        return wire
    }

    /// Request line and header fields as HTTP/1.1 writes them, Host and Content-Length included.
    static func headBytes(_ request: CloudHTTPRequest, server: String, bodyBytes: Int64) -> Int64 {
        var count = "\(request.method) \(request.path) HTTP/1.1\r\n".utf8.count
        count += "host: \(server.dropFirst("https://".count))\r\n".utf8.count
        if bodyBytes > 0 { count += "content-length: \(bodyBytes)\r\n".utf8.count }
        for header in request.headers { count += "\(header.name): \(header.value)\r\n".utf8.count }
        return Int64(count + 2)
    }

    /// True when no application byte can have left: no connection, or no handshake.
    static func happensBeforeSending(_ error: any Error) -> Bool {
        if let error = error as? HTTPClientError {
            return error == .connectTimeout || error == .tlsHandshakeTimeout || error == .invalidURL
        }
        if let error = error as? IOError {
            return [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT, EADDRNOTAVAIL].contains(error.errnoCode)
        }
        if case .handshakeFailed? = error as? NIOSSLError { return true }
        return error is NIOConnectionError || error is ArtifactFile.Unreadable
    }

    /// For the administrator: which kind of failure, not a dump of it.
    static func reason(_ error: any Error) -> String {
        if let error = error as? HTTPClientError { return error.description }
        return String("\(error)".prefix(300))
    }
}
