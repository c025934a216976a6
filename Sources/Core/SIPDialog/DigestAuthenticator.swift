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

    /// What `examine` finds before any password is asked for.
    package enum Examination: Sendable {
        /// Complete: hand it to `verify`.
        case complete(DigestCredentials)
        /// `.malformed`, `.unsupported`, or `.badCredentials` for another realm.
        case refused(Verdict)
    }

    package let realm: String
    /// How long a nonce may be used.
    package let nonceLifetime: Duration
    /// In the order of preference, as the challenges stand.
    package let algorithms: [DigestAlgorithm]
    private let hashes: any HashFunctions
    private let seal: NonceSeal
    private let templates: [Template]
    /// In place of the hash of an unknown user's password, in the length of each algorithm.
    private let dummies: [DigestAlgorithm: Secret]
    private var secrets: DigestSecrets
    private var counts: NonceCounts

    /// A challenge but for its nonce.
    private struct Template: Sendable {
        let before: String
        let after: String
        let afterStale: String
    }

    /// - Parameters:
    ///   - secret: at least 16 random bytes, which sign the nonces; new ones at each start are well (clients then get
    ///     one `stale` challenge).
    ///   - algorithms: those that `hashes` lacks are left out.
    ///   - nonceCapacity: how many nonces in use are remembered (limit of the replay table).
    ///   - secretCapacity: for how many users and algorithms the hash of the password is kept.
    package init(
        realm: String, secret: Secret, hashes: any HashFunctions, nonceLifetime: Duration = .seconds(300),
        algorithms: [DigestAlgorithm] = [.sha256, .md5], nonceCapacity: Int = Limits().rememberedNonces,
        secretCapacity: Int = 4_096
    ) {
        precondition(secret.count >= 16, "the nonce key needs 16 bytes")
        let available = algorithms.filter { $0.isAvailable(in: hashes) }
        self.realm = realm
        self.hashes = hashes
        self.nonceLifetime = nonceLifetime
        self.algorithms = available
        seal = NonceSeal(realm: realm, key: secret, hashes: hashes)
        counts = NonceCounts(capacity: nonceCapacity)
        secrets = DigestSecrets(realm: realm, capacity: secretCapacity)
        let keyBytes = secret.withBytes { Array($0) }
        let opaque = Hex.encode(hashes.hmacSHA256(key: keyBytes, message: Array("opaque:\(realm)".utf8)).prefix(8))
        templates = available.map { algorithm in
            let before = "Digest realm=\(quoted(realm)), nonce=\""
            let after = "algorithm=\(algorithm.rawValue), qop=\"auth\""
            return Template(
                before: before, after: "\", opaque=\"\(opaque)\", \(after)",
                afterStale: "\", opaque=\"\(opaque)\", stale=true, \(after)")
        }
        let dummyPassword = Secret(hashes.hmacSHA256(key: keyBytes, message: Array("dummy:\(realm)".utf8)))
        var dummies: [DigestAlgorithm: Secret] = [:]
        for algorithm in available {
            dummies[algorithm] = DigestResponse.secretHash(
                username: "", realm: realm, password: dummyPassword, algorithm: algorithm, using: hashes)
        }
        self.dummies = dummies
    }

    /// How many nonces the replay table holds.
    package var rememberedNonces: Int { counts.count }

    /// The values of WWW-Authenticate, one header field each, in the order of `algorithms`, one nonce for all. Costs one
    /// HMAC and leaves no trace.
    package func challenges(at now: Instant, entropy: inout Entropy, stale: Bool = false) -> [String] {
        let nonce = DigestNonce(at: now, entropy: &entropy).text(seal: seal)
        return templates.map { $0.before + nonce + (stale ? $0.afterStale : $0.after) }
    }

    /// Computes what verifying a user costs but for two hashes. Call it for each user when the users are loaded and
    /// when a password changes: then known and unknown users take the same time from the first request on.
    package mutating func prepare(username: String, password: Secret) {
        for algorithm in algorithms { _ = secrets.hash(of: username, algorithm, password: password, using: hashes) }
    }

    /// Drops what is kept of a user that is no more.
    package mutating func forget(username: String) { secrets.forget(username) }

    /// Reads credentials once, for `verify` and for who wants to know earlier whether a challenge of ours was met.
    ///
    /// Costs one HMAC at most, and says nothing of the password.
    ///
    /// - Parameters:
    ///   - credentials: of Authorization; which of several is judged is the caller's to say (the one for our realm).
    ///   - uri: the Request-URI, which `digest-uri` must name.
    package func examine(
        _ credentials: AuthenticationParameters, method: SIPMethod, uri: String, at now: Instant
    ) -> Examination {
        let parameters = credentials.parameters
        guard credentials.isDigest, parameters["userhash"]?.lowercased() != "true",
            let algorithm = DigestAlgorithm(token: parameters["algorithm"]), algorithms.contains(algorithm)
        else { return .refused(.unsupported) }
        if let qop = parameters["qop"], qop.lowercased() != "auth" { return .refused(.unsupported) }
        guard let fields = fields(of: parameters, algorithm: algorithm, method: method),
            let response = parameters["response"], let count = nonceCount(of: fields)
        else { return .refused(.malformed) }
        guard fields.realm == realm else { return .refused(.badCredentials) }
        guard names(fields.uri, theSameAs: uri) else { return .refused(.malformed) }
        let nonce = DigestNonce(fields.nonce, seal: seal)
        return .complete(
            DigestCredentials(
                fields: fields, response: Self.folded(response), count: count, nonce: nonce,
                isNonceCurrent: nonce.map { isCurrent($0, at: now) } ?? false))
    }

    /// True for credentials that are complete, for our realm, and under a nonce that we made and that is not too old.
    /// Who verifies as well calls `examine` once instead.
    package func isOurs(_ credentials: AuthenticationParameters, method: SIPMethod, uri: String, at now: Instant)
        -> Bool
    {
        guard case .complete(let examined) = examine(credentials, method: method, uri: uri, at: now) else {
            return false
        }
        return examined.isNonceCurrent
    }

    /// Judges the credentials of a request that were examined.
    ///
    /// Costs two hashes (three with `-sess`) whether the user exists or not, one more for the first request of a user
    /// that was not prepared. A nonce that was used with a right password is remembered, nothing else.
    ///
    /// - Parameter password: nil when the user is unknown.
    package mutating func verify(_ examined: DigestCredentials, password: Secret?, at now: Instant) -> Verdict {
        let fields = examined.fields
        let known = password.flatMap {
            secrets.hash(of: fields.username, fields.algorithm, password: $0, using: hashes)
        }
        guard let secretHash = known ?? dummies[fields.algorithm],
            let expected = DigestResponse.compute(fields, secretHash: secretHash, using: hashes)
        else { return .unsupported }
        let isRight = constantTimeEquals(examined.response, expected)
        guard isRight, known != nil else { return .badCredentials }
        guard let nonce = examined.nonce, isCurrent(nonce, at: now) else { return .stale }
        switch counts.use(nonce, number: examined.count, expiredBefore: now - nonceLifetime) {
        case .fresh: return .ok
        case .repeated: return .replay
        case .forgotten: return .stale
        }
    }

    /// Examines and verifies in one step.
    ///
    /// - Parameters:
    ///   - uri: the Request-URI, which `digest-uri` must name.
    ///   - body: of the request; enters no supported `qop`.
    ///   - password: nil when the user is unknown.
    package mutating func verify(
        _ credentials: AuthenticationParameters, method: SIPMethod, uri: String, body: [UInt8] = [], password: Secret?,
        at now: Instant
    ) -> Verdict {
        switch examine(credentials, method: method, uri: uri, at: now) {
        case .complete(let examined): verify(examined, password: password, at: now)
        case .refused(let verdict): verdict
        }
    }

    private func isCurrent(_ nonce: DigestNonce, at now: Instant) -> Bool {
        nonce.issued >= now - nonceLifetime && nonce.issued <= now
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
        guard let text = fields.nonceCount, text.utf8.count == 8 else { return nil }
        var count: UInt32 = 0
        for digit in text.utf8 {
            guard let value = Hex.value(of: digit) else { return nil }
            count = count << 4 | UInt32(value)
        }
        return count
    }

    /// The digits of a response in lower case.
    private static func folded(_ response: String) -> [UInt8] {
        var digits = Array(response.utf8)
        for index in digits.indices where (0x41...0x46).contains(digits[index]) { digits[index] |= 0x20 }
        return digits
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
}

/// Credentials of a request that are complete and name our realm; see `DigestAuthenticator.examine`.
package struct DigestCredentials: Sendable {
    let fields: DigestResponse.Fields
    /// Digits in lower case.
    let response: [UInt8]
    let count: UInt32
    /// Nil when it is none of ours.
    let nonce: DigestNonce?
    /// True when we made the nonce and it was not too old: only who met a challenge has it.
    package let isNonceCurrent: Bool

    package var username: String { fields.username }
}

private func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
}
