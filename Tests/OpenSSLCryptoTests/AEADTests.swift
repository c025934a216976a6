import OpenSSLCrypto
import Primitives
import Testing

struct AEADTests {
    private let sunscreen = Array(
        ("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.")
            .utf8)

    @Test func `ChaCha20-Poly1305 seals as RFC 8439 section 2_8_2 does`() throws {
        let key = secret("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f")
        let sealed = try AEAD.chaCha20Poly1305.seal(
            sunscreen, key: key, nonce: hex("070000004041424344454647"), associatedData: hex("50515253c0c1c2c3c4c5c6c7")
        )
        #expect(Hex.encode(sealed.prefix(16)) == "d31a8d34648e60db7b86afbc53ef7ec2")
        #expect(Hex.encode(sealed.suffix(16)) == "1ae10b594f09e26a7e902ecbd0600691")
        let opened = try AEAD.chaCha20Poly1305.open(
            sealed, key: key, nonce: hex("070000004041424344454647"), associatedData: hex("50515253c0c1c2c3c4c5c6c7"))
        #expect(opened == sunscreen)
    }

    @Test func `AES-GCM seals as test case 4 of its specification does`() throws {
        let plaintext = hex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
        let sealed = try AEAD.aes128GCM.seal(
            plaintext, key: secret("feffe9928665731c6d6a8f9467308308"), nonce: hex("cafebabefacedbaddecaf888"),
            associatedData: hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"))
        let wanted =
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
            + "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47"
        #expect(Hex.encode(sealed) == wanted)
    }

    @Test(arguments: AEAD.allCases, [0, 1, 16, 1000])
    func `what was sealed opens again, and no altered bit goes unnoticed`(algorithm: AEAD, length: Int) throws {
        var entropy = Entropy(SeededGenerator(seed: UInt64(length)))
        let key = Secret(entropy.bytes(algorithm.keyBytes))
        let (nonce, data, plaintext) = (entropy.bytes(12), entropy.bytes(5), entropy.bytes(length))
        let sealed = try algorithm.seal(plaintext, key: key, nonce: nonce, associatedData: data)
        #expect(try algorithm.open(sealed, key: key, nonce: nonce, associatedData: data) == plaintext)
        for position in stride(from: 0, to: sealed.count, by: max(1, sealed.count / 20)) {
            var altered = sealed
            altered[position] ^= 1
            #expect(throws: CryptoError.authenticationFailed("sealed text")) {
                try algorithm.open(altered, key: key, nonce: nonce, associatedData: data)
            }
        }
        #expect(throws: CryptoError.self) { try algorithm.open(sealed, key: key, nonce: nonce) }
    }

    @Test func `wrong lengths are refused, not guessed`() {
        let key = Secret([UInt8](repeating: 1, count: 32))
        #expect(throws: CryptoError.self) { try AEAD.aes128GCM.seal([], key: key, nonce: hex("00")) }
        #expect(throws: CryptoError.unsupported("aes256GCM nonce of 0 bytes")) {
            try AEAD.aes256GCM.seal([], key: key, nonce: [])
        }
        #expect(throws: CryptoError.unsupported("chaCha20Poly1305 nonce of 8 bytes")) {
            try AEAD.chaCha20Poly1305.open(
                [UInt8](repeating: 0, count: 16), key: key, nonce: [UInt8](repeating: 0, count: 8))
        }
        #expect(throws: CryptoError.invalidLength(what: "sealed text", bytes: 15, expected: "16 or more")) {
            try AEAD.aes256GCM.open([UInt8](repeating: 0, count: 15), key: key, nonce: [UInt8](repeating: 0, count: 12))
        }
        #expect(AEAD.aesGCM(keyBytes: 24) == .aes192GCM)
        #expect(AEAD.aesGCM(keyBytes: 20) == nil)
    }
}
