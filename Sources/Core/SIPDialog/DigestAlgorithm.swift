import Primitives

/// The hash of digest access authentication (RFC 8760 section 2, RFC 7616 section 3.2).
package enum DigestAlgorithm: String, Sendable, Hashable, CaseIterable {
    case sha256 = "SHA-256"
    case sha256Session = "SHA-256-sess"
    case md5 = "MD5"
    case md5Session = "MD5-sess"

    /// The algorithm of that token, in any case; MD5 when there is none (RFC 2617 section 3.2.1). Nil when unknown.
    package init?(token: String?) {
        guard let token else {
            self = .md5
            return
        }
        guard let known = Self.allCases.first(where: { $0.rawValue.lowercased() == token.lowercased() }) else {
            return nil
        }
        self = known
    }

    /// The `-sess` variants mix both nonces into the secret part.
    package var isSession: Bool { self == .sha256Session || self == .md5Session }

    func hash(_ message: [UInt8], using hashes: any HashFunctions) -> String {
        switch self {
        case .sha256, .sha256Session: Hex.encode(hashes.sha256(message))
        case .md5, .md5Session: Hex.encode(hashes.md5(message))
        }
    }
}
