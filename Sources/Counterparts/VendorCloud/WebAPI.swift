import AsyncHTTPClient
import CloudCore
import CloudMessages
import CloudWire
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import Primitives

/// What the Control Center's user sees: one page and the JSON API under it. Plain HTTP for development, on loopback.
///
/// Every request but that for the page and the log-in needs a session; what it may do is its account's role, and it sees its
/// company's appliances alone.
struct WebAPI: Sendable {
    let controlCenter: ControlCenter
    let accounts: Accounts
    /// Carries the Control Center's client certificate to the other servers.
    let client: HTTPClient
    let monitoring: Endpoint
    let backup: Endpoint
    let remote: RemoteConfiguration
    let logger: Logger

    private static let answerLimit = 1 << 20

    /// A row of `GET /api/devices`, the answer of `POST /api/devices`.
    struct DeviceBody: Codable, Sendable {
        var name: String
        var serial: String
        var firstRegistration: String?
        var state: String
        /// Why it is so, as a word that the page translates.
        var reason: String
        var detail: String
        var code: String?
        var codeExpiresAt: String?
        var licences: String?
        var registrationStatus: String
        var deviceState: DeviceStateBody?

        init(_ row: DeviceRow) {
            name = row.name
            serial = row.serial
            firstRegistration = row.firstRegistration?.rfc3339
            state = row.state.rawValue
            reason = row.reason.rawValue
            detail = row.detail
            code = row.code?.text
            codeExpiresAt = row.codeExpiresAt?.rfc3339
            licences = row.licences
            registrationStatus = row.registrationStatus.rawValue
            deviceState = row.deviceState.map(DeviceStateBody.init)
        }
    }

    private struct DeviceList: Codable { var devices: [DeviceBody] }
    private struct NewDevice: Codable {
        var serial: String
        var name: String
    }

    var router: Router<PeerContext> {
        let router = Router(context: PeerContext.self)
        router.addMiddleware {
            SecurityHeaders()
            AnswerProblems(logger: logger)
            LocalRequestsOnly()
        }
        for file in ControlCenterPage.files {
            router.get(RouterPath(file.path)) { _, _ in file.response }
        }
        addAccountRoutes(to: router)
        addDeviceRoutes(to: router)
        for method in [HTTPRequest.Method.get, .put, .post, .delete] {
            router.on("/api/devices/:serial/admin/**", method: method) { request, context in
                try await remote.answer(request, context) { try await company(request, having: .configureDevices) }
            }
        }
        return router
    }

    private func addDeviceRoutes(to router: Router<PeerContext>) {
        router.get("/api/devices") { request, _ in
            let company = try await company(request, having: .seeDevices)
            return try Response.json(
                DeviceList(devices: await controlCenter.rows(company: company).map(DeviceBody.init)))
        }
        router.post("/api/devices") { request, _ in try await add(request) }
        router.delete("/api/devices/:serial") { request, context in
            let company = try await company(request, having: .changeDevices)
            try await controlCenter.removeDevice(serial: try context.parameters.require("serial"), company: company)
            return Response.noContent
        }
        for what in ["metrics", "history"] {
            router.get("/api/devices/:serial/\(what)") { request, context in
                let serial = try await known(request, context, having: .seeDevices)
                return try await forward(.GET, "https://\(monitoring)/v1/devices/\(serial)/\(what)")
            }
        }
        router.get("/api/devices/:serial/calls") { request, context in try await calls(request, context) }
        router.get("/api/devices/:serial/backups") { request, context in
            let serial = try await known(request, context, having: .seeDevices)
            return try await forward(.GET, "https://\(backup)/v1/backups?serial=\(serial)")
        }
        router.delete("/api/devices/:serial/backups/:id") { request, context in
            try await forward(.DELETE, try await backupURL(request, context))
        }
        router.get("/api/devices/:serial/backups/:id/content") { request, context in
            try await content(request, context)
        }
    }

    private func add(_ request: Request) async throws -> Response {
        _ = try await company(request, having: .changeDevices)
        let device = try await json(NewDevice.self, of: request, what: "device")
        // Asked again: a body may be slow, and a right may end meanwhile.
        let company = try await company(request, having: .changeDevices)
        let row = try await controlCenter.addDevice(serial: device.serial, name: device.name, company: company)
        return try .json(DeviceBody(row), status: .created)
    }

    /// The body of a request. A form of another site cannot send this type without asking first (CORS).
    func json<Body: Decodable>(_ type: Body.Type, of request: Request, what: String) async throws -> Body {
        var request = request
        guard request.headers[.contentType]?.hasPrefix("application/json") == true else {
            throw HTTPError(.unsupportedMediaType, message: "send application/json")
        }
        let bytes = try await request.body(upTo: WireLimits().jsonBytes, what: what)
        return try WireJSON.decode(type, from: bytes, limit: WireLimits().jsonBytes, what: what)
    }

