import COpenSSL
package import Primitives

/// An X.509 certificate (RFC 5280), parsed once. Immutable.
///
/// `@unchecked Sendable`: nothing changes after `init`; libcrypto's objects are reference counted and may be read from all
/// threads.
package final class Certificate: @unchecked Sendable {
    /// What a leaf must be allowed to do (extended key usage, RFC 5280 section 4.2.1.12).
    package enum Purpose: Sendable, Hashable, CaseIterable { case client, server, any }

    /// A longer certificate is refused.
    package static let limitBytes = 16 * 1024
    /// Leaf and authorities of one chain.
    package static let chainLimit = 8
    package static let alternativeNameLimit = 64

    // Immutable after init and reference counted: libcrypto allows use from all threads.
    let x509: OpaquePointer
    package let der: [UInt8]
    /// One line, for people: `CN = …, OU = …`.
    package let subject: String
    package let subjectFields: SubjectFields
    /// dNSName entries of subjectAltName, lower case, in the certificate's order.
    package let dnsNames: [String]
    package let ipAddresses: [IPAddress]
    package let notBefore: UnixTime
    package let notAfter: UnixTime
    /// Nil when the key is not ECDSA P-256.
    package let publicKey: ECDSAPublicKey?

    package init(der: [UInt8]) throws(CryptoError) {
        guard der.count <= Self.limitBytes else {
            throw .limitExceeded(what: "certificate in bytes", value: der.count, limit: Self.limitBytes)
        }
        let parsed = decodeDER(der) {
            d2i_X509(nil, $0, $1)
        } release: {
            X509_free($0)
        }
        guard let parsed else { throw .malformed(what: "certificate", reason: "it is not X.509 in DER") }
        x509 = parsed
        self.der = der
        subject = CertificateFields.subjectLine(parsed)
        subjectFields = CertificateFields.subjectFields(parsed)
        (dnsNames, ipAddresses) = CertificateFields.alternativeNames(parsed)
        let start = CertificateFields.unixTime(X509_get0_notBefore(parsed))
        let end = CertificateFields.unixTime(X509_get0_notAfter(parsed))
        publicKey = X509_get_pubkey(parsed).flatMap { try? ECDSAPublicKey(adopting: $0) }
        ERR_clear_error()
        guard let start, let end else {
            X509_free(parsed)
            throw .malformed(what: "certificate", reason: "its validity is not a time")
        }
        notBefore = start
        notAfter = end
    }

    /// The first certificate in a PEM text.
    package convenience init(pem: String) throws(CryptoError) {
        guard let block = try PEM.blocks(in: pem).first(where: { $0.label == "CERTIFICATE" }) else {
            throw .malformed(what: "certificate", reason: "no CERTIFICATE block")
        }
        try self.init(der: block.bytes)
    }

    /// All certificates of a PEM text, leaf first; at least one, at most `chainLimit`.
    package static func chain(pem: String) throws(CryptoError) -> [Certificate] {
        let blocks = try PEM.blocks(in: pem).filter { $0.label == "CERTIFICATE" }
        guard !blocks.isEmpty else { throw .malformed(what: "certificate chain", reason: "no CERTIFICATE block") }
        guard blocks.count <= chainLimit else {
            throw .limitExceeded(what: "number of certificates in a chain", value: blocks.count, limit: chainLimit)
        }
        var chain: [Certificate] = []
        for block in blocks { chain.append(try Certificate(der: block.bytes)) }
        return chain
    }

    deinit { X509_free(x509) }

    package var pem: String { PEM.encode(PEM.Block(label: "CERTIFICATE", bytes: der)) }

    /// SHA-256 over the DER encoding.
    package var fingerprint: [UInt8] { HashAlgorithm.sha256.hash(der) }

    package var commonName: String? { subjectFields.commonName }
    package var organizationalUnit: String? { subjectFields.organizationalUnit }
    /// The subject attribute `serialNumber` (2.5.4.5), which names a device (X9); not the certificate's own number.
    package var subjectSerialNumber: String? { subjectFields.serialNumber }

    package var isSelfIssued: Bool {
        X509_NAME_cmp(X509_get_subject_name(x509), X509_get_issuer_name(x509)) == 0
    }
}

extension Certificate: Equatable {
    package static func == (left: Certificate, right: Certificate) -> Bool { left.der == right.der }
}

extension Certificate: CustomStringConvertible {
    package var description: String { subject }
}
