import Primitives

/// How the file key reaches its readers: the cryptography of the stanzas, the header's MAC and the payload key.
enum AgeKeyWrap {
    static let fileKeyBytes = 16
    private static let x25519Label = "age-encryption.org/v1/X25519"
    private static let scryptLabel = "age-encryption.org/v1/scrypt"
    /// Wrapping keys are used once, so the nonce is fixed.
    private static let zeroNonce = [UInt8](repeating: 0, count: 12)

    static func wrap(
        _ fileKey: Secret, for recipient: AgeRecipient, using entropy: inout Entropy
    ) throws(CryptoError) -> AgeStanza {
        let ephemeral = Secret(entropy.bytes(X25519.keyBytes))
        let share = try X25519.publicKey(of: ephemeral)
        let shared = try X25519.sharedSecret(privateKey: ephemeral, publicKey: recipient.publicKey)
        let key = try HKDF.derive(inputKey: shared, salt: share + recipient.publicKey, info: x25519Label, byteCount: 32)
        return AgeStanza(
            arguments: ["X25519", Base64.encode(share, padding: false)], body: try seal(fileKey, key: key))
    }

    static func wrap(
        _ fileKey: Secret, passphrase: Secret, workFactorLog2: Int, using entropy: inout Entropy
    ) throws(CryptoError) -> AgeStanza {
        guard (1...AgeDecryptor.workFactorLimitLog2).contains(workFactorLog2) else {
            throw .limitExceeded(
                what: "age work factor (log2)", value: workFactorLog2, limit: AgeDecryptor.workFactorLimitLog2)
        }
        let salt = entropy.bytes(16)
        let key = try Scrypt.derive(password: passphrase, salt: Array(scryptLabel.utf8) + salt, n: 1 << workFactorLog2)
        return AgeStanza(
            arguments: ["scrypt", Base64.encode(salt, padding: false), String(workFactorLog2)],
            body: try seal(fileKey, key: key))
    }

    /// Nil when the stanza is of another kind or for another recipient.
    static func unwrap(_ stanza: AgeStanza, identity: AgeIdentity) throws(CryptoError) -> Secret? {
        guard stanza.type == "X25519" else { return nil }
        guard stanza.arguments.count == 2, let share = AgeHeader.decode(Substring(stanza.arguments[1])),
            share.count == X25519.keyBytes, stanza.body.count == fileKeyBytes + AEAD.tagBytes
        else { throw AgeHeader.malformed("an X25519 recipient has wrong lengths") }
        let shared = try X25519.sharedSecret(privateKey: identity.privateKey, publicKey: share)
        let salt = share + identity.recipient.publicKey
        let key = try HKDF.derive(inputKey: shared, salt: salt, info: x25519Label, byteCount: 32)
        return open(stanza.body, key: key)
    }

    /// Nil when the passphrase is wrong; refuses a work factor above the limit before it costs anything.
    static func unwrap(_ stanza: AgeStanza, passphrase: Secret, limitLog2: Int) throws(CryptoError) -> Secret? {
        guard stanza.arguments.count == 3, let salt = AgeHeader.decode(Substring(stanza.arguments[1])),
            salt.count == 16,
            let workFactor = Int(stanza.arguments[2]), String(workFactor) == stanza.arguments[2], workFactor > 0,
            stanza.body.count == fileKeyBytes + AEAD.tagBytes
        else { throw AgeHeader.malformed("the scrypt recipient has wrong lengths or a wrong work factor") }
        guard workFactor <= limitLog2 else {
            throw .limitExceeded(what: "age work factor (log2)", value: workFactor, limit: limitLog2)
        }
        let key = try Scrypt.derive(password: passphrase, salt: Array(scryptLabel.utf8) + salt, n: 1 << workFactor)
        return open(stanza.body, key: key)
    }

    static func mac(_ stanzas: [AgeStanza], fileKey: Secret) throws(CryptoError) -> [UInt8] {
        let key = try HKDF.derive(inputKey: fileKey, info: "header", byteCount: 32)
        return HashAlgorithm.sha256.hmac(key: key, message: AgeHeader.authenticatedText(stanzas))
    }

    static func payloadKey(fileKey: Secret, nonce: [UInt8]) throws(CryptoError) -> Secret {
        try HKDF.derive(inputKey: fileKey, salt: nonce, info: "payload", byteCount: 32)
    }

    private static func seal(_ fileKey: Secret, key: Secret) throws(CryptoError) -> [UInt8] {
        var bytes = fileKey.withBytes { Array($0) }
        defer { bytes.wipe() }
        return try AEAD.chaCha20Poly1305.seal(bytes, key: key, nonce: zeroNonce)
    }

    private static func open(_ body: [UInt8], key: Secret) -> Secret? {
        (try? AEAD.chaCha20Poly1305.open(body, key: key, nonce: zeroNonce)).map { Secret($0) }
    }
}
