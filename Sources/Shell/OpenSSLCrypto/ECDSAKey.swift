import COpenSSL
package import Primitives

/// A P-256 private key held in memory (FIPS 186-5, RFC 5480). Never printed.
///
/// `@unchecked Sendable`: nothing changes after `init`; libcrypto's objects are reference counted and may be read from all
/// threads.
package final class ECDSAKey: KeySigner, @unchecked Sendable {
    let key: OpaquePointer
    package let publicKey: ECDSAPublicKey
    /// Where the key lives: nil for libcrypto's own context, else that of `TPMProvider`.
    private let library: OpaquePointer?

    /// A new key from the system's generator.
    package static func generate() throws(CryptoError) -> ECDSAKey {
        try ECDSAKey(adopting: try require(shim_generate_p256(), "key generation"))
    }

    /// From PKCS#8 (`PRIVATE KEY`) or SEC 1 (`EC PRIVATE KEY`) without encryption; or a key that a TPM 2.0 keeps
    /// (`TSS2 PRIVATE KEY`), of which the text holds no more than the TPM itself can open.
    package convenience init(pem: Secret) throws(CryptoError) {
        let text = pem.withBytes { String(decoding: $0, as: UTF8.self) }
        if text.contains(TPMProvider.armour) {
            let library = try TPMProvider.context()
            try self.init(adopting: try TPMProvider.key(text, library), library: library)
            return
        }
        let block = try PEM.blocks(in: text).first { $0.label == "PRIVATE KEY" || $0.label == "EC PRIVATE KEY" }
        guard let block else { throw .malformed(what: "private key", reason: "no PRIVATE KEY block") }
        try self.init(der: Secret(block.bytes))
    }

    /// From PKCS#8 or SEC 1.
    package convenience init(der: Secret) throws(CryptoError) {
        var bytes = der.withBytes { Array($0) }
        defer { bytes.wipe() }
        let key = decodeDER(bytes) {
            d2i_AutoPrivateKey(nil, $0, $1)
        } release: {
            EVP_PKEY_free($0)
        }
        guard let key else { throw .malformed(what: "private key", reason: "it is neither PKCS#8 nor SEC 1") }
        try self.init(adopting: key)
    }

    /// From the 32 bytes of the private number, for keys that a seed decides (simulation); 0 and what is not below the
    /// group's order is refused.
    package convenience init(scalar: Secret) throws(CryptoError) {
        guard scalar.count == 32 else {
            throw .invalidLength(what: "P-256 private number", bytes: scalar.count, expected: "32")
        }
        // ECPrivateKey (RFC 5915) without the public key, which libcrypto then computes.
        var bytes: [UInt8] = [0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20]
        scalar.withBytes { bytes.append(contentsOf: $0) }
        bytes += [0xA0, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
        defer { bytes.wipe() }
        try self.init(der: Secret(bytes))
    }

    /// Takes ownership of `key`, also when it throws.
    private init(adopting key: OpaquePointer, library: OpaquePointer? = nil) throws(CryptoError) {
        guard ECDSAPublicKey.isP256(key) else {
            EVP_PKEY_free(key)
            throw .unsupported("a private key that is not ECDSA P-256")
        }
        // A TPM checks what it is given when it loads it.
        guard library != nil || Self.isConsistent(key), let der = encodeDER({ i2d_PUBKEY(key, $0) }) else {
            EVP_PKEY_free(key)
            ERR_clear_error()
            throw .malformed(what: "private key", reason: "its numbers do not belong together")
        }
        do throws(CryptoError) { publicKey = try ECDSAPublicKey(der: der) } catch {
            EVP_PKEY_free(key)
            throw error
        }
        self.key = key
        self.library = library
    }

    deinit { EVP_PKEY_free(key) }

    /// PKCS#8 with PEM armour, not encrypted: write it with `PrivateFile.replace` only. Throws for a TPM's key.
    package func pem() throws(CryptoError) -> Secret {
        let info = try require(EVP_PKEY2PKCS8(key), "PKCS#8")
        defer { PKCS8_PRIV_KEY_INFO_free(info) }
        var der = try require(encodeDER { i2d_PKCS8_PRIV_KEY_INFO(info, $0) }, "PKCS#8")
        defer { der.wipe() }
        return Secret(PEM.encode(PEM.Block(label: "PRIVATE KEY", bytes: der)))
    }

    package func sign(sha256Digest: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard sha256Digest.count == 32 else {
            throw .invalidLength(what: "SHA-256 digest", bytes: sha256Digest.count, expected: "32")
        }
        let properties = library == nil ? nil : TPMProvider.properties
        let context = try require(EVP_PKEY_CTX_new_from_pkey(library, key, properties), "ECDSA")
        defer { EVP_PKEY_CTX_free(context) }
        try require(EVP_PKEY_sign_init(context), "ECDSA")
        try require(EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()), "ECDSA")
        var signature = [UInt8](repeating: 0, count: 128)
        var length = signature.count
        try require(EVP_PKEY_sign(context, &signature, &length, sha256Digest, 32), "ECDSA")
        return Array(signature.prefix(length))
    }

    private static func isConsistent(_ key: OpaquePointer) -> Bool {
        guard let context = EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else { return false }
        defer { EVP_PKEY_CTX_free(context) }
        return EVP_PKEY_check(context) == 1
    }
}

extension ECDSAKey: CustomStringConvertible, CustomReflectable {
    package var description: String { "<secret>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
