package import Primitives

/// RFC 5869, extract and expand.
package enum HKDF {
    /// `byteCount` bytes of key; at most 255 digests' worth (RFC 5869 section 2.3).
    package static func derive(
        _ algorithm: HashAlgorithm = .sha256, inputKey: [UInt8], salt: [UInt8] = [], info: [UInt8], byteCount: Int
    ) throws(CryptoError) -> [UInt8] {
        let limit = 255 * algorithm.digestBytes
        guard (1...limit).contains(byteCount) else {
            throw .invalidLength(what: "HKDF output", bytes: byteCount, expected: "1...\(limit)")
        }
        let zeroSalt = [UInt8](repeating: 0, count: algorithm.digestBytes)
        let pseudoRandomKey = algorithm.hmac(key: salt.isEmpty ? zeroSalt : salt, message: inputKey)
        var output: [UInt8] = []
        var block: [UInt8] = []
        var counter: UInt8 = 1
        while output.count < byteCount {
            block = algorithm.hmac(key: pseudoRandomKey, message: block + info + [counter])
            output += block
            counter &+= 1
        }
        return Array(output.prefix(byteCount))
    }

    /// As above with a secret on both sides.
    package static func derive(
        _ algorithm: HashAlgorithm = .sha256, inputKey: Secret, salt: [UInt8] = [], info: String, byteCount: Int
    ) throws(CryptoError) -> Secret {
        var input = inputKey.withBytes { Array($0) }
        defer { input.wipe() }
        var output = try derive(algorithm, inputKey: input, salt: salt, info: Array(info.utf8), byteCount: byteCount)
        defer { output.wipe() }
        return Secret(output)
    }
}
