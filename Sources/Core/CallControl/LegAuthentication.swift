import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction

/// How a leg meets challenges: its digest session, and the requests that wait for an answer (RFC 3261 section 22).
///
/// Nothing is kept of legs without credentials.
struct LegAuthentication: Sendable {
    private struct Sent: Sendable {
        let client: ClientTransactionID
        var request: SIPRequest
    }

    /// How many requests of a leg may wait; the oldest gives way.
    static let pendingLimit = 16

    private var session: DigestSession
    private var pending: [Sent] = []

    init(_ credentials: OutboundCredentials, hashes: any HashFunctions) {
        session = DigestSession(username: credentials.username, password: credentials.password, hashes: hashes)
    }

    /// Puts in the credentials for the challenges of before (22.2, 22.3).
    mutating func authorise(_ request: inout SIPRequest, entropy: inout Entropy) {
        session.authorise(&request, entropy: &entropy)
    }

    mutating func sent(_ request: SIPRequest, as client: ClientTransactionID) {
        if pending.count >= Self.pendingLimit { pending.removeFirst() }
        pending.append(Sent(client: client, request: request))
    }

    /// The final response, or none, has come.
    mutating func finished(_ client: ClientTransactionID, with response: SIPResponse?) {
        pending.removeAll { $0.client == client }
        if let response { _ = session.receive(response) }
    }

    /// The request once more, with credentials and the number `cseq`, for a 401 or 407. Nil when the challenge cannot be
    /// met, or the credentials are wrong.
    mutating func retry(
        _ client: ClientTransactionID, challengedBy response: SIPResponse, cseq number: UInt32, entropy: inout Entropy
    ) -> SIPRequest? {
        guard let index = pending.firstIndex(where: { $0.client == client }), session.receive(response) == .retry
        else { return nil }
        session.authorise(&pending[index].request, entropy: &entropy)
        let method = pending[index].request.method
        pending[index].request.headers.set(.cseq, CSeq(number: number, method: method).description)
        return pending[index].request
    }
}
