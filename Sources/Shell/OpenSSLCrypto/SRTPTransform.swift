import COpenSSL
import Primitives
import RTP

/// The cryptography of one kind of packets (RTP or RTCP) in one direction: contexts of libcrypto whose keys are set once.
///
/// `seal` and `open` work in place and allocate nothing of ours. Not shared between threads.
final class SRTPTransform {
    /// Where an initialisation vector, then a tag, are put together.
    private static let scratchBytes = 16 + 32

    private let suite: SRTPSuite
    private let cipher: OpaquePointer
    /// HMAC-SHA1 with its key; nil for AEAD.
    private let authenticator: OpaquePointer?
    private let salt: (high: UInt64, low: UInt64)
    private let scratch: UnsafeMutableRawBufferPointer

    /// `encrypts`: false for the receiving end. Throws what libcrypto says, or `.invalidLength`.
    init(_ suite: SRTPSuite, keys: SRTPSessionKeys, encrypts: Bool) throws(CryptoError) {
        guard keys.encryption.count == suite.keyBytes, keys.salt.count == suite.saltBytes else {
            throw .invalidLength(
                what: "SRTP session key", bytes: keys.encryption.count,
                expected: "\(suite.keyBytes), and a salt of \(suite.saltBytes)")
        }
        let cipher = try require(EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new")
        let method =
            switch suite {
            case .aesCM128HMACSHA1Tag32, .aesCM128HMACSHA1Tag80: EVP_aes_128_ctr()
            case .aeadAES128GCM: EVP_aes_128_gcm()
            case .aeadAES256GCM: EVP_aes_256_gcm()
            }
        // Counter mode runs the same way in both directions.
        let direction: Int32 = encrypts || !suite.isAEAD ? 1 : 0
        let isKeyed = keys.encryption.withBytes { key in
            EVP_CipherInit_ex(cipher, method, nil, key.bindMemory(to: UInt8.self).baseAddress, nil, direction)
        }
        do throws(CryptoError) {
            try require(isKeyed, suite.rawValue)
            authenticator = suite.isAEAD ? nil : try Self.makeAuthenticator(keys.authentication)
        } catch {
            EVP_CIPHER_CTX_free(cipher)
            throw error
        }
        self.suite = suite
        self.cipher = cipher
        salt = keys.salt.withBytes { bytes in
            var words: (UInt64, UInt64) = (0, 0)
            for index in 0..<16 {
                let byte = index < bytes.count ? UInt64(bytes[index]) : 0
                if index < 8 { words.0 = words.0 << 8 | byte } else { words.1 = words.1 << 8 | byte }
            }
            return words
        }
        scratch = .allocate(byteCount: Self.scratchBytes, alignment: 16)
        scratch.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
        EVP_CIPHER_CTX_free(cipher)
        EVP_MAC_CTX_free(authenticator)
        OPENSSL_cleanse(scratch.baseAddress, scratch.count)
        scratch.deallocate()
    }

    private static func makeAuthenticator(_ key: Secret) throws(CryptoError) -> OpaquePointer {
        let context = try require(EVP_MAC_CTX_new(fetchedHMAC), "HMAC")
        var name = "SHA1".utf8CString.map { $0 }
        let result = name.withUnsafeMutableBufferPointer { buffer in
            let parameters = [
                OSSL_PARAM_construct_utf8_string("digest", buffer.baseAddress, 0), OSSL_PARAM_construct_end(),
            ]
            return key.withBytes {
                EVP_MAC_init(context, $0.bindMemory(to: UInt8.self).baseAddress, $0.count, parameters)
            }
        }
        guard result == 1 else {
            EVP_MAC_CTX_free(context)
            throw openSSLFailure("HMAC-SHA1")
        }
        return context
    }

    // Immutable after the fetch and never freed: libcrypto allows use from all threads.
    nonisolated(unsafe) private static let fetchedHMAC = EVP_MAC_fetch(nil, "HMAC", nil)

    // MARK: Encryption

    /// Counter mode over `bytes`: encrypts and decrypts.
    func crypt(_ bytes: UnsafeMutableRawBufferPointer, ssrc: UInt32, index: UInt64) -> Bool {
        guard !bytes.isEmpty else { return true }
        setVector(ssrc: ssrc, index: index)
        return start() && update(bytes)
    }

    /// GCM: encrypts `bytes` and writes the tag behind them, where there must be room for it.
    func seal(
        _ bytes: UnsafeMutableRawBufferPointer, tag: UnsafeMutableRawPointer, ssrc: UInt32, index: UInt64,
        associated first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer? = nil
    ) -> Bool {
        setVector(ssrc: ssrc, index: index)
        guard start(), associate(first), associate(second), bytes.isEmpty || update(bytes) else { return false }
        var length: Int32 = 0
        return EVP_CipherFinal_ex(cipher, tagScratch, &length) == 1
            && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, Int32(suite.rtpTagBytes), tag) == 1
    }

