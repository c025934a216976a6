import COpenSSL
package import Primitives

/// Diffie-Hellman on Curve25519 (RFC 7748 section 5).
package enum X25519 {
    package static let keyBytes = 32

    /// 32 bytes; throws when the result would be all zero (a peer's point of small order, RFC 7748 section 6.1).
    package static func sharedSecret(privateKey: Secret, publicKey: [UInt8]) throws(CryptoError) -> Secret {
        guard publicKey.count == keyBytes else {
            throw .invalidLength(what: "X25519 public key", bytes: publicKey.count, expected: "\(keyBytes)")
        }
        let own = try load(privateKey)
        defer { EVP_PKEY_free(own) }
        let peer = try require(
            EVP_PKEY_new_raw_public_key_ex(nil, "X25519", nil, publicKey, publicKey.count), "X25519 public key")
        defer { EVP_PKEY_free(peer) }
        let context = try require(EVP_PKEY_CTX_new_from_pkey(nil, own, nil), "X25519")
        defer { EVP_PKEY_CTX_free(context) }
        try require(EVP_PKEY_derive_init(context), "X25519")
        try require(EVP_PKEY_derive_set_peer(context, peer), "X25519")
        var shared = [UInt8](repeating: 0, count: keyBytes)
        defer { shared.wipe() }
        var length = shared.count
        guard EVP_PKEY_derive(context, &shared, &length) == 1, length == keyBytes else {
            ERR_clear_error()
            throw .malformed(what: "X25519 public key", reason: "it is a point of small order")
        }
        return Secret(shared)
    }

    /// The public key of a private one.
    package static func publicKey(of privateKey: Secret) throws(CryptoError) -> [UInt8] {
        let key = try load(privateKey)
        defer { EVP_PKEY_free(key) }
        var bytes = [UInt8](repeating: 0, count: keyBytes)
        var length = bytes.count
        try require(EVP_PKEY_get_raw_public_key(key, &bytes, &length), "X25519 public key")
        return bytes
    }

    private static func load(_ privateKey: Secret) throws(CryptoError) -> OpaquePointer {
        guard privateKey.count == keyBytes else {
            throw .invalidLength(what: "X25519 private key", bytes: privateKey.count, expected: "\(keyBytes)")
        }
        let key = privateKey.withBytes { bytes in
            EVP_PKEY_new_raw_private_key_ex(
                nil, "X25519", nil, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
        }
        return try require(key, "X25519 private key")
    }
}
