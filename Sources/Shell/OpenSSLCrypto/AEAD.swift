import COpenSSL
package import Primitives

/// Authenticated encryption with associated data (RFC 5116); tags are 16 bytes, at the end of the sealed text.
package enum AEAD: String, Sendable, Hashable, CaseIterable {
    case aes128GCM, aes192GCM, aes256GCM
    /// RFC 8439.
    case chaCha20Poly1305

    package static let tagBytes = 16

    package var keyBytes: Int {
        switch self {
        case .aes128GCM: 16
        case .aes192GCM: 24
        case .aes256GCM, .chaCha20Poly1305: 32
        }
    }

    /// The AES-GCM whose key has this many bytes.
    package static func aesGCM(keyBytes: Int) -> AEAD? {
        [.aes128GCM, .aes192GCM, .aes256GCM].first { $0.keyBytes == keyBytes }
    }

    /// Ciphertext and tag. A nonce must never be used twice with one key.
    package func seal(
        _ plaintext: [UInt8], key: Secret, nonce: [UInt8], associatedData: [UInt8] = []
    ) throws(CryptoError) -> [UInt8] {
        let context = try prepared(key: key, nonce: nonce, encrypt: 1)
        defer { EVP_CIPHER_CTX_free(context) }
        try authenticate(associatedData, context)
        var output = [UInt8](repeating: 0, count: plaintext.count + Self.tagBytes)
        var length: Int32 = 0
        if !plaintext.isEmpty {
            try require(EVP_CipherUpdate(context, &output, &length, plaintext, Int32(plaintext.count)), rawValue)
        }
        var final = [UInt8](repeating: 0, count: 32)
        try require(EVP_CipherFinal_ex(context, &final, &length), rawValue)
        var tag = [UInt8](repeating: 0, count: Self.tagBytes)
        try require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(tag.count), &tag), rawValue)
        output.replaceSubrange(plaintext.count..., with: tag)
        return output
    }

    /// The plaintext of `sealed` (ciphertext and tag); nothing of it is given out unless the tag is right.
    package func open(
        _ sealed: [UInt8], key: Secret, nonce: [UInt8], associatedData: [UInt8] = []
    ) throws(CryptoError) -> [UInt8] {
        guard sealed.count >= Self.tagBytes else {
            throw .invalidLength(what: "sealed text", bytes: sealed.count, expected: "\(Self.tagBytes) or more")
        }
        let length = sealed.count - Self.tagBytes
        let context = try prepared(key: key, nonce: nonce, encrypt: 0)
        defer { EVP_CIPHER_CTX_free(context) }
        try authenticate(associatedData, context)
        var output = [UInt8](repeating: 0, count: length)
        var count: Int32 = 0
        if length > 0 {
            try require(EVP_CipherUpdate(context, &output, &count, sealed, Int32(length)), rawValue)
        }
        var tag = Array(sealed[length...])
        try require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag), rawValue)
        var final = [UInt8](repeating: 0, count: 32)
        guard EVP_CipherFinal_ex(context, &final, &count) == 1 else {
            ERR_clear_error()
            output.wipe()
            throw .authenticationFailed("sealed text")
        }
        return output
    }

    private func prepared(key: Secret, nonce: [UInt8], encrypt: Int32) throws(CryptoError) -> OpaquePointer {
        guard key.count == keyBytes else {
            throw .invalidLength(what: "\(rawValue) key", bytes: key.count, expected: "\(keyBytes)")
        }
        // libcrypto takes 1...128 bytes for GCM; RFC 8439 fixes 12 for ChaCha20-Poly1305.
        let nonceRange = self == .chaCha20Poly1305 ? 12...12 : 1...128
        guard nonceRange.contains(nonce.count) else { throw .unsupported("\(rawValue) nonce of \(nonce.count) bytes") }
        let context = try require(EVP_CIPHER_CTX_new(), rawValue)
        do throws(CryptoError) {
            try require(EVP_CipherInit_ex2(context, fetched, nil, nil, encrypt, nil), rawValue)
            let setLength = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, Int32(nonce.count), nil)
            try require(setLength, rawValue)
            let result = key.withBytes { bytes in
                EVP_CipherInit_ex2(
                    context, nil, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), nonce, encrypt, nil)
            }
            try require(result, rawValue)
        } catch {
            EVP_CIPHER_CTX_free(context)
            throw error
        }
        return context
    }

    private func authenticate(_ associatedData: [UInt8], _ context: OpaquePointer) throws(CryptoError) {
        guard !associatedData.isEmpty else { return }
        var count: Int32 = 0
        try require(EVP_CipherUpdate(context, nil, &count, associatedData, Int32(associatedData.count)), rawValue)
    }

    // Immutable after the fetch and never freed: libcrypto allows use from all threads.
    nonisolated(unsafe) private static let ciphers: [OpaquePointer?] = [
        EVP_CIPHER_fetch(nil, "AES-128-GCM", nil), EVP_CIPHER_fetch(nil, "AES-192-GCM", nil),
        EVP_CIPHER_fetch(nil, "AES-256-GCM", nil), EVP_CIPHER_fetch(nil, "ChaCha20-Poly1305", nil),
    ]

    private var fetched: OpaquePointer? {
        switch self {
        case .aes128GCM: Self.ciphers[0]
        case .aes192GCM: Self.ciphers[1]
        case .aes256GCM: Self.ciphers[2]
        case .chaCha20Poly1305: Self.ciphers[3]
        }
    }
}
