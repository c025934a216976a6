import CloudWire
import HTTPTypes
import Hummingbird
import NIOCore
import Primitives

/// A request with what we know of its sender.
struct AdminContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// From the Unix domain socket, where file permissions have let the sender in.
    var isLocal: Bool
    /// Came through the remote access server and was let in there (F-C10); the local socket's rights are not its own.
    var isRemoteSession = false
    let client: IPAddress

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        let address = source.channel.remoteAddress
        isLocal = source.channel.localAddress?.protocol == .unix
        client = address?.ipAddress.flatMap { IPAddress($0) } ?? .v4(0)
    }
}

/// Every error as RFC 9457 problem details.
struct AnswerProblems: RouterMiddleware {
    typealias Context = AdminContext

    func handle(
        _ request: Request, context: AdminContext, next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let problem as AdminProblem {
            return .problem(problem)
        } catch let error as CloudWireError {
            let status = if case .bodyTooLarge = error { 413 } else { 400 }
            return .problem(AdminProblem(status: status, detail: "\(error)"))
        } catch let error as HTTPError {
            let detail = error.body ?? "\(request.method.rawValue) \(request.uri.path) is not served here"
            return .problem(AdminProblem(status: error.status.code, detail: detail))
        }
    }
}

/// `Authorization: Bearer <token>`, compared in constant time; requests from the local socket need none.
struct Authenticate: RouterMiddleware {
    typealias Context = AdminContext

    let token: Secret

    func handle(
        _ request: Request, context: AdminContext, next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard !context.isLocal, !context.isRemoteSession else { return try await next(request, context) }
        let value = request.headers[.authorization] ?? ""
        guard value.lowercased().hasPrefix("bearer "), Secret(String(value.dropFirst(7))).matches(token) else {
            var response = Response.problem(
                AdminProblem(
                    status: 401, detail: "send 'Authorization: Bearer' with the content of the file admin-token"))
            response.headers[.wwwAuthenticate] = "Bearer"
            return response
        }
        return try await next(request, context)
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

    static func problem(_ problem: AdminProblem) -> Response {
        let status = HTTPResponse.Status(code: (400...599).contains(problem.status) ? problem.status : 500)
        let details = ProblemDetails(status: status.code, title: StatusTitle.of(status.code), detail: problem.detail)
        var response = bytes((try? details.encoded()) ?? [], type: ProblemDetails.contentType, status: status)
        if status.code == 503 || status.code == 429 { response.headers[.retryAfter] = "10" }
        return response
    }
}
