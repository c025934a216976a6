import CloudCore
import CloudWire
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import Primitives

/// Remote configuration (F-C10): passes a request of the Control Center's user on to the administration of an appliance,
/// through the remote access server and inside TLS that ends in the appliance. Nothing of it is kept.
struct RemoteConfiguration: Sendable {
    static let requestLimit = 1 << 20
    private static let types = ["application/json", ProblemDetails.contentType]

    let controlCenter: ControlCenter
    /// Through the remote access server.
    let client: RelayClient

    /// `ANY /api/devices/<serial>/admin/<path>` is `ANY /<path>` there, for an appliance of the company that `authorise`
    /// names: asked again once the body is here, for a body may be slow and a right may end meanwhile.
    func answer(
        _ request: Request, _ context: PeerContext, authorise: () async throws -> String
    ) async throws -> Response {
        var request = request
        let serial = try context.parameters.require("serial")
        let method = HTTPMethod(rawValue: request.method.rawValue)
        let sent = request.headers[.contentType] ?? ""
        // A form of another site cannot send these types without asking first (CORS).
        guard method == .GET || sent.hasPrefix("application/json") || sent.hasPrefix("application/yaml") else {
            throw HTTPError(.unsupportedMediaType, message: "send application/json or application/yaml")
        }
        _ = try await authorise()
        let body = try await request.body(upTo: Self.requestLimit, what: "request")
        let company = try await authorise()
        guard CloudNames.isIdentifier(serial), await controlCenter.contains(serial: serial, company: company) else {
            throw CloudRefusal.notFound(what: "appliance \(serial)")
        }
        let credential = try await controlCenter.credential(serial: serial, company: company)
        let path = "/" + context.parameters.getCatchAll().joined(separator: "/")
        let query = request.uri.query.map { "?\($0)" } ?? ""
        var tunnelled = RelayClient.TunnelRequest(
            method: method, path: path + query, headers: [("Authorization", ControlCenter.basic(credential))])
        if !sent.isEmpty { tunnelled.headers.append(("Content-Type", sent)) }
        tunnelled.body = body
        let user = context.channel.remoteAddress?.ipAddress.flatMap { IPAddress($0) } ?? .v4(0)
        let answer: RelayClient.Answer
        do {
            answer = try await client.exchange(tunnelled, serial: serial, service: .admin, for: user)
        } catch .absent {
            return .problem(
                status: 409, title: "Remote access is off",
                detail: "the appliance's owner has not opened it: 'pbxctl remote-access on' there")
        } catch {
            throw CloudRefusal.unavailable(what: "the appliance (\(String("\(error)".prefix(120))))")
        }
        let status = HTTPResponse.Status(code: answer.status)
        // An appliance gets no page and no script into the Control Center's origin.
        let type = answer.type.flatMap { Self.types.contains($0) ? $0 : nil } ?? "application/octet-stream"
        return .bytes(answer.body, type: type, status: status)
    }
}
