import COpenSSL
package import Primitives
package import RTP

/// The certificate that the media engine presents over DTLS, and what its associations share (RFC 5763 section 3).
///
/// Made once when a process starts and never stored: nobody outside of a call refers to it.
///
/// `@unchecked Sendable`: nothing changes after `init`; libssl allows associations to be made of one context from all
/// threads.
package final class DTLSIdentity: KeyAgreementFactory, @unchecked Sendable {
    /// SRTP profiles, the best first (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
    static let profiles = "SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"
    /// Forward secrecy and AEAD alone; ECDHE-ECDSA-AES128-GCM-SHA256 is what every WebRTC peer has (RFC 8827 section
    /// 6.5).
    private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:!PSK"

    /// What our session descriptions say.
    package let fingerprint: CertificateFingerprint
    package let certificate: Certificate
    let context: OpaquePointer
    private let limits: Limits

    /// A new key, and a self-signed certificate that says nothing about the appliance. Peers go by the fingerprint; for
    /// those that look at the dates all the same it is valid for ten years from the day before `now`.
    package convenience init(limits: Limits = Limits(), at now: UnixTime) throws(CryptoError) {
        let key = try ECDSAKey.generate()
        let day = Duration.seconds(86_400)
        let template = CertificateTemplate(
            subject: SubjectFields(commonName: "DTLS-SRTP"), role: .clientAndServer, notBefore: now + (.zero - day),
            notAfter: now + day * 3_650)
        try self.init(certificate: try Certificate.selfSigned(template, key: key), key: key, limits: limits)
    }

    /// Throws when the key is not the certificate's, or libssl refuses.
    package init(certificate: Certificate, key: ECDSAKey, limits: Limits = Limits()) throws(CryptoError) {
        ERR_clear_error()
        context = try require(SSL_CTX_new(DTLS_method()), "DTLS")
        self.certificate = certificate
        self.limits = limits
        guard let fingerprint = CertificateFingerprint(.sha256, digest: certificate.fingerprint) else {
            SSL_CTX_free(context)
            throw .malformed(what: "DTLS certificate", reason: "it has no SHA-256 fingerprint")
        }
        self.fingerprint = fingerprint
        // From here on `deinit` frees the context, also when this throws.
        try configure(key)
    }

    deinit { SSL_CTX_free(context) }

    private func configure(_ key: ECDSAKey) throws(CryptoError) {
        try require(shim_dtls_configure(context, Certificate.limitBytes), "DTLS 1.2")
        try require(SSL_CTX_set_cipher_list(context, Self.ciphers), "DTLS cipher suites")
        // Zero is success here.
        guard SSL_CTX_set_tlsext_use_srtp(context, Self.profiles) == 0 else { throw openSSLFailure("SRTP profiles") }
        try require(SSL_CTX_use_certificate(context, certificate.x509), "DTLS certificate")
        try require(SSL_CTX_use_PrivateKey(context, key.key), "DTLS key")
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        SSL_CTX_set_cert_verify_callback(context, { store, _ in DTLSAssociation.verifies(store) ? 1 : 0 }, nil)
    }

    package func makeAgreement(
        _ parameters: KeyAgreementParameters, at now: Instant
    ) throws(KeyAgreementFailure) -> any KeyAgreement {
        try DTLSAssociation(self, parameters, limits: limits, at: now)
    }
}
