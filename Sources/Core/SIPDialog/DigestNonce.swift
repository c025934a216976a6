import Primitives

/// A nonce which proves its own age: time, randomness, and an HMAC over both and the realm (RFC 7616 section 5.4).
struct DigestNonce: Sendable, Hashable {
    let issued: Instant
    private let random: UInt64

    /// Makes a nonce. Its bytes are 8 of time, 8 random, 16 of the HMAC; `text` is 43 characters of base64url.
    init(at now: Instant, entropy: inout Entropy) {
        issued = now
        random = entropy.next()
    }

    /// Reads a nonce; nil when it is not one of ours. Costs one HMAC at most.
    init?(_ text: String, seal: NonceSeal) {
        guard text.utf8.count == 43, let bytes = Base64.decode(text, alphabet: .url), bytes.count == 32 else {
            return nil
        }
        var words: (UInt64, UInt64) = (0, 0)
        for index in 0..<8 {
            words.0 = words.0 << 8 | UInt64(bytes[index])
            words.1 = words.1 << 8 | UInt64(bytes[index + 8])
        }
        issued = Instant(nanoseconds: Int64(bitPattern: words.0))
        random = words.1
        guard constantTimeEquals(Array(bytes[16...]), seal.tag(of: open)) else { return nil }
    }

    /// What a challenge carries.
    func text(seal: NonceSeal) -> String {
        let open = open
        return Base64.encode(open + seal.tag(of: open), alphabet: .url, padding: false)
    }

    private var open: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        for word in [UInt64(bitPattern: issued.nanoseconds), random] {
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        return bytes
    }
}

/// What signs the nonces of one realm.
struct NonceSeal: Sendable {
    private let key: Secret
    private let suffix: [UInt8]
    private let hashes: any HashFunctions

    init(realm: String, key: Secret, hashes: any HashFunctions) {
        self.key = key
        self.hashes = hashes
        suffix = Array("nonce:\(realm)".utf8)
    }

    /// 16 bytes.
    func tag(of open: [UInt8]) -> [UInt8] {
        let keyBytes = key.withBytes { Array($0) }
        return Array(hashes.hmacSHA256(key: keyBytes, message: open + suffix)[..<16])
    }
}
