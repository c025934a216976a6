package import Primitives
package import SIPMessage

/// The client's half of digest authentication (RFC 3261 section 22, RFC 8760).
package enum DigestClient {
    /// Credentials for the best of the challenges: SHA-256 and SHA-512-256 before MD5, the plain form before `-sess`,
    /// then the order of the server (RFC 8760 section 2.4). Their `description` is the value of Authorization or Proxy-Authorization.
    ///
    /// - Parameters:
    ///   - uri: the Request-URI, as it stands in the request.
    ///   - nc: how many requests have used this nonce, this one included.
    ///   - cnonce: random; it goes out even without `qop` when the algorithm needs it.
    /// - Returns: nil when no challenge can be met: other schemes, unknown algorithms, `auth-int` alone.
    package static func authorization(
        for challenges: [AuthenticationParameters], username: String, password: Secret, method: SIPMethod, uri: String,
        nc: UInt32, cnonce: String, hashes: any HashFunctions
    ) -> AuthenticationParameters? {
        let usable = challenges.compactMap { DigestChallenge($0, hashes: hashes) }
        for algorithms in preference {
            guard let challenge = usable.first(where: { algorithms.contains($0.algorithm) }) else { continue }
            let algorithm = challenge.algorithm
            let count = countText(nc)
            let fields = DigestResponse.Fields(
                algorithm: algorithm, username: username, realm: challenge.realm, nonce: challenge.nonce,
                nonceCount: challenge.hasQuality ? count : nil,
                clientNonce: challenge.hasQuality || algorithm.isSession ? cnonce : nil,
                qop: challenge.hasQuality ? "auth" : nil, method: method.rawValue, uri: uri)
            guard let response = DigestResponse.compute(fields, password: password, using: hashes) else { continue }
            return credentials(fields, response: response, challenge: challenge)
        }
        return nil
    }

    /// The strongest first; those of one row are equals.
    static let preference: [[DigestAlgorithm]] = [
        [.sha256, .sha512t256], [.sha256Session, .sha512t256Session], [.md5], [.md5Session],
    ]

    static func credentials(
        _ fields: DigestResponse.Fields, response: String, challenge: DigestChallenge
    ) -> AuthenticationParameters {
        var parameters = SIPParameters()
        parameters.set("username", fields.username)
        parameters.set("realm", fields.realm)
        parameters.set("nonce", fields.nonce)
        parameters.set("uri", fields.uri)
        parameters.set("response", response)
        if let token = challenge.algorithmToken { parameters.set("algorithm", token) }
        if let opaque = challenge.opaque { parameters.set("opaque", opaque) }
        if let qop = fields.qop { parameters.set("qop", qop) }
        if let clientNonce = fields.clientNonce { parameters.set("cnonce", clientNonce) }
        if let count = fields.nonceCount { parameters.set("nc", count) }
        return AuthenticationParameters(scheme: "Digest", parameters: parameters)
    }

    /// `nc` as it stands in the header: eight hexadecimal digits.
    package static func countText(_ count: UInt32) -> String {
        let digits = String(count, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }
}
