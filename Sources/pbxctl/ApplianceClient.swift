import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Vectors

/// The running appliance, behind the Unix domain socket in its data directory.
struct ApplianceClient {
    static let socketName = "pbxd.sock"
    static let connectTimeout = TimeAmount.seconds(5)
    /// Backups and restores take their time.
    static let answerTimeout = TimeAmount.seconds(120)
    static let answerLimit = 64 * 1024 * 1024
    /// `sun_path` of unix(7), with its terminating zero.
    private static let socketPathLimit = 107

    enum Method: String {
        case get = "GET"
        case put = "PUT"
        case post = "POST"
        case delete = "DELETE"
    }

    enum Body {
        case json(JSONValue)
        case yaml([UInt8])
    }

    let socketPath: String

    init(dataDirectory: String) {
        socketPath = "\(dataDirectory)/\(Self.socketName)"
    }

    static var eventLoop: any EventLoop { HTTPClient.defaultEventLoopGroup.next() }

    /// Sends a request and returns the answer's JSON text. An error answer is thrown with its detail.
    func send(_ method: Method, _ path: String, _ body: Body? = nil) async throws(CommandFailure) -> [UInt8] {
        guard socketPath.utf8.count <= Self.socketPathLimit else {
            throw CommandFailure(
                .usage,
                "the path \(socketPath) is longer than a socket's name may be; name the data directory relatively")
        }
        var request = HTTPClientRequest(url: "http+unix://\(Self.percentEncoded(socketPath))\(path)")
        request.method = HTTPMethod(rawValue: method.rawValue)
        request.headers.add(name: "Host", value: "localhost")
        switch body {
        case .json(let value):
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: value.line))
        case .yaml(let bytes):
            request.headers.add(name: "Content-Type", value: "application/yaml")
            request.body = .bytes(ByteBuffer(bytes: bytes))
        case nil: break
        }
        let answer: (status: Int, bytes: [UInt8])
        do { answer = try await Self.exchange(request) } catch { throw failure(of: error) }
        guard (200..<300).contains(answer.status) else {
            throw CommandFailure(status: answer.status, detail: Self.problem(answer.bytes, status: answer.status))
        }
        return answer.bytes
    }

    private static func exchange(_ request: HTTPClientRequest) async throws -> (status: Int, bytes: [UInt8]) {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: connectTimeout))
        configuration.connectionPool.retryConnectionEstablishment = false
        return try await HTTPClient.withHTTPClient(configuration: configuration) { client in
            let response = try await client.execute(request, timeout: answerTimeout)
            let body = try await response.body.collect(upTo: answerLimit)
            return (Int(response.status.code), Array(body.readableBytesView))
        }
    }

    /// What the problem details (RFC 9457) say.
    private static func problem(_ bytes: [UInt8], status: Int) -> String {
        let fields = JSONValue.parse(bytes)?.object
        return fields?["detail"]?.text ?? fields?["title"]?.text ?? "the appliance answered with status \(status)"
    }

    private func failure(of error: any Error) -> CommandFailure {
        let hint = "is pbxd running with this data directory? Name it with --data or PBX_DATA"
        if let error = error as? IOError {
            if error.errnoCode == EACCES || error.errnoCode == EPERM {
                return CommandFailure(.refused, "no permission to use \(socketPath); run this as pbxd's user")
            }
            return CommandFailure(.unavailable, "nothing answers on \(socketPath) (\(Self.reason(error))); \(hint)")
        }
        guard let error = error as? HTTPClientError else { return CommandFailure(.general, "\(error)") }
        switch error {
        case .connectTimeout, .remoteConnectionClosed:
            return CommandFailure(.unavailable, "the connection to \(socketPath) broke (\(error.description)); \(hint)")
        case .deadlineExceeded, .readTimeout:
            return CommandFailure(
                .temporary,
                "no answer within \(Self.answerTimeout.nanoseconds / 1_000_000_000) s; the work may still go on")
        default: return CommandFailure(.general, "\(socketPath): \(error.description)")
        }
    }

    private static func reason(_ error: IOError) -> String { String(cString: strerror(error.errnoCode)) }

    private static func percentEncoded(_ path: String) -> String {
        path.utf8.map { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }
}
