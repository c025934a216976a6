package import Primitives
package import SIPMessage

/// What a client keeps between its requests to one server or through one proxy: the challenges that it has met, and how
/// often it has used their nonces (RFC 3261 section 22, RFC 7616 section 3.3, RFC 8760).
///
/// ```text
///          401/407, a realm that can be met                      final response other than 401/407
///  silent ─────────────────────────────────► credentials go along ────────────────────────────────► …
///    │                                        │ 401/407 with `stale`, or of a nonce that served before: again, anew
///    └ nothing to meet: refused               └ 401/407 of the nonce just given, or too many: refused
/// ```
///
/// `authorise` each request before it is sent, the first included, hand every final response to `receive`, and on
/// `.retry` authorise the request again, with a new CSeq number and branch. Where a request may end without an answer, say
/// `beginRequest` with the next one.
package struct DigestSession: Sendable {
    package enum Verdict: Sendable, Equatable {
        /// No challenge: the request has its answer.
        case answered
        /// Send the request again, authorised.
        case retry
        /// The password is wrong: the server refused credentials for a nonce that it had just given.
        case wrongCredentials
        /// No challenge that we can meet: another scheme, unknown algorithms, `auth-int` alone, another realm.
        case unsupported
        /// Challenged again and again.
        case tooManyChallenges
    }
    /// How many realms are kept; the oldest gives way.
    package static let realmLimit = 4
    /// How many challenges in a row are answered, stale ones among them.
    package static let challengeLimit = 4

    private struct Realm: Sendable {
        let challenge: DigestChallenge
        let isProxy: Bool
        /// How many requests have used the nonce.
        var count: UInt32 = 0
        /// The server has just asked, so that `domain` does not matter.
        var isAsked = true
    }
    private let username: String
    private let password: Secret
    private let onlyRealm: String?
    private let hashes: any HashFunctions
    private var realms: [Realm] = []
    private var challenges = 0

    /// `realm`: the only one that is answered; nil for any.
    package init(username: String, password: Secret, realm: String? = nil, hashes: any HashFunctions) {
        self.username = username
        self.password = password
        onlyRealm = realm
        self.hashes = hashes
    }

    /// True when there is a challenge that requests can meet unasked.
    package var hasChallenge: Bool { !realms.isEmpty }

    /// Another request begins, whatever became of the last one: challenges are counted anew.
    package mutating func beginRequest() { challenges = 0 }

    /// Takes a final response to a request; provisional ones change nothing.
    package mutating func receive(_ response: SIPResponse) -> Verdict {
        guard response.status == 401 || response.status == 407 else {
            if response.isFinal { challenges = 0 }
            return .answered
        }
        challenges += 1
        guard challenges <= Self.challengeLimit else {
            realms = []
            return .tooManyChallenges
        }
        // A forking proxy may put both kinds into one response (22.3).
        var isMet = false
        for (name, isProxy) in [(SIPHeaderName.wwwAuthenticate, false), (.proxyAuthenticate, true)] {
            for challenge in best(of: response, in: name) {
                guard take(challenge, isProxy: isProxy) else {
                    realms = []
                    return .wrongCredentials
                }
                isMet = true
            }
        }
        return isMet ? .retry : .unsupported
    }

    /// Puts credentials into the request for every realm whose challenge is known and whose `domain` covers it, in
    /// place of those that it has for that realm.
    package mutating func authorise(_ request: inout SIPRequest, entropy: inout Entropy) {
        let uri = request.uri.description
        for index in realms.indices {
            let challenge = realms[index].challenge
            guard realms[index].isAsked || realms[index].isProxy || challenge.covers(request.uri) else { continue }
            realms[index].isAsked = false
            realms[index].count += 1
            let needsClientNonce = challenge.hasQuality || challenge.algorithm.isSession
            let fields = DigestResponse.Fields(
                algorithm: challenge.algorithm, username: username, realm: challenge.realm, nonce: challenge.nonce,
                nonceCount: challenge.hasQuality ? DigestClient.countText(realms[index].count) : nil,
                clientNonce: needsClientNonce ? entropy.hexToken(bytes: 8) : nil,
                qop: challenge.hasQuality ? "auth" : nil, method: request.method.rawValue, uri: uri)
            guard let response = DigestResponse.compute(fields, password: password, using: hashes) else { continue }
            let credentials = DigestClient.credentials(fields, response: response, challenge: challenge)
            let name: SIPHeaderName = realms[index].isProxy ? .proxyAuthorization : .authorization
            replace(credentials, for: challenge.realm, in: name, of: &request)
        }
    }

    /// The strongest challenge that we can meet of each realm, in the order of the response.
    private func best(of response: SIPResponse, in name: SIPHeaderName) -> [DigestChallenge] {
        var found: [DigestChallenge] = []
        for value in response.headers.all(name) {
            guard let parameters = try? AuthenticationParameters(parsing: value),
                let challenge = DigestChallenge(parameters, hashes: hashes),
                onlyRealm == nil || onlyRealm == challenge.realm
            else { continue }
            if let index = found.firstIndex(where: { $0.realm == challenge.realm }) {
                if rank(challenge) < rank(found[index]) { found[index] = challenge }
            } else if found.count < Self.realmLimit {
                found.append(challenge)
            }
        }
        return found
    }

    private func rank(_ challenge: DigestChallenge) -> Int {
        DigestClient.preference.firstIndex { $0.contains(challenge.algorithm) } ?? DigestClient.preference.count
    }

    /// False when it says that the password is wrong: credentials were refused whose nonce had just been given, or that
    /// is still the server's. A nonce that served several requests may have grown too old without the server saying so.
    private mutating func take(_ challenge: DigestChallenge, isProxy: Bool) -> Bool {
        var next = Realm(challenge: challenge, isProxy: isProxy)
        if let index = realms.firstIndex(where: { $0.isProxy == isProxy && $0.challenge.realm == challenge.realm }) {
            let known = realms.remove(at: index)
            if known.challenge.nonce == challenge.nonce {
                guard known.count == 0 || challenge.isStale else { return false }
                next.count = known.count  // the count of a nonce only grows
            } else {
                guard known.count != 1 || challenge.isStale else { return false }
            }
        }
        if realms.count >= Self.realmLimit { realms.removeFirst() }
        realms.append(next)
        return true
    }

    private func replace(
        _ credentials: AuthenticationParameters, for realm: String, in name: SIPHeaderName, of request: inout SIPRequest
    ) {
        let others = request.headers.all(name).filter {
            (try? AuthenticationParameters(parsing: $0))?.parameters["realm"] != realm
        }
        request.headers.remove(name)
        for other in others { request.headers.append(name, other) }
        request.headers.append(name, credentials.description)
    }
}
