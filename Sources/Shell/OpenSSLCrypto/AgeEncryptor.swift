package import Primitives

/// Encrypts a stream as an age v1 file (https://age-encryption.org/v1) with constant memory: `update` as often as there is
/// plaintext, then `finish` once; both return ciphertext to append to the file.
package struct AgeEncryptor: Sendable {
    /// Recipients of one file.
    package static let recipientLimit = AgeHeader.stanzaLimit

    private var payload: AgePayload
    private var pending: [UInt8]
    private var buffer: [UInt8] = []

    /// To one or more recipients.
    package init(to recipients: [AgeRecipient], using entropy: inout Entropy) throws(CryptoError) {
        guard (1...Self.recipientLimit).contains(recipients.count) else {
            throw .limitExceeded(what: "number of age recipients", value: recipients.count, limit: Self.recipientLimit)
        }
        let fileKey = Secret(entropy.bytes(AgeKeyWrap.fileKeyBytes))
        var stanzas: [AgeStanza] = []
        for recipient in recipients { stanzas.append(try AgeKeyWrap.wrap(fileKey, for: recipient, using: &entropy)) }
        try self.init(fileKey: fileKey, stanzas: stanzas, using: &entropy)
    }

    /// To a passphrase; blocks for one scrypt derivation with n = 2^`workFactorLog2` and r = 8.
    package init(passphrase: Secret, workFactorLog2: Int, using entropy: inout Entropy) throws(CryptoError) {
        let fileKey = Secret(entropy.bytes(AgeKeyWrap.fileKeyBytes))
        let stanza = try AgeKeyWrap.wrap(
            fileKey, passphrase: passphrase, workFactorLog2: workFactorLog2, using: &entropy)
        try self.init(fileKey: fileKey, stanzas: [stanza], using: &entropy)
    }

    private init(fileKey: Secret, stanzas: [AgeStanza], using entropy: inout Entropy) throws(CryptoError) {
        let header = AgeHeader(stanzas: stanzas, mac: try AgeKeyWrap.mac(stanzas, fileKey: fileKey))
        let nonce = entropy.bytes(AgePayload.nonceBytes)
        payload = AgePayload(key: try AgeKeyWrap.payloadKey(fileKey: fileKey, nonce: nonce))
        pending = header.encoded + nonce
    }

    package mutating func update(_ plaintext: [UInt8]) throws(CryptoError) -> [UInt8] {
        buffer += plaintext
        var output = takePending()
        var position = 0
        // A full chunk stays until more follows: it may be the last one.
        while buffer.count - position > AgePayload.chunkBytes {
            let chunk = Array(buffer[position..<position + AgePayload.chunkBytes])
            output += try payload.seal(chunk, isLast: false)
            position += AgePayload.chunkBytes
        }
        buffer.removeFirst(position)
        return output
    }

    /// The rest of the file. The encryptor is of no further use.
    package mutating func finish() throws(CryptoError) -> [UInt8] {
        let last = buffer
        buffer = []
        return takePending() + (try payload.seal(last, isLast: true))
    }

    private mutating func takePending() -> [UInt8] {
        let bytes = pending
        pending = []
        return bytes
    }
}