    /// GCM: decrypts `bytes`; false when the tag does not match.
    func open(
        _ bytes: UnsafeMutableRawBufferPointer, tag: UnsafeMutableRawPointer, ssrc: UInt32, index: UInt64,
        associated first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer? = nil
    ) -> Bool {
        setVector(ssrc: ssrc, index: index)
        guard start(), associate(first), associate(second), bytes.isEmpty || update(bytes),
            EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, Int32(suite.rtpTagBytes), tag) == 1
        else { return false }
        var length: Int32 = 0
        guard EVP_CipherFinal_ex(cipher, tagScratch, &length) == 1 else {
            ERR_clear_error()
            return false
        }
        return true
    }

    // MARK: Authentication

    /// HMAC-SHA1 over `bytes`; the whole tag of 20 bytes, valid until the next call, nil when libcrypto refuses.
    func authenticate(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutablePointer<UInt8>? {
        guard let authenticator, let tag = tagScratch else { return nil }
        var length = 0
        guard EVP_MAC_init(authenticator, nil, 0, nil) == 1,
            EVP_MAC_update(authenticator, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count) == 1,
            EVP_MAC_final(authenticator, tag, &length, 32) == 1
        else { return nil }
        return tag
    }

    // MARK: Parts

    private var vector: UnsafeMutablePointer<UInt8>? {
        scratch.baseAddress?.assumingMemoryBound(to: UInt8.self)
    }

    private var tagScratch: UnsafeMutablePointer<UInt8>? {
        scratch.baseAddress.map { ($0 + 16).assumingMemoryBound(to: UInt8.self) }
    }

    /// RFC 3711 section 4.1.1 (SSRC at byte 4, index at 8), RFC 7714 sections 8.1 and 9.1 (SSRC at byte 2, index at 6).
    private func setVector(ssrc: UInt32, index: UInt64) {
        var high = salt.high
        var low = salt.low
        if suite.isAEAD {
            high ^= UInt64(ssrc) << 16 | index >> 32
            low ^= index << 32
        } else {
            high ^= UInt64(ssrc)
            low ^= index << 16
        }
        scratch.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
        scratch.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }

    private func start() -> Bool { EVP_CipherInit_ex(cipher, nil, nil, nil, vector, -1) == 1 }

    private func associate(_ bytes: UnsafeRawBufferPointer?) -> Bool {
        guard let bytes, !bytes.isEmpty else { return true }
        var length: Int32 = 0
        return EVP_CipherUpdate(
            cipher, nil, &length, bytes.bindMemory(to: UInt8.self).baseAddress, Int32(bytes.count)) == 1
    }

    private func update(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
        var length: Int32 = 0
        let pointer = bytes.bindMemory(to: UInt8.self).baseAddress
        return EVP_CipherUpdate(cipher, pointer, &length, pointer, Int32(bytes.count)) == 1
    }
}
