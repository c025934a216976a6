import Primitives

/// The hash functions of the core, on libcrypto. A value without state; usable from every thread.
package struct OpenSSLHashes: HashFunctions {
    package init() {}

    package func md5(_ message: [UInt8]) -> [UInt8] { HashAlgorithm.md5.hash(message) }
    package func sha256(_ message: [UInt8]) -> [UInt8] { HashAlgorithm.sha256.hash(message) }
    package func sha512t256(_ message: [UInt8]) -> [UInt8]? { HashAlgorithm.sha512t256.hash(message) }
    package func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        HashAlgorithm.sharedHMACSHA256(key: key, message: message)
    }
}
