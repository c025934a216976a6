import COpenSSL
import Primitives

extension Certificate {
    /// A self-signed certificate: a root, or an unprovisioned device's own.
    package static func selfSigned(_ template: CertificateTemplate, key: ECDSAKey) throws(CryptoError) -> Certificate {
        try make(template, publicKey: key.publicKey, issuer: nil, key: key)
    }

    /// A certificate for `publicKey`, signed by this authority with its `key` (ecdsa-with-SHA256).
    package func issue(
        _ template: CertificateTemplate, publicKey: ECDSAPublicKey, key: ECDSAKey
    ) throws(CryptoError) -> Certificate {
        guard self.publicKey == key.publicKey else {
            throw .malformed(what: "issuing key", reason: "it does not belong to '\(subject)'")
        }
        return try Self.make(template, publicKey: publicKey, issuer: self, key: key)
    }

    private static func make(
        _ template: CertificateTemplate, publicKey: ECDSAPublicKey, issuer: Certificate?, key: ECDSAKey
    ) throws(CryptoError) -> Certificate {
        let draft = try require(X509_new(), "certificate")
        defer { X509_free(draft) }
        try require(X509_set_version(draft, 2), "certificate version")
        try setNumber(draft)
        try require(X509_set_pubkey(draft, publicKey.key), "certificate key")
        let subject = try DistinguishedName(template.subject)
        try require(X509_set_subject_name(draft, subject.name), "certificate subject")
        let issuerName = issuer.map { X509_get_subject_name($0.x509) } ?? subject.name
        try require(X509_set_issuer_name(draft, issuerName), "certificate issuer")
        _ = try require(ASN1_TIME_set(X509_getm_notBefore(draft), time_t(template.notBefore.seconds)), "validity")
        _ = try require(ASN1_TIME_set(X509_getm_notAfter(draft), time_t(template.notAfter.seconds)), "validity")
        try addExtensions(template, to: draft, issuer: issuer?.x509 ?? draft)
        guard X509_sign(draft, key.key, EVP_sha256()) > 0 else { throw openSSLFailure("certificate signature") }
        return try Certificate(der: try require(encodeDER { i2d_X509(draft, $0) }, "certificate encoding"))
    }

    /// 127 random bits (RFC 5280 section 4.1.2.2: positive, at most 20 bytes).
    private static func setNumber(_ draft: OpaquePointer) throws(CryptoError) {
        var bytes = SystemEntropyGenerator.bytes(16)
        bytes[0] = bytes[0] & 0x7F | 0x40
        let number = try require(BN_bin2bn(bytes, Int32(bytes.count), nil), "certificate number")
        defer { BN_free(number) }
        _ = try require(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(draft)), "certificate number")
    }

    private static func addExtensions(
        _ template: CertificateTemplate, to draft: OpaquePointer, issuer: OpaquePointer
    ) throws(CryptoError) {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer, draft, nil, nil, 0)
        var extensions: [(Int32, String)] = [
            (NID_basic_constraints, template.basicConstraints), (NID_key_usage, template.keyUsage),
            (NID_subject_key_identifier, "hash"), (NID_authority_key_identifier, "keyid:always"),
        ]
        if let usage = template.extendedKeyUsage { extensions.append((NID_ext_key_usage, usage)) }
        if let names = try template.alternativeNames() { extensions.append((NID_subject_alt_name, names)) }
        for (nid, text) in extensions {
            let made = try require(X509V3_EXT_nconf_nid(nil, &context, nid, text), "extension \(text)")
            defer { X509_EXTENSION_free(made) }
            try require(X509_add_ext(draft, made, -1), "extension \(text)")
        }
    }
}

/// An X.500 name under construction.
final class DistinguishedName {
    let name: OpaquePointer

    init(_ fields: SubjectFields) throws(CryptoError) {
        name = try require(X509_NAME_new(), "name")
        try add(NID_commonName, fields.commonName)
        try add(NID_organizationalUnitName, fields.organizationalUnit)
        try add(NID_serialNumber, fields.serialNumber)
    }

    deinit { X509_NAME_free(name) }

    private func add(_ nid: Int32, _ value: String?) throws(CryptoError) {
        guard let value else { return }
        let bytes = Array(value.utf8)
        guard (1...64).contains(bytes.count), bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw .invalidName(what: "certificate subject", value: value)
        }
        try require(shim_name_add_utf8(name, nid, bytes, Int32(bytes.count)), "name \(value)")
    }
}
