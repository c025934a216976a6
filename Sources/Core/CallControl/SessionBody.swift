import SIPMessage
import SIPUserAgent

/// What a request's body may be: nothing, or a session description.
enum SessionBody {
    /// True without a body, or with `application/sdp` as it stands (no encoding, no multipart).
    static func isAcceptable(_ request: SIPRequest) -> Bool {
        guard !request.body.isEmpty else { return true }
        guard let type = request.headers[.contentType]?.split(separator: ";").first else { return false }
        let encoding = request.headers[SIPHeaderName("Content-Encoding")]?.lowercased() ?? "identity"
        return encoding == "identity"
            && type.filter { $0 != " " && $0 != "\t" }.lowercased() == SIPCapabilities.sessionDescription
    }

    /// True when the body is a session description and not something else that a peer may send along.
    static func isDescription(_ response: SIPResponse) -> Bool {
        guard !response.body.isEmpty, let type = response.headers[.contentType]?.split(separator: ";").first else {
            return false
        }
        return type.filter { $0 != " " && $0 != "\t" }.lowercased() == SIPCapabilities.sessionDescription
    }

    /// Goes with a 488 (RFC 3261 section 20.43, code 305).
    static let warning = SIPHeaders.Field(.warning, "305 pbx \"Incompatible media format\"")
}
