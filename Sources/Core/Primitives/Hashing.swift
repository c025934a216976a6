/// The hash functions that pure code needs synchronously; the shell brings OpenSSL's.
package protocol HashFunctions: Sendable {
    /// 16 bytes. For digest access authentication with old telephones only (RFC 8760 section 2).
    func md5(_ message: [UInt8]) -> [UInt8]
    /// 32 bytes.
    func sha256(_ message: [UInt8]) -> [UInt8]
    /// 32 bytes of SHA-512/256 (FIPS 180-4); nil when there is none, as by default.
    func sha512t256(_ message: [UInt8]) -> [UInt8]?
    /// 32 bytes (RFC 2104).
    func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8]
}

extension HashFunctions {
    package func sha512t256(_ message: [UInt8]) -> [UInt8]? { nil }
}
