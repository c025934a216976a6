import COpenSSL

/// A P-256 public key. Equal when the points are.
///
/// `@unchecked Sendable`: nothing changes after `init`; libcrypto's objects are reference counted and may be read from all
/// threads.
package final class ECDSAPublicKey: @unchecked Sendable {
    let key: OpaquePointer
    /// SubjectPublicKeyInfo (RFC 5480).
    package let der: [UInt8]

    /// From a SubjectPublicKeyInfo; any other curve or kind of key is refused.
    package convenience init(der: [UInt8]) throws(CryptoError) {
        let key = decodeDER(der) {
            d2i_PUBKEY(nil, $0, $1)
        } release: {
            EVP_PKEY_free($0)
        }
        guard let key else { throw .malformed(what: "public key", reason: "it is not a SubjectPublicKeyInfo") }
        try self.init(adopting: key)
    }

    /// Takes ownership of `key`, also when it throws.
    init(adopting key: OpaquePointer) throws(CryptoError) {
        guard Self.isP256(key), let der = encodeDER({ i2d_PUBKEY(key, $0) }) else {
            EVP_PKEY_free(key)
            throw .unsupported("a public key that is not ECDSA P-256")
        }
        self.key = key
        self.der = der
    }

    deinit { EVP_PKEY_free(key) }

    /// True for a DER-encoded signature over the digest of 32 bytes; anything malformed is false.
    package func isValid(signature: [UInt8], sha256Digest: [UInt8]) -> Bool {
        guard sha256Digest.count == 32, let context = EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else { return false }
        defer { EVP_PKEY_CTX_free(context) }
        let isValid =
            EVP_PKEY_verify_init(context) == 1 && EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1
            && EVP_PKEY_verify(context, signature, signature.count, sha256Digest, sha256Digest.count) == 1
        ERR_clear_error()
        return isValid
    }

    static func isP256(_ key: OpaquePointer) -> Bool {
        guard EVP_PKEY_get_base_id(key) == NID_X9_62_id_ecPublicKey else { return false }
        var name = [CChar](repeating: 0, count: 32)
        guard EVP_PKEY_get_group_name(key, &name, name.count, nil) == 1 else { return false }
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text == "prime256v1" || text == "P-256"
    }
}

extension ECDSAPublicKey: Equatable {
    package static func == (left: ECDSAPublicKey, right: ECDSAPublicKey) -> Bool {
        EVP_PKEY_eq(left.key, right.key) == 1
    }
}
