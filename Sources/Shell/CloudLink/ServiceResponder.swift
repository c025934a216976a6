import ApplianceCore
import CloudMessages
import CloudWire
import HAL
import HTTPTypes
import HummingbirdCore
import NIOCore
import OpenSSLCrypto
import Primitives

/// HTTP inside the end-to-end TLS of an uplink stream: decodes to `ServiceRequest`, encodes `ServiceReply`.
struct ServiceResponder: Sendable {
    let desk: ServiceDesk
    let configuration: CloudLinkConfiguration
    private let root: Certificate?

    init(desk: ServiceDesk, configuration: CloudLinkConfiguration) {
        self.desk = desk
        self.configuration = configuration
        root = try? Certificate(pem: configuration.identity.vendorRootPEM)
    }

    func respond(
        to request: Request, service: UplinkServices.Service, client: IPAddress?, channel: any Channel,
        _ writer: consuming ResponseWriter
    ) async throws {
        var request = request
        let decoded: ServiceRequest
        do throws(Problem) {
            decoded = try await decode(&request, service: service, client: client)
        } catch {
            return try await send(.problem(status: error.status, title: error.title, detail: error.detail), writer)
        }
        let (id, reply) = try await desk.ask(decoded).get()
        guard case .callDataStream = reply, let events = try await desk.events(of: id).get() else {
            return try await send(reply, writer)
        }
        try await stream(events, of: id, channel: channel, writer)
    }

    /// A request that is not one of ours.
    struct Problem: Error {
        var status: Int
        var title: String
        var detail: String

        static let notFound = Problem(status: 404, title: "Not Found", detail: "no such resource; see docs/protocols")
        static let notAuthenticated = Problem(
            status: 401, title: "Unauthorized", detail: "send the pairing user's name and password (HTTP Basic)")
    }

    private func decode(
        _ request: inout Request, service: UplinkServices.Service, client: IPAddress?
    ) async throws(Problem) -> ServiceRequest {
        let path = request.uri.path
        switch (service, request.method, path) {
        case (.pairing, .post, "/v1/offer"):
            let body: [UInt8]
            do {
                body = Array(
                    try await request.collectBody(upTo: configuration.limits.serviceRequestBytes).readableBytesView)
            } catch {
                throw Problem(
                    status: 413, title: "Content Too Large",
                    detail: "at most \(configuration.limits.serviceRequestBytes) bytes")
            }
            return try offer(String(decoding: body, as: UTF8.self))
        case (.control, .get, "/v1/state"): return .deviceState(try credentials(request))
        case (.control, .get, "/v1/calls"):
            let text = request.uri.queryParameters["after"].map { String($0) } ?? "0"
            guard let after = UInt64(text) else {
                throw Problem(status: 400, title: "Bad Request", detail: "'after' is a decimal cursor")
            }
            return .callData(try credentials(request), after: after)
        case (.provisioning, .get, _):
            for prefix in ["/provisioning/", "/v1/provisioning/"] where path.hasPrefix(prefix) {
                let token = path.dropFirst(prefix.count)
                guard !token.isEmpty, token.utf8.count <= 256, !token.contains("/") else { throw .notFound }
                let product = String((request.headers[.userAgent] ?? "").prefix(256))
                return .provisioningFile(
                    token: Secret(String(token)), client: client ?? .v4(0), product: product)
            }
            throw .notFound
        default: throw .notFound
        }
    }

    /// The core hears of an offer with a bad signature too: it counts and refuses it.
    private func offer(_ token: String) throws(Problem) -> ServiceRequest {
        let malformed = Problem(status: 400, title: "Bad Request", detail: "the body is no signed offer (compact JWS)")
        if let root,
            let payload = try? JWS.verify(
                token, root: root, requiredOU: UplinkServices.controlCenterUnit, at: configuration.clock.wallTime())
        {
            guard let offer = try? PairingOfferBody.decode(payload) else { throw malformed }
            return .offer(offer, signatureIsValid: true)
        }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let payload = Base64.decode(parts[1], alphabet: .url),
            let offer = try? PairingOfferBody.decode(payload)
        else { throw malformed }
        return .offer(offer, signatureIsValid: false)
    }

    func credentials(_ request: Request) throws(Problem) -> Credentials {
        guard let value = request.headers[.authorization], value.lowercased().hasPrefix("basic "),
            let bytes = Base64.decode(value.dropFirst(6).filter { $0 != " " }), bytes.count <= 512,
            let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            let user = String(validating: bytes[..<colon], as: UTF8.self)
        else { throw .notAuthenticated }
        return Credentials(user: user, password: Secret(bytes[(colon + 1)...]))
    }

    func send(_ reply: ServiceReply, _ writer: consuming ResponseWriter) async throws {
        let (status, type, body): (HTTPResponse.Status, String?, [UInt8]) =
            switch reply {
            case .noContent: (.noContent, nil, [])
            case .deviceState(let state, _):
                (.ok, "application/json", try WireJSON.encode(DeviceStateBody(state), what: "device state"))
            case .provisioningFile(let bytes, _): (.ok, "application/xml", bytes)
            case .callDataStream: (.ok, ServerSentEvent.contentType, [])
            case .adminSession: (.noContent, nil, [])  // `AdminSession` answers the request itself
            case .problem(let status, let title, let detail):
                (
                    HTTPResponse.Status(code: status), ProblemDetails.contentType,
                    try ProblemDetails(status: status, title: title, detail: detail).encoded()
                )
            }
        var head = HTTPResponse(status: status, headerFields: [.cacheControl: "no-store"])
        if let type { head.headerFields[.contentType] = type }
        if status == .unauthorized { head.headerFields[.wwwAuthenticate] = "Basic realm=\"pairing\"" }
        if status.code == 503 || status.code == 429 { head.headerFields[.retryAfter] = "60" }
        try await writer.write(response: head, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }

    /// Server-sent events until either side ends; a comment line every 15 s keeps the path open.
    private func stream(
        _ events: ServiceDesk.Events, of id: ServiceRequestID, channel: any Channel, _ writer: consuming ResponseWriter
    ) async throws {
        let desk = desk
        channel.closeFuture.whenComplete { _ in desk.closed(id) }
        let keepAlive = channel.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(15), delay: .seconds(15)) { _ in
            desk.keepAlive(id)
        }
        defer {
            keepAlive.cancel()
            desk.closed(id)
        }
        let head = HTTPResponse(
            status: .ok, headerFields: [.contentType: ServerSentEvent.contentType, .cacheControl: "no-store"])
        try await writer.write(response: head, body: ResponseBody(asyncSequence: events))
    }
}
