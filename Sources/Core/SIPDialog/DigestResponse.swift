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

    /// Lower-case hexadecimal digits, 32 or 64. Nil for a `qop` other than `auth` (`auth-int` is not supported), and
    /// when `qop` is there without count or client nonce.
    package static func compute(_ fields: Fields, password: Secret, using hashes: any HashFunctions) -> String? {
        let algorithm = fields.algorithm
        var secret = Array("\(fields.username):\(fields.realm):".utf8)
        password.withBytes { secret.append(contentsOf: $0) }
        var first = algorithm.hash(secret, using: hashes)
        if algorithm.isSession {
            guard let clientNonce = fields.clientNonce else { return nil }
            first = algorithm.hash(Array("\(first):\(fields.nonce):\(clientNonce)".utf8), using: hashes)
        }
        let second = algorithm.hash(Array("\(fields.method):\(fields.uri)".utf8), using: hashes)
        guard let qop = fields.qop else {
            return algorithm.hash(Array("\(first):\(fields.nonce):\(second)".utf8), using: hashes)
        }
        guard qop.lowercased() == "auth", let count = fields.nonceCount, let clientNonce = fields.clientNonce else {
            return nil
        }
        let text = "\(first):\(fields.nonce):\(count):\(clientNonce):\(qop):\(second)"
        return algorithm.hash(Array(text.utf8), using: hashes)
    }
}
