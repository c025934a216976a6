import Primitives
import SIPMessage

/// A challenge that we can meet.
struct DigestChallenge: Sendable, Equatable {
    let algorithm: DigestAlgorithm
    /// As the server spelt it; nil when it named none.
    let algorithmToken: String?
    let realm: String
    let nonce: String
    let opaque: String?
    /// It offers `qop=auth`.
    let hasQuality: Bool
    /// Only the nonce was too old; the password was right.
    let isStale: Bool
    /// Where else the credentials are good (RFC 7616 section 3.3); empty for everywhere.
    let domain: [SIPURI]

    /// Nil for other schemes, unknown algorithms, `auth-int` alone, and without realm or nonce.
    init?(_ challenge: AuthenticationParameters, hashes: any HashFunctions) {
        let parameters = challenge.parameters
        guard challenge.isDigest, let realm = parameters["realm"], let nonce = parameters["nonce"],
            let algorithm = DigestAlgorithm(token: parameters["algorithm"]), algorithm.isAvailable(in: hashes)
        else { return nil }
        if let qop = parameters["qop"] {
            let offered = qop.lowercased().split { $0 == "," || $0 == " " || $0 == "\t" }
            guard offered.contains("auth") else { return nil }
        }
        hasQuality = parameters["qop"] != nil
        algorithmToken = parameters["algorithm"]
        opaque = parameters["opaque"]
        isStale = parameters["stale"]?.lowercased() == "true"
        domain = (parameters["domain"] ?? "").split(separator: " ").compactMap { try? SIPURI(parsing: $0) }
        self.algorithm = algorithm
        self.realm = realm
        self.nonce = nonce
    }

    /// True when the credentials may go along unasked in a request for `uri`.
    func covers(_ uri: SIPURI) -> Bool {
        domain.isEmpty || domain.contains { $0.host.lowercased() == uri.host.lowercased() && $0.port == uri.port }
    }
}
