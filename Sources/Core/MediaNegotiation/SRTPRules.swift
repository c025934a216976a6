package import Primitives

/// Which SRTP policy a leg gets by how its signalling travels.
///
/// Keys in a session description are worth what the transport of the description is worth (RFC 4568 section 8.3). So they
/// are given over TLS only, unless `inClear` says otherwise: for a network that is private by other means. A
/// fingerprint is no secret and may stand in the clear; there it keeps out who listens, not who alters the signalling.
package struct SRTPRules: Hashable, Sendable {
    package var overTLS: SRTPPolicy
    package var inClear: SRTPPolicy
    /// What is taken over TLS, the first of them offered.
    package var keyingOverTLS: [SRTPKeying]
    /// The same where the signalling can be read.
    package var keyingInClear: [SRTPKeying]
    /// Of the certificate that the media engine presents over DTLS; nil: no DTLS.
    package var fingerprint: CertificateFingerprint?

    package init(
        overTLS: SRTPPolicy = .accepted, inClear: SRTPPolicy = .never, keyingOverTLS: [SRTPKeying] = [.sdes, .dtls],
        keyingInClear: [SRTPKeying] = [.sdes, .dtls], fingerprint: CertificateFingerprint? = nil
    ) {
        self.overTLS = overTLS
        self.inClear = inClear
        self.keyingOverTLS = keyingOverTLS
        self.keyingInClear = keyingInClear
        self.fingerprint = fingerprint
    }

    /// Policy and fresh keys for one leg.
    package func security(isSignallingSecure: Bool, entropy: inout Entropy) -> LegSecurity {
        LegSecurity(
            isSignallingSecure ? overTLS : inClear,
            keying: isSignallingSecure ? keyingOverTLS : keyingInClear, fingerprint: fingerprint, entropy: &entropy)
    }
}
