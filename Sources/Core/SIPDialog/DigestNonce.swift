import Primitives

/// A nonce which proves its own age: time, randomness, and an HMAC over both and the realm (RFC 7616 section 5.4).
struct DigestNonce: Sendable, Equatable {
    let issued: Instant
    let text: String

    /// Makes a nonce. Its bytes are 8 of time, 8 random, 16 of the HMAC; its text is 43 characters of base64url.
    init(at now: Instant, realm: String, key: Secret, entropy: inout Entropy, hashes: any HashFunctions) {
        let clock = UInt64(bitPattern: now.nanoseconds)
        let open = (0..<8).map { UInt8(truncatingIfNeeded: clock >> UInt64(56 - 8 * $0)) } + entropy.bytes(8)
        issued = now
        text = Base64.encode(
            open + Self.seal(open, realm: realm, key: key, hashes: hashes), alphabet: .url, padding: false)
    }

    /// Reads a nonce; nil when it is not one of ours.
    init?(_ text: String, realm: String, key: Secret, hashes: any HashFunctions) {
        guard text.utf8.count == 43, let bytes = Base64.decode(text, alphabet: .url), bytes.count == 32 else {
            return nil
        }
        let open = Array(bytes[..<16])
        guard constantTimeEquals(bytes[16...], Self.seal(open, realm: realm, key: key, hashes: hashes)) else {
            return nil
        }
        issued = Instant(nanoseconds: Int64(bitPattern: open[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }))
        self.text = text
    }

    private static func seal(_ open: [UInt8], realm: String, key: Secret, hashes: any HashFunctions) -> [UInt8] {
        let keyBytes = key.withBytes { Array($0) }
        return Array(hashes.hmacSHA256(key: keyBytes, message: open + Array("nonce:\(realm)".utf8)).prefix(16))
    }
}
