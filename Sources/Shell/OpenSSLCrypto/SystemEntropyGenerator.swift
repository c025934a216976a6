import Glibc
package import Primitives

/// The kernel's generator (getrandom(2)), for keys, nonces, salts and passwords.
///
/// Blocks only before the kernel's pool is first seeded, at early boot.
package struct SystemEntropyGenerator: RandomNumberGenerator, Sendable {
    package init() {}

    package func next() -> UInt64 {
        var word: UInt64 = 0
        withUnsafeMutableBytes(of: &word) { Self.fill($0) }
        return word
    }

    /// `count` bytes at once.
    package static func bytes(_ count: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        result.withUnsafeMutableBytes { fill($0) }
        return result
    }

    private static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        var filled = 0
        while filled < buffer.count {
            let count = getrandom(buffer.baseAddress.map { $0 + filled }, buffer.count - filled, 0)
            precondition(count > 0 || errno == EINTR, "the kernel gives no random bytes")
            if count > 0 { filled += count }
        }
    }
}

extension Entropy {
    /// Entropy of the operating system.
    package static var system: Entropy { Entropy(SystemEntropyGenerator()) }
}
