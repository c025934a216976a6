/// What can be wrong with the material of a TLS configuration; peers' mistakes are NIOSSL's errors.
package enum TLSError: Error, Sendable, Hashable {
    /// The PEM text holds no certificate that can be read.
    case unreadableCertificate(what: String, reason: String)
    /// The PEM text holds no private key that can be read.
    case unreadableKey(reason: String)
    /// NIOSSL refuses the combination (for example a key that does not belong to the certificate).
    case refusedConfiguration(reason: String)
}

extension TLSError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadableCertificate(let what, let reason):
            "the \(what) is not a PEM certificate (\(reason)); make the PKI again or name another file"
        case .unreadableKey(let reason):
            "the private key is not readable PEM (\(reason)); make the PKI again or name another file"
        case .refusedConfiguration(let reason):
            "TLS refuses this certificate and key (\(reason)); check that they belong together"
        }
    }
}
