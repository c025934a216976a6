package import Primitives

/// A public key to which files can be encrypted (`age1…`). Cannot read them.
package struct AgeRecipient: Sendable, Hashable {
    /// The point, 32 bytes.
    package let publicKey: [UInt8]

    package init(publicKey: [UInt8]) throws(CryptoError) {
        guard publicKey.count == X25519.keyBytes else {
            throw .invalidLength(what: "age recipient", bytes: publicKey.count, expected: "\(X25519.keyBytes)")
        }
        self.publicKey = publicKey
    }

    /// Reads `age1…`.
    package init(_ text: String) throws(CryptoError) {
        guard let (prefix, bytes) = Bech32.decode(text), prefix == "age" else {
            throw .malformed(what: "age recipient", reason: "it is not 'age1' with a valid checksum")
        }
        try self.init(publicKey: bytes)
    }
}

extension AgeRecipient: CustomStringConvertible {
    package var description: String { Bech32.encode(prefix: "age", bytes: publicKey) }
}

/// The private key that reads what was encrypted to its recipient (`AGE-SECRET-KEY-1…`). Never printed.
package struct AgeIdentity: Sendable {
    let privateKey: Secret
    package let recipient: AgeRecipient

    package init(privateKey: Secret) throws(CryptoError) {
        recipient = try AgeRecipient(publicKey: try X25519.publicKey(of: privateKey))
        self.privateKey = privateKey
    }

    package static func generate(using entropy: inout Entropy) throws(CryptoError) -> AgeIdentity {
        try AgeIdentity(privateKey: Secret(entropy.bytes(X25519.keyBytes)))
    }

    /// Reads `AGE-SECRET-KEY-1…`, alone or as the one line of a key file that is neither empty nor a `#` comment.
    package init(text: Secret) throws(CryptoError) {
        let content = text.withBytes { String(decoding: $0, as: UTF8.self) }
        let lines = content.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#") && !$0.isEmpty }
        guard lines.count == 1, let (prefix, bytes) = Bech32.decode(String(lines[0])), prefix == "age-secret-key-"
        else {
            throw .malformed(what: "age identity", reason: "it is not 'AGE-SECRET-KEY-1' with a valid checksum")
        }
        try self.init(privateKey: Secret(bytes))
    }

    /// `AGE-SECRET-KEY-1…`, without a newline.
    package func text() -> Secret {
        Secret(privateKey.withBytes { Bech32.encode(prefix: "age-secret-key-", bytes: Array($0)) }.uppercased())
    }
}

extension AgeIdentity: CustomStringConvertible, CustomReflectable {
    package var description: String { "<secret>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
