import COpenSSL

/// Verification over whole messages, any curve; what `pbxctl vectors` answers with.
package enum SignatureVerification {
    /// `publicKeyDER` is a SubjectPublicKeyInfo with an EC key, `signature` an ECDSA-Sig-Value. False for anything malformed.
    package static func ecdsa(
        _ algorithm: HashAlgorithm, publicKeyDER: [UInt8], message: [UInt8], signature: [UInt8]
    ) -> Bool {
        let key = decodeDER(publicKeyDER) {
            d2i_PUBKEY(nil, $0, $1)
        } release: {
            EVP_PKEY_free($0)
        }
        guard let key else { return false }
        defer { EVP_PKEY_free(key) }
        guard EVP_PKEY_get_base_id(key) == NID_X9_62_id_ecPublicKey else { return false }
        return verify(key, digest: algorithm.rawValue, message: message, signature: signature)
    }

    /// Ed25519 (key of 32 bytes) or Ed448 (57 bytes), RFC 8032. False for anything malformed.
    package static func eddsa(publicKey: [UInt8], message: [UInt8], signature: [UInt8]) -> Bool {
        let name: String
        switch publicKey.count {
        case 32: name = "ED25519"
        case 57: name = "ED448"
        default: return false
        }
        guard let key = EVP_PKEY_new_raw_public_key_ex(nil, name, nil, publicKey, publicKey.count) else {
            ERR_clear_error()
            return false
        }
        defer { EVP_PKEY_free(key) }
        return verify(key, digest: nil, message: message, signature: signature)
    }

    private static func verify(
        _ key: OpaquePointer, digest: String?, message: [UInt8], signature: [UInt8]
    ) -> Bool {
        let context = EVP_MD_CTX_new()
        defer {
            EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        return EVP_DigestVerifyInit_ex(context, nil, digest, nil, nil, key, nil) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
}
