import OpenSSLCrypto
import Primitives

/// `hmac`, `hkdf`, `aead_open`, `x25519`, `ecdsa_verify` and `eddsa_verify`.
enum CryptoVectors {
    static func hmac(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        let tag = try hash(request).hmac(key: try request.bytes("key"), message: try request.bytes("msg"))
        return ["tag": .text(Hex.encode(tag))]
    }

    static func hkdf(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        let algorithm = try hash(request)
        let (key, salt) = (try request.bytes("ikm"), try request.optionalBytes("salt"))
        let (info, size) = (try request.optionalBytes("info"), try request.integer("size"))
        let output = try attempt { () throws(CryptoError) in
            try HKDF.derive(algorithm, inputKey: key, salt: salt, info: info, byteCount: size)
        }
        return ["okm": .text(Hex.encode(output))]
    }

    static func open(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        let key = try request.bytes("key")
        let aead = try aead(try request.text("alg"), keyBytes: key.count)
        let (text, tag) = (try request.bytes("ct"), try request.bytes("tag"))
        let (nonce, data) = (try request.bytes("iv"), try request.optionalBytes("aad"))
        guard tag.count == AEAD.tagBytes else { throw .refused }
        // libcrypto's AES-GCM takes no longer ones; every other length that is not allowed is refused.
        if aead != .chaCha20Poly1305, nonce.count > 128 { throw .unsupported }
        let message = try attempt { () throws(CryptoError) in
            try aead.open(text + tag, key: Secret(key), nonce: nonce, associatedData: data)
        }
        return ["msg": .text(Hex.encode(message))]
    }

    static func x25519(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        let (own, peer) = (try request.bytes("private"), try request.bytes("public"))
        let shared = try attempt { () throws(CryptoError) in
            try X25519.sharedSecret(privateKey: Secret(own), publicKey: peer)
        }
        return ["shared": .text(shared.withBytes { Hex.encode($0) })]
    }

    static func ecdsa(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        let isValid = SignatureVerification.ecdsa(
            try hash(request), publicKeyDER: try request.bytes("public_der"), message: try request.bytes("msg"),
            signature: try request.bytes("sig"))
        guard isValid else { throw .refused }
        return [:]
    }

    static func eddsa(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        let isValid = SignatureVerification.eddsa(
            publicKey: try request.bytes("pk"), message: try request.bytes("msg"), signature: try request.bytes("sig"))
        guard isValid else { throw .refused }
        return [:]
    }

    private static func hash(_ request: VectorRequest) throws(VectorFailure) -> HashAlgorithm {
        guard let algorithm = HashAlgorithm(name: try request.text("hash")) else { throw .unsupported }
        return algorithm
    }

    /// Reads `AES-GCM` (by the length of its key), `AES-128-GCM`, `aes256gcm`, `CHACHA20-POLY1305` and the like.
    private static func aead(_ name: String, keyBytes: Int) throws(VectorFailure) -> AEAD {
        let folded = name.lowercased().filter { $0.isLetter || $0.isNumber }
        if folded == "aesgcm" {
            guard let aead = AEAD.aesGCM(keyBytes: keyBytes) else { throw .refused }
            return aead
        }
        guard let aead = AEAD.allCases.first(where: { $0.rawValue.lowercased() == folded }) else { throw .unsupported }
        return aead
    }

    private static func attempt<Result>(
        _ body: () throws(CryptoError) -> Result
    ) throws(VectorFailure) -> Result {
        do throws(CryptoError) { return try body() } catch { throw .refused }
    }
}
