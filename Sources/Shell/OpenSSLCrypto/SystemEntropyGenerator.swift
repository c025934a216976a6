import COpenSSL
package import Primitives

/// The generator for keys, nonces, salts and passwords: libcrypto's, seeded by the kernel and safe after a fork.
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
        guard !buffer.isEmpty else { return }
        // Weak keys are worse than a restart by the watchdog.
        let result = RAND_bytes(buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(buffer.count))
        precondition(result == 1, "the random generator has failed")
    }
}

extension Entropy {
    /// Entropy of the operating system.
    package static var system: Entropy { Entropy(SystemEntropyGenerator()) }
}
