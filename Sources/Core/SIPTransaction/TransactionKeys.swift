import Primitives
import SIPMessage

/// What makes a response ours (RFC 3261 section 17.1.3).
struct ClientTransactionKey: Hashable, Sendable {
    let branch: String
    let method: SIPMethod
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
            return ServerTransactionKey(branch: branch, host: via.host.lowercased(), port: via.port, method: method)
        }
        return ServerTransactionKey(
            legacy: request.uri, fromTag: fromTag, callID: callID, number: cseq.number, via: via, method: method)
    }

    /// Nil inside a dialog, where merging is no question.
    var mergeKey: MergeKey? {
        toTag == nil ? MergeKey(callID: callID, fromTag: fromTag, cseq: cseq) : nil
    }
}
