package import Primitives
package import SIPMessage

/// The server's half of digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760), `qop=auth` and the form of
/// RFC 2069 without `qop`.
///
/// Challenges leave no trace here: a nonce proves its own origin and age. Only the counts of nonces that were used with
/// a right password are kept, in a bounded table.
package struct DigestAuthenticator: Sendable {
    package enum Verdict: Sendable, Equatable {
        case ok
        /// The password is right and the nonce is too old or from before a restart: challenge with `stale`.
        case stale
        /// Unknown user or wrong password (nobody can tell which), or credentials for another realm: challenge.
        case badCredentials
        /// The password is right and the count was used before: challenge with `stale`.
        case replay
        /// Fields are missing or contradict the request: answer 400.
        case malformed
        /// Another scheme, an algorithm that was not offered, `auth-int`, `userhash`: challenge again.
        case unsupported
    }

    package let realm: String
    /// How long a nonce may be used.
    package let nonceLifetime: Duration
    /// In the order of preference, as the challenges stand.
    package let algorithms: [DigestAlgorithm]
    private let secret: Secret
    private let hashes: any HashFunctions
    private let opaque: String
    private let dummyPassword: Secret
    private var counts: NonceCounts

    /// - Parameters:
    ///   - secret: at least 16 random bytes, which sign the nonces; new ones at each start are well (clients then get
    ///     one `stale` challenge).
    ///   - nonceCapacity: how many nonces in use are remembered (limit of the replay table).
    package init(
        realm: String, secret: Secret, hashes: any HashFunctions, nonceLifetime: Duration = .seconds(300),
        algorithms: [DigestAlgorithm] = [.sha256, .md5], nonceCapacity: Int = 4_096
    ) {
        precondition(secret.count >= 16, "the nonce key needs 16 bytes")
        self.realm = realm
        self.secret = secret
        self.hashes = hashes
        self.nonceLifetime = nonceLifetime
        self.algorithms = algorithms
        counts = NonceCounts(capacity: nonceCapacity)
        let keyBytes = secret.withBytes { Array($0) }
        opaque = Hex.encode(hashes.hmacSHA256(key: keyBytes, message: Array("opaque:\(realm)".utf8)).prefix(8))
        dummyPassword = Secret(hashes.hmacSHA256(key: keyBytes, message: Array("dummy:\(realm)".utf8)))
    }

    /// How many nonces the replay table holds.
    package var rememberedNonces: Int { counts.count }

    /// The values of WWW-Authenticate, one header field each: the strongest algorithm first, one nonce for all.
    package func challenges(at now: Instant, entropy: inout Entropy, stale: Bool = false) -> [String] {
        let nonce = DigestNonce(at: now, realm: realm, key: secret, entropy: &entropy, hashes: hashes)
        return algorithms.map { algorithm in
            "Digest realm=\(quoted(realm)), nonce=\"\(nonce.text)\", opaque=\"\(opaque)\", "
                + (stale ? "stale=true, " : "") + "algorithm=\(algorithm.rawValue), qop=\"auth\""
        }
    }

    /// True for credentials that are complete, for our realm, and under a nonce that we made and that is not too old:
    /// only who met a challenge has them. Says nothing of the password. Costs one HMAC at most.
    package func isOurs(_ credentials: AuthenticationParameters, method: SIPMethod, uri: String, at now: Instant)
        -> Bool
    {
        guard case .complete(let fields, _, _) = read(credentials, method: method), fields.realm == realm,
            names(fields.uri, theSameAs: uri),
            let nonce = DigestNonce(fields.nonce, realm: realm, key: secret, hashes: hashes)
        else { return false }
        return nonce.issued >= now - nonceLifetime && nonce.issued <= now
    }

    /// Judges the credentials of a request. Takes the same path, at the same cost, whether the user is known or not.
    ///
    /// - Parameters:
    ///   - uri: the Request-URI. `digest-uri` must name the same scheme, user, host and port; parameters may differ,
    ///     as telephones leave them out.
    ///   - body: of the request; enters no supported `qop`.
    ///   - password: nil when the user is unknown.
    package mutating func verify(
        _ credentials: AuthenticationParameters, method: SIPMethod, uri: String, body: [UInt8] = [], password: Secret?,
        at now: Instant
    ) -> Verdict {
        let fields: DigestResponse.Fields
        let response: String
        let number: UInt32
        switch read(credentials, method: method) {
        case .refused(let verdict): return verdict
        case .complete(let read, response: let text, count: let count): (fields, response, number) = (read, text, count)
        }
        guard fields.realm == realm else { return .badCredentials }
        guard names(fields.uri, theSameAs: uri) else { return .malformed }

        let expected = DigestResponse.compute(fields, password: password ?? dummyPassword, using: hashes)
        guard let expected, constantTimeEquals(Array(response.lowercased().utf8), Array(expected.utf8)), password != nil
        else { return .badCredentials }

        guard let nonce = DigestNonce(fields.nonce, realm: realm, key: secret, hashes: hashes) else { return .stale }
        let oldest = now - nonceLifetime
        guard nonce.issued >= oldest, nonce.issued <= now else { return .stale }
        switch counts.use(nonce, number: number, expiredBefore: oldest) {
        case .fresh: return .ok
        case .repeated: return .replay
        case .forgotten: return .stale
        }
    }

    private enum Reading {
        case complete(DigestResponse.Fields, response: String, count: UInt32)
        case refused(Verdict)
    }

    /// What can be said of credentials before anything is computed.
    private func read(_ credentials: AuthenticationParameters, method: SIPMethod) -> Reading {
        let parameters = credentials.parameters
        guard credentials.scheme.lowercased() == "digest", parameters["userhash"]?.lowercased() != "true",
            let algorithm = DigestAlgorithm(token: parameters["algorithm"]), algorithms.contains(algorithm)
        else { return .refused(.unsupported) }
        if let qop = parameters["qop"], qop.lowercased() != "auth" { return .refused(.unsupported) }
        guard let fields = fields(of: parameters, algorithm: algorithm, method: method),
            let response = parameters["response"], let number = nonceCount(of: fields)
        else { return .refused(.malformed) }
        return .complete(fields, response: response, count: number)
    }

    private func fields(
        of parameters: SIPParameters, algorithm: DigestAlgorithm, method: SIPMethod
    ) -> DigestResponse.Fields? {
        guard let username = parameters["username"], let realm = parameters["realm"], let nonce = parameters["nonce"],
            let uri = parameters["uri"]
        else { return nil }
        let fields = DigestResponse.Fields(
            algorithm: algorithm, username: username, realm: realm, nonce: nonce, nonceCount: parameters["nc"],
            clientNonce: parameters["cnonce"], qop: parameters["qop"], method: method.rawValue, uri: uri)
        let needsClientNonce = fields.qop != nil || algorithm.isSession
        return needsClientNonce && fields.clientNonce == nil ? nil : fields
    }

    /// Without `qop` there is no count: the nonce is good for one request.
    private func nonceCount(of fields: DigestResponse.Fields) -> UInt32? {
        guard fields.qop != nil else { return 1 }
        guard let text = fields.nonceCount, text.utf8.count == 8, text.utf8.allSatisfy({ Hex.value(of: $0) != nil })
        else {
            return nil
        }
        return UInt32(text, radix: 16)
    }

    private func names(_ digestURI: String, theSameAs requestURI: String) -> Bool {
        if digestURI == requestURI { return true }
        guard let left = try? SIPURI(parsing: digestURI), let right = try? SIPURI(parsing: requestURI) else {
            return false
        }
        return left.scheme == right.scheme && left.user == right.user
            && left.host.lowercased() == right.host.lowercased()
            && (left.port ?? defaultPort(left)) == (right.port ?? defaultPort(right))
    }

    private func defaultPort(_ uri: SIPURI) -> UInt16 { uri.scheme == .sips ? 5061 : 5060 }

    private func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
