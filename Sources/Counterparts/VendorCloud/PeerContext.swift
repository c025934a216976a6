import CloudCore
import CloudWire
import Hummingbird
import Logging
import NIOCore
import TLS

/// A request with the certificate subject of whoever sent it.
struct PeerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// Set by `IdentifyPeer`; nil on plain connections.
    var peer: PeerSubject?

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// The role of a vendor server that calls as a client.
    static let controlCenterUnit = "control-center"

    var isControlCenter: Bool { peer?.organizationalUnit == Self.controlCenterUnit && peer?.serialNumber == nil }

    /// The appliance that sends this, by its certificate alone (X9).
    func applianceSerial() throws(CloudRefusal) -> String {
        guard let serial = peer?.serialNumber, CloudNames.isIdentifier(serial) else { throw .foreignIdentity }
        return serial
    }

    /// Whose data the request is about: an appliance's own, or for the Control Center the one named by `?serial=`.
    func subjectSerial(of request: Request) throws(CloudRefusal) -> String {
        let named = request.uri.queryParameters["serial"].map { String($0) }
        if isControlCenter {
            guard let named, CloudNames.isIdentifier(named) else {
                throw .invalid(what: "query", reason: "name the appliance by ?serial=")
            }
            return named
        }
        let own = try applianceSerial()
        guard named == nil || named == own else { throw .foreignIdentity }
        return own
    }
}

/// Reads the peer's certificate from the connection, once per request.
struct IdentifyPeer: RouterMiddleware {
    func handle(
        _ request: Request, context: PeerContext, next: (Request, PeerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.peer = try await PeerCertificate.subject(of: context.channel).get()
        return try await next(request, context)
    }
}

/// Answers every refusal as RFC 9457 problem details.
struct AnswerProblems: RouterMiddleware {
    typealias Context = PeerContext

    let logger: Logger

    func handle(
        _ request: Request, context: PeerContext, next: (Request, PeerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let refusal as CloudRefusal {
            return .problem(refusal)
        } catch let error as CloudWireError {
            let status = if case .bodyTooLarge = error { 413 } else { 400 }
            return .problem(status: status, title: "Request not understood", detail: "\(error)")
        } catch let error as HTTPError {
            return .problem(
                status: error.status.code, title: error.status.reasonPhrase,
                detail: error.body ?? "\(request.method.rawValue) \(request.uri.path) is not served here")
        } catch let error as ServerFiles.Failure {
            logger.error("disk failure: \(error)")
            return error.isFull
                ? .problem(CloudRefusal.storageFull)
                : .problem(status: 500, title: "Storage failed", detail: "the server's disk does not work; try later")
        }
    }
}

extension Response {
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        bytes(try WireJSON.encode(value, what: "answer"), type: "application/json", status: status)
    }

    static func bytes(_ bytes: [UInt8], type: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    static var noContent: Response { Response(status: .noContent) }

    static func problem(_ refusal: CloudRefusal) -> Response {
        var response = problem(status: refusal.status, title: refusal.title, detail: "\(refusal)")
        switch refusal {
        case .tooOften(let wait): response.headers[.retryAfter] = "\(max(1, wait.inWholeSecondsUp))"
        case .wrongOffset(let expected): response.headers[.range] = BackupServer.receivedRange(expected)
        case .tooMany, .unavailable: response.headers[.retryAfter] = "5"
        case .unauthenticated: response.headers[.wwwAuthenticate] = "Cookie realm=\"Control Center\""
        default: break
        }
        return response
    }

    static func problem(status: Int, title: String, detail: String) -> Response {
        let problem = ProblemDetails(status: status, title: title, detail: detail)
        let body = (try? problem.encoded()) ?? []
        return bytes(body, type: ProblemDetails.contentType, status: HTTPResponse.Status(code: status))
    }
}

extension Request {
    /// The whole body, refused with 413 beyond the limit.
    mutating func body(upTo limit: Int, what: String) async throws -> [UInt8] {
        if let announced = headers[.contentLength].flatMap({ Int($0) }), announced > limit {
            throw CloudWireError.bodyTooLarge(what: what, bytes: announced, limit: limit)
        }
        var bytes: [UInt8] = []
        for try await buffer in body {
            bytes.append(contentsOf: buffer.readableBytesView)
            if bytes.count > limit { throw CloudWireError.bodyTooLarge(what: what, bytes: bytes.count, limit: limit) }
        }
        return bytes
    }
}
