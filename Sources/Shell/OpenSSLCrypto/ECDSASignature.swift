import COpenSSL

/// The two encodings of a P-256 signature.
package enum ECDSASignature {
    package static let rawBytes = 64

    /// r and s, 32 bytes each (RFC 7518 section 3.4), of a DER-encoded ECDSA-Sig-Value.
    package static func raw(fromDER signature: [UInt8]) throws(CryptoError) -> [UInt8] {
        let parsed = decodeDER(signature) {
            d2i_ECDSA_SIG(nil, $0, $1)
        } release: {
            ECDSA_SIG_free($0)
        }
        guard let parsed else { throw .malformed(what: "ECDSA signature", reason: "it is not an ECDSA-Sig-Value") }
        defer { ECDSA_SIG_free(parsed) }
        var r = [UInt8](repeating: 0, count: 32)
        var s = r
        guard BN_bn2binpad(ECDSA_SIG_get0_r(parsed), &r, 32) == 32, BN_bn2binpad(ECDSA_SIG_get0_s(parsed), &s, 32) == 32
        else {
            ERR_clear_error()
            throw .malformed(what: "ECDSA signature", reason: "a number is longer than 32 bytes")
        }
        return r + s
    }

    /// The DER encoding of r and s.
    package static func der(fromRaw signature: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard signature.count == rawBytes else {
            throw .invalidLength(what: "ES256 signature", bytes: signature.count, expected: "\(rawBytes)")
        }
        let value = try require(ECDSA_SIG_new(), "ECDSA signature")
        defer { ECDSA_SIG_free(value) }
        let r = BN_bin2bn(Array(signature[..<32]), 32, nil)
        let s = BN_bin2bn(Array(signature[32...]), 32, nil)
        guard let r, let s, ECDSA_SIG_set0(value, r, s) == 1 else {
            BN_free(r)
            BN_free(s)
            throw openSSLFailure("ECDSA signature")
        }
        return try require(encodeDER { i2d_ECDSA_SIG(value, $0) }, "ECDSA signature")
    }
}
