import Primitives
import SIPMessage

struct UnexpectedMessage: Error {}

func seconds(_ value: Int64) -> Instant { Instant(nanoseconds: value * 1_000_000_000) }

func request(_ lines: String...) throws -> SIPRequest {
    let text = lines.joined(separator: "\r\n") + "\r\n\r\n"
    guard case .request(let request) = try SIPParser.parse(Array(text.utf8)) else { throw UnexpectedMessage() }
    return request
}

let aliceURI = SIPURI(user: "alice", host: "192.0.2.10", port: 5062)
let bobURI = SIPURI(user: "bob", host: "192.0.2.20")

/// An INVITE from Alice to Bob, CSeq 7.
func invite(recordRoutes: [String] = [], uri: String = "sip:bob@example.net", extra: [String] = []) throws -> SIPRequest
{
    var request = try request(
        "INVITE \(uri) SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK7",
        "From: Alice <sip:alice@example.net>;tag=a1",
        "To: Bob <sip:bob@example.net>",
        "Call-ID: call@example.net",
        "CSeq: 7 INVITE",
        "Contact: <sip:alice@192.0.2.10:5062>",
        "Content-Length: 0")
    for route in recordRoutes { request.headers.append(.recordRoute, route) }
    for line in extra {
        let parts = line.split(separator: ":", maxSplits: 1)
        request.headers.append(SIPHeaderName(String(parts[0])), String(parts[1].dropFirst()))
    }
    return request
}

/// Bob's response to it.
func response(
    _ status: Int, to request: SIPRequest, tag: String? = "b1", contact: String? = "<sip:bob@192.0.2.20>",
    recordRoutes: [String] = []
) -> SIPResponse {
    var response = SIPResponse(to: request, status: status, toTag: tag)
    if let contact { response.headers.append(.contact, contact) }
    for route in recordRoutes { response.headers.append(.recordRoute, route) }
    return response
}
