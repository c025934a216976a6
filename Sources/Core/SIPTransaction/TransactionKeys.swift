import Primitives
import SIPMessage

/// What makes two requests one transaction (RFC 3261 section 17.2.3).
enum ServerTransactionKey: Hashable, Sendable {
    /// Branch with the magic cookie, sent-by, method.
    case branch(String, host: String, port: UInt16?, SIPMethod)
    /// RFC 2543. The To tag is left out: within one CSeq number it cannot differ, and an ACK carries ours.
    case legacy(uri: SIPURI, fromTag: String, callID: String, number: UInt32, via: Via, SIPMethod)
}

/// What makes a response ours (RFC 3261 section 17.1.3).
struct ClientTransactionKey: Hashable, Sendable {
    let branch: String
    let method: SIPMethod
}

/// What a request that took two paths has in common (RFC 3261 section 8.2.2.2).
struct MergeKey: Hashable, Sendable {
    let callID: String
    let fromTag: String
    let cseq: CSeq
}

/// A request with the header fields that every transaction needs (RFC 3261 section 8.1.1), read once.
struct IncomingRequest {
    /// As it came, but for `received` and `rport` in the top Via.
    let request: SIPRequest
    let via: Via
    let fromTag: String
    let toTag: String?
    let callID: String
    let cseq: CSeq
    let maxForwards: Int?

    /// `stamped` carries the completed Via, `via` the one that came. Throws what `SIPRequest.validate()` finds.
    init(stamped: SIPRequest, via: Via) throws(SIPParseError) {
        try stamped.validate()
        request = stamped
        self.via = via
        fromTag = try stamped.from().tag ?? ""
        toTag = try stamped.to().tag
        callID = try stamped.callID()
        cseq = try stamped.cseq()
        maxForwards = try stamped.maxForwards()
    }

    /// The key of the transaction that this request makes or, for ACK and CANCEL, refers to.
    func key(method: SIPMethod) -> ServerTransactionKey {
        if via.hasMagicCookie, let branch = via.branch {
            return .branch(branch, host: via.host.lowercased(), port: via.port, method)
        }
        return .legacy(
            uri: request.uri, fromTag: fromTag, callID: callID, number: cseq.number, via: via, method)
    }

    /// Nil inside a dialog, where merging is no question.
    var mergeKey: MergeKey? {
        toTag == nil ? MergeKey(callID: callID, fromTag: fromTag, cseq: cseq) : nil
    }
}
