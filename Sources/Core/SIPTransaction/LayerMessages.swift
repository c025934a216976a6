import Primitives
import SIPMessage

/// The messages which the transaction layer writes itself.
extension SIPRequest {
    /// The ACK for a non-2xx final response to this request, which is an INVITE with our Via on top (17.1.1.3).
    func acknowledgement(of response: SIPResponse) -> SIPRequest {
        var ack = follower(method: .ack)
        if let to = response.headers[.to] { ack.headers.set(.to, to) }
        return ack
    }

    /// The CANCEL for this request, an INVITE with our Via on top (9.1).
    func cancellation() -> SIPRequest { follower(method: .cancel) }

    /// A request of the same branch: same Request-URI, Call-ID, From, To, CSeq number and Route; top Via alone.
    private func follower(method: SIPMethod) -> SIPRequest {
        var kept: [SIPHeaders.Field] = []
        for field in headers.fields {
            switch field.name {
            case .via:
                if !kept.contains(where: { $0.name == .via }) { kept.append(field) }
            case .from, .to, .callID, .route:
                kept.append(field)
            case .cseq:
                let number = field.value.split(separator: " ").first ?? "0"
                kept.append(SIPHeaders.Field(.cseq, "\(number) \(method)"))
            default:
                break  // a CANCEL must not carry Require, and a body has no meaning in either
            }
        }
        kept.append(SIPHeaders.Field(.maxForwards, "70"))
        return SIPRequest(method: method, uri: uri, headers: SIPHeaders(kept))
    }

    /// A To tag that is the same each time for the same request, as a stateless answer needs (8.2.7): FNV-1a of what
    /// names the transaction. It names no dialog, so nothing is lost if it can be guessed.
    package var statelessTag: String {
        var hash = StableHash()
        for name in [SIPHeaderName.via, .from, .callID] { hash.combine(headers.bytes(of: name) ?? []) }
        return "s" + hash.text
    }
}