    private func company(_ request: Request, having right: AccountRight) async throws -> String {
        try await accounts.principal(of: request, having: right).company.id
    }

    /// The serial in the path, when it is in the list of the user's company.
    ///
    /// What is kept under a serial is shown to whom the appliance is paired with, not to whom has only typed the serial.
    private func known(_ request: Request, _ context: PeerContext, having right: AccountRight) async throws -> String {
        let company = try await company(request, having: right)
        let serial = try context.parameters.require("serial")
        guard CloudNames.isIdentifier(serial), await controlCenter.isPaired(serial: serial, company: company) else {
            throw CloudRefusal.notFound(what: "appliance \(serial)")
        }
        return serial
    }

    private func backupURL(_ request: Request, _ context: PeerContext) async throws -> String {
        let serial = try await known(request, context, having: .manageBackups)
        let id = try context.parameters.require("id")
        guard CloudNames.isIdentifier(id) else { throw CloudRefusal.notFound(what: "backup \(id)") }
        return "https://\(backup)/v1/backups/\(id)?serial=\(serial)"
    }

    // MARK: The other servers

    private func execute(_ method: HTTPMethod, _ url: String) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url)
        request.method = method
        do {
            return try await client.execute(request, timeout: .seconds(10))
        } catch {
            throw CloudRefusal.unavailable(what: "the server (\(String("\(error)".prefix(120))))")
        }
    }

    /// Passes an answer on as it is.
    private func forward(_ method: HTTPMethod, _ url: String) async throws -> Response {
        let answer = try await execute(method, url)
        let body = try await answer.body.collect(upTo: Self.answerLimit)
        let type = answer.headers.first(name: "content-type") ?? "application/json"
        let status = HTTPResponse.Status(code: Int(answer.status.code))
        return status == .noContent ? .noContent : .bytes(Array(body.readableBytesView), type: type, status: status)
    }

    /// F-C9: the ciphertext, streamed through.
    private func content(_ request: Request, _ context: PeerContext) async throws -> Response {
        let id = try context.parameters.require("id")
        let answer = try await execute(.GET, try await backupURL(request, context))
        guard answer.status == .ok else {
            let body = try await answer.body.collect(upTo: Self.answerLimit)
            return .bytes(
                Array(body.readableBytesView), type: ProblemDetails.contentType,
                status: HTTPResponse.Status(code: Int(answer.status.code)))
        }
        let length = answer.headers.first(name: "content-length").flatMap { Int($0) }
        let headers: HTTPFields = [
            .contentType: "application/octet-stream", .cacheControl: "no-store",
            .contentDisposition: "attachment; filename=\"\(id).age\"",
        ]
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody(contentLength: length) { writer in
                for try await buffer in answer.body { try await writer.write(buffer) }
                try await writer.finish(nil)
            })
    }

    // MARK: Call data

    /// Server-sent events; a failure after the start is an event `problem`, and the browser opens the stream again.
    private func calls(_ request: Request, _ context: PeerContext) async throws -> Response {
        let company = try await company(request, having: .readCallData)
        let serial = try context.parameters.require("serial")
        guard CloudNames.isIdentifier(serial), await controlCenter.contains(serial: serial, company: company) else {
            throw CloudRefusal.notFound(what: "appliance \(serial)")
        }
        _ = try await controlCenter.credential(serial: serial, company: company)
        let cursor =
            HTTPField.Name("Last-Event-ID").flatMap { request.headers[$0] }
            ?? request.uri.queryParameters["after"].map { String($0) } ?? "0"
        guard let after = UInt64(cursor) else {
            throw CloudRefusal.invalid(what: "cursor", reason: "after= is not a number")
        }
        let (controlCenter, accounts) = (controlCenter, accounts)
        // Hummingbird closes the connection after a response that watched for the browser's leaving; say so.
        let headers: HTTPFields = [
            .contentType: ServerSentEvent.contentType, .cacheControl: "no-store", .connection: "close",
        ]
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                try await writer.write(ByteBuffer(bytes: ServerSentEvent.keepAlive))
                try await request.body.consumeWithCancellationOnInboundClose { _ in
                    do {
                        try await controlCenter.passCallData(serial: serial, company: company, after: after) { record in
                            guard await accounts.mayStill(.readCallData, request) else {
                                throw CloudRefusal.unauthenticated
                            }
                            try await writer.write(ByteBuffer(bytes: try ServerSentEvent(record).encoded))
                        }
                    } catch {
                        let reason = (error as? TunnelFailure).map { "\($0)" } ?? "the stream was interrupted"
                        let problem = ProblemDetails(status: 502, title: "Call data interrupted", detail: reason)
                        let data = String(decoding: try problem.encoded(), as: UTF8.self)
                        let event = ServerSentEvent(id: cursor, event: "problem", data: data)
                        try await writer.write(ByteBuffer(bytes: event.encoded))
                    }
                }
                try await writer.finish(nil)
            })
    }
}
