/// Everything that can go wrong in this module. Texts say what happened, to what, and what to try; never a secret.
package enum CryptoError: Error, Sendable, Hashable {
    /// libcrypto refused; `detail` is its own text.
    case openSSL(operation: String, detail: String)
    case invalidLength(what: String, bytes: Int, expected: String)
    case malformed(what: String, reason: String)
    case unsupported(String)
    /// A tag, MAC or padding does not match: wrong key, or altered data.
    case authenticationFailed(String)
    case signatureInvalid(String)
    /// Path validation (RFC 5280 section 6) failed.
    case certificateRejected(subject: String, reason: String)
    case wrongRole(found: String, required: String)
    /// None of the identities opens the file.
    case noMatchingIdentity
    case wrongPassphrase
    case limitExceeded(what: String, value: Int, limit: Int)
    case alreadyExists(path: String)
    /// A name that cannot stand in a certificate or a path.
    case invalidName(what: String, value: String)
    case file(FileFailure)
    /// A delegated signer (HAL) refused.
    case signingFailed(String)
}

extension CryptoError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .openSSL(let operation, let detail): "OpenSSL refused \(operation): \(detail)"
        case .invalidLength(let what, let bytes, let expected): "\(what) has \(bytes) bytes, expected \(expected)"
        case .malformed(let what, let reason): "\(what) cannot be read: \(reason); fetch or make it again"
        case .unsupported(let what): "\(what) is not supported"
        case .authenticationFailed(let what): "\(what) does not authenticate: the key is wrong or the data was altered"
        case .signatureInvalid(let what): "the signature of \(what) is not valid for its key"
        case .certificateRejected(let subject, let reason):
            "certificate '\(subject)' is rejected: \(reason); check the clock and which vendor root is installed"
        case .wrongRole(let found, let required):
            "the certificate's organizational unit is '\(found)', but '\(required)' is required; use that role's certificate"
        case .noMatchingIdentity: "no identity opens this file; use the one whose recipient it was encrypted to"
        case .wrongPassphrase: "the passphrase does not open this file; an old backup needs the password of its day"
        case .limitExceeded(let what, let value, let limit): "\(what) is \(value), limit \(limit)"
        case .alreadyExists(let path): "\(path) exists already; choose another directory or use --force to overwrite it"
        case .invalidName(let what, let value): "'\(value)' is not a valid \(what)"
        case .file(let failure): failure.description
        case .signingFailed(let reason): "the key refused to sign: \(reason)"
        }
    }
}
