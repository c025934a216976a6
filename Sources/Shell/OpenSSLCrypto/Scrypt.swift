import COpenSSL
package import Primitives

/// RFC 7914: a password made expensive to guess.
package enum Scrypt {
    /// Memory of one derivation is 128 * r * n bytes; more than this is refused (n = 2^20 with r = 8).
    package static let memoryLimitBytes = 1 << 30

    /// `n` is a power of two above 1. Blocks for about n * r / 4 microseconds: never on the control loop.
    package static func derive(
        password: Secret, salt: [UInt8], n: Int, r: Int = 8, p: Int = 1, byteCount: Int = 32
    ) throws(CryptoError) -> Secret {
        guard n > 1, n & (n - 1) == 0, n <= 1 << 24 else {
            throw .malformed(what: "scrypt cost \(n)", reason: "it must be a power of two in 2...2^24")
        }
        guard (1...64).contains(r), (1...64).contains(p) else {
            throw .malformed(what: "scrypt block size \(r) or parallelism \(p)", reason: "both must be in 1...64")
        }
        guard 128 * r * n <= memoryLimitBytes else {
            throw .limitExceeded(what: "scrypt memory in bytes", value: 128 * r * n, limit: memoryLimitBytes)
        }
        guard (1...1_024).contains(byteCount) else {
            throw .invalidLength(what: "scrypt output", bytes: byteCount, expected: "1...1024")
        }
        var output = [UInt8](repeating: 0, count: byteCount)
        defer { output.wipe() }
        let budget = UInt64(128 * r * (n + p + 2) + 65_536)
        let result = password.withBytes { bytes in
            // An empty password still needs an address: nil means something else to OpenSSL.
            var empty: CChar = 0
            return withUnsafePointer(to: &empty) { fallback in
                EVP_PBE_scrypt(
                    bytes.baseAddress?.assumingMemoryBound(to: CChar.self) ?? fallback, bytes.count, salt, salt.count,
                    UInt64(n), UInt64(r), UInt64(p), budget, &output, output.count)
            }
        }
        try require(result, "scrypt")
        return Secret(output)
    }
}
