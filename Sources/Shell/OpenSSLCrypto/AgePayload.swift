import Primitives

/// The STREAM construction of an age payload: chunks of 64 KiB, each sealed under a counter and a last-chunk mark, so that
/// chunks can be neither swapped, dropped nor cut off unnoticed.
struct AgePayload: Sendable {
    static let nonceBytes = 16
    static let chunkBytes = 64 * 1024
    static let sealedChunkBytes = chunkBytes + AEAD.tagBytes

    private let key: Secret
    private var counter: UInt64 = 0

    init(key: Secret) { self.key = key }

    mutating func seal(_ chunk: [UInt8], isLast: Bool) throws(CryptoError) -> [UInt8] {
        try AEAD.chaCha20Poly1305.seal(chunk, key: key, nonce: nextNonce(isLast: isLast))
    }

    /// Refuses an empty last chunk behind a full one: it could have been the end already.
    mutating func open(_ sealed: [UInt8], isLast: Bool) throws(CryptoError) -> [UInt8] {
        let isFirst = counter == 0
        guard let chunk = try? AEAD.chaCha20Poly1305.open(sealed, key: key, nonce: nextNonce(isLast: isLast)) else {
            throw .authenticationFailed("chunk \(counter - 1) of the age file")
        }
        guard isFirst || !chunk.isEmpty else { throw .malformed(what: "age file", reason: "its last chunk is empty") }
        return chunk
    }

    /// 11 bytes of counter, big-endian, and the mark. A 64-bit counter is never exhausted.
    private mutating func nextNonce(isLast: Bool) -> [UInt8] {
        var nonce = [UInt8](repeating: 0, count: 3)
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            nonce.append(UInt8(truncatingIfNeeded: counter >> shift))
        }
        counter += 1
        return nonce + [isLast ? 1 : 0]
    }
}
