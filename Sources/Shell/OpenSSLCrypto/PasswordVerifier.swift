package import Primitives

/// What is kept instead of a password: its scrypt hash with the salt and the cost, as one line of text,
/// `scrypt:<n>:<salt>:<hash>` in hexadecimal digits.
package struct PasswordVerifier: Sendable, Hashable {
    /// 16 MiB and, on a small board, about a quarter of a second.
    package static let cost = 16_384
    private static let saltBytes = 16
    private static let hashBytes = 32

    private let n: Int
    private let salt: [UInt8]
    private let hash: [UInt8]

    /// Of a new password. Blocks as `Scrypt.derive` does.
    package init(of password: Secret) throws(CryptoError) {
        n = Self.cost
        salt = SystemEntropyGenerator.bytes(Self.saltBytes)
        hash = try Self.derive(password, salt: salt, n: n)
    }

    /// Reads `text`; nil when it is not such a line.
    package init?(text: String) {
        let line = text.split(whereSeparator: \.isWhitespace)
        guard line.count == 1 else { return nil }
        let parts = line[0].split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "scrypt", let n = Int(parts[1]), (2...1 << 20).contains(n),
            let salt = Hex.decode(String(parts[2])), salt.count == Self.saltBytes,
            let hash = Hex.decode(String(parts[3])), hash.count == Self.hashBytes
        else { return nil }
        self.n = n
        self.salt = salt
        self.hash = hash
    }

    package var text: String { "scrypt:\(n):\(Hex.encode(salt)):\(Hex.encode(hash))" }

    /// Compared in constant time. Blocks as `Scrypt.derive` does.
    package func matches(_ password: Secret) throws(CryptoError) -> Bool {
        constantTimeEquals(try Self.derive(password, salt: salt, n: n), hash)
    }

    private static func derive(_ password: Secret, salt: [UInt8], n: Int) throws(CryptoError) -> [UInt8] {
        try Scrypt.derive(password: password, salt: salt, n: n, byteCount: hashBytes).withBytes { Array($0) }
    }
}
