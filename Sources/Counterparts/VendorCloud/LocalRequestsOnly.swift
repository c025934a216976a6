import HTTPTypes
import Hummingbird
import Primitives

/// Refuses requests whose Host is no loopback name: a page of another site cannot reach the API by rebinding its name.
struct LocalRequestsOnly: RouterMiddleware {
    typealias Context = PeerContext

    func handle(
        _ request: Request, context: PeerContext, next: (Request, PeerContext) async throws -> Response
    ) async throws -> Response {
        guard let authority = request.head.authority, Self.isLocal(authority) else {
            throw HTTPError(.init(code: 421), message: "this page is served as localhost only")
        }
        try Self.checkSite(request, authority: authority)
        return try await next(request, context)
    }

    /// What changes something comes from our own page, or from no page at all.
    private static func checkSite(_ request: Request, authority: String) throws {
        guard request.method != .get, request.method != .head else { return }
        if let site = HTTPField.Name("Sec-Fetch-Site").flatMap({ request.headers[$0] }) {
            guard site == "same-origin" || site == "none" else {
                throw HTTPError(.forbidden, message: "the request comes from another site")
            }
        }
        if let origin = request.headers[.origin] {
            guard origin == "http://\(authority)" || origin == "https://\(authority)" else {
                throw HTTPError(.forbidden, message: "the request comes from another site")
            }
        }
    }

    static func isLocal(_ authority: String) -> Bool {
        let host: Substring =
            if authority.hasPrefix("[") {
                authority.prefix { $0 != "]" }.dropFirst()
            } else {
                authority.prefix { $0 != ":" }
            }
        return host == "localhost" || IPAddress(String(host))?.isLoopback == true
    }
}

/// What browsers are told with every answer, errors included: our own files and nothing else, no frame, no sniffing.
struct SecurityHeaders: RouterMiddleware {
    typealias Context = PeerContext

    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        + "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

    func handle(
        _ request: Request, context: PeerContext, next: (Request, PeerContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        response.headers[.contentSecurityPolicy] = Self.policy
        response.headers[.xContentTypeOptions] = "nosniff"
        for (name, value) in [
            ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ] {
            if let name = HTTPField.Name(name) { response.headers[name] = value }
        }
        return response
    }
}
