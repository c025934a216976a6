import Primitives
import SIPMessage

/// What makes a response ours (RFC 3261 section 17.1.3).
struct ClientTransactionKey: Hashable, Sendable {
    let branch: String
    let method: SIPMethod
}

/// A request that has been read (RFC 3261 section 8.1.1), as the layer sees it.
struct IncomingRequest {
    /// As it came, but for `received` and `rport` in the top Via.
    let request: SIPRequest
    /// The top Via that came.
    let via: Via
    private let fields: RequestFields

    /// `stamped` carries the completed Via, `via` the one that came. Throws what `SIPRequest.read()` finds.
    init(stamped: SIPRequest, via: Via) throws(SIPParseError) {
        var request = stamped
        fields = try request.read()
        self.request = request
        self.via = via
    }

    /// How many Via values there are.
    var viaCount: Int { fields.viaCount }
    var fromTag: String { fields.from.tag ?? "" }
    var toTag: String? { fields.to.tag }
    var callID: String { fields.callID }
    var cseq: CSeq { fields.cseq }
    var maxForwards: Int? { fields.maxForwards }

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
