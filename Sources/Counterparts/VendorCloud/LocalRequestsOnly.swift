import Hummingbird

/// Refuses requests whose Host is no loopback name: a page of another site cannot reach the API by rebinding its name.
struct LocalRequestsOnly: RouterMiddleware {
    typealias Context = PeerContext

    func handle(
        _ request: Request, context: PeerContext, next: (Request, PeerContext) async throws -> Response
    ) async throws -> Response {
        guard let authority = request.head.authority, Self.isLocal(authority) else {
            throw HTTPError(.init(code: 421), message: "this page is served as localhost only")
        }
        var response = try await next(request, context)
        response.headers[.contentSecurityPolicy] =
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
            + "frame-ancestors 'none'"
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }

    static func isLocal(_ authority: String) -> Bool {
        let host: Substring =
            if authority.hasPrefix("[") {
                authority.prefix { $0 != "]" }.dropFirst()
            } else {
                authority.prefix { $0 != ":" }
            }
        return host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }
}
