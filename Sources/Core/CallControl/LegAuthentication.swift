import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction

/// How a leg meets challenges: the requests that wait for an answer, and the nonces in use (RFC 3261 section 22).
///
/// A challenge is met once per nonce. Later requests carry credentials for what was asked before, so that they need no
/// second way (22.2, 22.3). Nothing is kept of legs without credentials.
struct LegAuthentication: Sendable {
    /// A challenge that was met, and how often its nonce has been used.
    private struct Met: Sendable {
        let challenge: AuthenticationParameters
        let isProxy: Bool
        var count: UInt32
    }

    private struct Sent: Sendable {
        let client: ClientTransactionID
        var request: SIPRequest
        var nonces: [String] = []
    }

    /// How many requests of a leg may wait; the oldest gives way.
    static let pendingLimit = 16
    /// How many realms are remembered.
    static let realmLimit = 4
    /// How many challenges one request may meet.
    static let challengeLimit = 3

    private let credentials: OutboundCredentials
    private var met: [Met] = []
    private var pending: [Sent] = []

    init(_ credentials: OutboundCredentials) {
        self.credentials = credentials
    }

    /// Puts in the credentials for the challenges of before.
    mutating func authorize(
        _ request: inout SIPRequest, hashes: any HashFunctions, entropy: inout Entropy
    ) {
        for index in met.indices {
            guard let value = answer([met[index].challenge], to: request, count: met[index].count + 1, hashes, &entropy)
            else { continue }
            met[index].count += 1
            request.headers.append(met[index].isProxy ? .proxyAuthorization : .authorization, value.description)
        }
    }

    mutating func sent(_ request: SIPRequest, as client: ClientTransactionID) {
        if pending.count >= Self.pendingLimit { pending.removeFirst() }
        pending.append(Sent(client: client, request: request))
    }

    /// The final response, or none, has come.
    mutating func finished(_ client: ClientTransactionID) { pending.removeAll { $0.client == client } }

    /// The request once more, with credentials and the number `cseq`, for a 401 or 407. Nil when the challenge cannot be
    /// met, or the same nonce was answered before: then the credentials are wrong.
    mutating func retry(
        _ client: ClientTransactionID, challengedBy response: SIPResponse, cseq number: UInt32,
        hashes: any HashFunctions, entropy: inout Entropy
    ) -> SIPRequest? {
        guard let index = pending.firstIndex(where: { $0.client == client }),
            pending[index].nonces.count < Self.challengeLimit
        else { return nil }
        let isProxy = response.status == 407
        let challenges = Self.challenges(in: response, isProxy: isProxy)
        guard let value = answer(challenges, to: pending[index].request, count: 1, hashes, &entropy),
            let nonce = value.parameters["nonce"], !pending[index].nonces.contains(nonce),
            let challenge = challenges.first(where: {
                $0.parameters["nonce"] == nonce && $0.parameters["algorithm"] == value.parameters["algorithm"]
            })
        else { return nil }
        remember(challenge, isProxy: isProxy)
        var request = pending[index].request
        let name: SIPHeaderName = isProxy ? .proxyAuthorization : .authorization
        request.headers.remove(name)
        request.headers.append(name, value.description)
        request.headers.set(.cseq, CSeq(number: number, method: request.method).description)
        pending[index].request = request
        pending[index].nonces.append(nonce)
        return request
    }

    /// Takes the place of what was remembered of the same realm.
    private mutating func remember(_ challenge: AuthenticationParameters, isProxy: Bool) {
        met.removeAll { $0.isProxy == isProxy && $0.challenge.parameters["realm"] == challenge.parameters["realm"] }
        if met.count >= Self.realmLimit { met.removeFirst() }
        met.append(Met(challenge: challenge, isProxy: isProxy, count: 1))
    }

    private func answer(
        _ challenges: [AuthenticationParameters], to request: SIPRequest, count: UInt32, _ hashes: any HashFunctions,
        _ entropy: inout Entropy
    ) -> AuthenticationParameters? {
        DigestClient.authorization(
            for: challenges, username: credentials.username, password: credentials.password, method: request.method,
            uri: request.uri.description, nc: count, cnonce: entropy.hexToken(bytes: 8), hashes: hashes)
    }

    private static func challenges(in response: SIPResponse, isProxy: Bool) -> [AuthenticationParameters] {
        response.headers.all(isProxy ? .proxyAuthenticate : .wwwAuthenticate).compactMap {
            try? AuthenticationParameters(parsing: $0)
        }
    }
}
