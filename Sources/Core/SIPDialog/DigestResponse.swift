package import Primitives

/// The `response` of digest credentials (RFC 7616 section 3.4.1, RFC 2617 section 3.2.2.1).
package enum DigestResponse {
    /// What enters the computation, all text as it stands between the quotes, unescaped.
    package struct Fields: Sendable, Equatable {
        package var algorithm: DigestAlgorithm
        package var username: String
        package var realm: String
        package var nonce: String
        /// Eight hexadecimal digits; with `qop` only.
        package var nonceCount: String?
        /// With `qop`, and for the `-sess` algorithms.
        package var clientNonce: String?
        /// `auth`, or nil for the form of RFC 2069.
        package var qop: String?
        package var method: String
        /// `digest-uri` as the client wrote it.
        package var uri: String

        package init(
            algorithm: DigestAlgorithm, username: String, realm: String, nonce: String, nonceCount: String? = nil,
            clientNonce: String? = nil, qop: String? = nil, method: String, uri: String
        ) {
            self.algorithm = algorithm
            self.username = username
            self.realm = realm
            self.nonce = nonce
            self.nonceCount = nonceCount
            self.clientNonce = clientNonce
            self.qop = qop
            self.method = method
            self.uri = uri
        }
    }

    /// Lower-case hexadecimal digits, 32 or 64. Nil for a `qop` other than `auth` (`auth-int` is not supported), when
    /// `qop` is there without count or client nonce, and when `hashes` lacks the algorithm.
    package static func compute(_ fields: Fields, password: Secret, using hashes: any HashFunctions) -> String? {
        guard let secretHash = secretHash(of: fields, password: password, using: hashes) else { return nil }
        return compute(fields, secretHash: secretHash, using: hashes).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The hash of user, realm and password in hexadecimal digits (HA1 but for `-sess`): as good as the password for
    /// this realm and this algorithm. Nil when `hashes` lacks the algorithm.
    static func secretHash(of fields: Fields, password: Secret, using hashes: any HashFunctions) -> Secret? {
        secretHash(
            username: fields.username, realm: fields.realm, password: password, algorithm: fields.algorithm,
            using: hashes)
    }

    static func secretHash(
        username: String, realm: String, password: Secret, algorithm: DigestAlgorithm, using hashes: any HashFunctions
    ) -> Secret? {
        var text: [UInt8] = []
        text.reserveCapacity(username.utf8.count + realm.utf8.count + password.count + 2)
        text += username.utf8
        text.append(colon)
        text += realm.utf8
        text.append(colon)
        password.withBytes { text.append(contentsOf: $0) }
        guard let hash = algorithm.hash(text, using: hashes) else { return nil }
        var digits: [UInt8] = []
        Hex.append(hash, to: &digits)
        return Secret(digits)
    }

    /// The response as ASCII digits: two hashes, three for `-sess`. Nil as above.
    static func compute(_ fields: Fields, secretHash: Secret, using hashes: any HashFunctions) -> [UInt8]? {
        let algorithm = fields.algorithm
        if fields.qop != nil {
            guard fields.qop?.lowercased() == "auth", fields.nonceCount != nil, fields.clientNonce != nil else {
                return nil
            }
        }
        var text: [UInt8] = []
        text.reserveCapacity(320)
        secretHash.withBytes { text.append(contentsOf: $0) }
        if algorithm.isSession {
            guard let clientNonce = fields.clientNonce else { return nil }
            append(fields.nonce, to: &text)
            append(clientNonce, to: &text)
            guard let mixed = algorithm.hash(text, using: hashes) else { return nil }
            text.removeAll(keepingCapacity: true)
            Hex.append(mixed, to: &text)
        }
        append(fields.nonce, to: &text)
        if let qop = fields.qop, let count = fields.nonceCount, let clientNonce = fields.clientNonce {
            append(count, to: &text)
            append(clientNonce, to: &text)
            append(qop, to: &text)
        }
        var request = Array(fields.method.utf8)
        append(fields.uri, to: &request)
        guard let second = algorithm.hash(request, using: hashes) else { return nil }
        text.append(colon)
        Hex.append(second, to: &text)
        guard let response = algorithm.hash(text, using: hashes) else { return nil }
        var digits: [UInt8] = []
        digits.reserveCapacity(2 * response.count)
        Hex.append(response, to: &digits)
        return digits
    }

    private static func append(_ field: String, to text: inout [UInt8]) {
        text.append(colon)
        text += field.utf8
    }
}

private let colon = UInt8(ascii: ":")
