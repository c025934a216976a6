import COpenSSL
package import Primitives
package import RTP

/// The session keys of one kind of packets, as a master key yields them (RFC 3711 section 4.3, RFC 7714 section 11).
package struct SRTPSessionKeys: Sendable, Equatable {
    package let encryption: Secret
    package let salt: Secret
    /// Empty for AEAD suites.
    package let authentication: Secret

    package init(encryption: Secret, salt: Secret, authentication: Secret) {
        self.encryption = encryption
        self.salt = salt
        self.authentication = authentication
    }
}

/// Derives session keys from a master key. The key derivation rate is always zero: once per master key.
package enum SRTPKeyDerivation {
    /// What the session keys are for; the raw value is the first of three labels (RFC 3711 section 4.3.1 and 4.3.2).
    package enum Use: UInt8, Sendable { case rtp = 0, rtcp = 3 }

    /// The three keys of `use`. Throws what libcrypto says.
    package static func sessionKeys(_ master: SRTPMasterKey, for use: Use) throws(CryptoError) -> SRTPSessionKeys {
        var material = master.keyAndSalt.withBytes { Array($0) }
        defer { material.wipe() }
        let suite = master.suite
        let key = material[..<suite.keyBytes]
        let salt = material[suite.keyBytes...]
        func derive(_ label: UInt8, _ count: Int) throws(CryptoError) -> Secret {
            try Self.derive(label: use.rawValue + label, key: key, salt: salt, byteCount: count)
        }
        return SRTPSessionKeys(
            encryption: try derive(0, suite.keyBytes), salt: try derive(2, suite.saltBytes),
            authentication: try derive(1, suite.authenticationKeyBytes))
    }

    /// `byteCount` bytes of the keystream that belongs to a label: AES in counter mode over zeros, the label XORed into
    /// byte 7 of the salt. A salt of 12 bytes is filled up with zeros at its end.
    package static func derive(
        label: UInt8, key: some Collection<UInt8>, salt: some Collection<UInt8>, byteCount: Int
    ) throws(CryptoError) -> Secret {
        guard byteCount > 0 else { return Secret([]) }
        guard salt.count <= 14, [16, 32].contains(key.count) else {
            throw .invalidLength(
                what: "SRTP master key", bytes: key.count, expected: "16 or 32, and a salt of 14 at most")
        }
        var counter = Array(salt) + [UInt8](repeating: 0, count: 16 - salt.count)
        counter[7] ^= label
        var keyBytes = Array(key)
        var stream = [UInt8](repeating: 0, count: byteCount)
        defer {
            keyBytes.wipe()
            counter.wipe()
            stream.wipe()
        }
        let context = try require(EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new")
        defer { EVP_CIPHER_CTX_free(context) }
        let cipher = key.count == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr()
        try require(EVP_EncryptInit_ex(context, cipher, nil, keyBytes, counter), "AES-CTR")
        let zeros = [UInt8](repeating: 0, count: byteCount)
        var written: Int32 = 0
        try require(EVP_EncryptUpdate(context, &stream, &written, zeros, Int32(byteCount)), "AES-CTR")
        return Secret(stream)
    }
}
