package import Primitives

/// The hash of digest access authentication (RFC 8760 section 2, RFC 7616 section 3.2).
package enum DigestAlgorithm: String, Sendable, Hashable, CaseIterable {
    case sha256 = "SHA-256"
    case sha256Session = "SHA-256-sess"
    case sha512t256 = "SHA-512-256"
    case sha512t256Session = "SHA-512-256-sess"
    case md5 = "MD5"
    case md5Session = "MD5-sess"

    /// The algorithm of that token, in any case; MD5 when there is none (RFC 2617 section 3.2.1). Nil when unknown.
    package init?(token: String?) {
        guard let token else {
            self = .md5
            return
        }
        if let exact = Self(rawValue: token) {
            self = exact
            return
        }
        let folded = token.lowercased()
        guard let known = Self.allCases.first(where: { $0.rawValue.lowercased() == folded }) else { return nil }
        self = known
    }

    /// The `-sess` variants mix both nonces into the secret part.
    package var isSession: Bool {
        switch self {
        case .sha256Session, .sha512t256Session, .md5Session: true
        case .sha256, .sha512t256, .md5: false
        }
    }

    /// Without `-sess`: what makes the hash of user, realm and password.
    var plain: DigestAlgorithm {
        switch self {
        case .sha256, .sha256Session: .sha256
        case .sha512t256, .sha512t256Session: .sha512t256
        case .md5, .md5Session: .md5
        }
    }

    /// True when `hashes` can compute it; false for SHA-512-256 only.
    package func isAvailable(in hashes: any HashFunctions) -> Bool {
        plain != .sha512t256 || hashes.sha512t256([]) != nil
    }

    /// Nil when `hashes` cannot compute it.
    func hash(_ message: [UInt8], using hashes: any HashFunctions) -> [UInt8]? {
        switch plain {
        case .sha256, .sha256Session: hashes.sha256(message)
        case .sha512t256, .sha512t256Session: hashes.sha512t256(message)
        case .md5, .md5Session: hashes.md5(message)
        }
    }
}
