import COpenSSL

/// A certification request (PKCS#10, RFC 2986), by which a device whose key cannot leave asks for its certificate.
package struct CertificateRequest: Sendable, Equatable {
    package static let limitBytes = 8 * 1024

    package let der: [UInt8]
    package let subject: SubjectFields
    package let publicKey: ECDSAPublicKey

    /// Parses a request and checks that its sender holds the private key.
    package init(der: [UInt8]) throws(CryptoError) {
        guard der.count <= Self.limitBytes else {
            throw .limitExceeded(what: "certification request in bytes", value: der.count, limit: Self.limitBytes)
        }
        let parsed = decodeDER(der) {
            d2i_X509_REQ(nil, $0, $1)
        } release: {
            X509_REQ_free($0)
        }
        guard let parsed, let key = X509_REQ_get_pubkey(parsed) else {
            throw .malformed(what: "certification request", reason: "it is not PKCS#10 in DER")
        }
        defer { X509_REQ_free(parsed) }
        publicKey = try ECDSAPublicKey(adopting: key)
        guard X509_REQ_verify(parsed, publicKey.key) == 1 else {
            ERR_clear_error()
            throw .signatureInvalid("the certification request")
        }
        subject = CertificateFields.fields(of: X509_REQ_get_subject_name(parsed))
        self.der = der
    }

    /// Makes a request and has `signer` sign it.
    package static func make(subject: SubjectFields, signer: some KeySigner) throws(CryptoError) -> CertificateRequest {
        let draft = try require(X509_REQ_new(), "certification request")
        defer { X509_REQ_free(draft) }
        let name = try DistinguishedName(subject)
        try require(X509_REQ_set_version(draft, 0), "certification request")
        try require(X509_REQ_set_subject_name(draft, name.name), "certification request")
        try require(X509_REQ_set_pubkey(draft, signer.publicKey.key), "certification request")
        let body = try require(encodeDER { i2d_re_X509_REQ_tbs(draft, $0) }, "certification request")
        let signature = try signer.sign(sha256Digest: HashAlgorithm.sha256.hash(body))
        let algorithm = try require(X509_ALGOR_new(), "signature algorithm")
        defer { X509_ALGOR_free(algorithm) }
        try require(
            X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF, nil), "signature algorithm")
        try require(X509_REQ_set1_signature_algo(draft, algorithm), "signature algorithm")
        let bits = try require(ASN1_BIT_STRING_new(), "signature")
        guard shim_bit_string_set(bits, signature, Int32(signature.count)) == 1 else {
            ASN1_BIT_STRING_free(bits)
            throw openSSLFailure("signature")
        }
        X509_REQ_set0_signature(draft, bits)  // takes ownership
        return try CertificateRequest(der: try require(encodeDER { i2d_X509_REQ(draft, $0) }, "certification request"))
    }
}
