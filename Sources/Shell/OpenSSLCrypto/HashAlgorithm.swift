import COpenSSL
package import Primitives

/// A hash function of libcrypto, fetched once per process.
package enum HashAlgorithm: String, Sendable, Hashable, CaseIterable {
    case md5, sha1, sha224, sha256, sha384, sha512
    /// SHA-512/256 of FIPS 180-4.
    case sha512t256 = "sha512256"

    /// Reads `SHA-256`, `sha256`, `SHA256`, `MD5`, …; nil for names not on the list.
    package init?(name: some StringProtocol) {
        self.init(rawValue: String(name.lowercased().filter { $0 != "-" }))
    }

    package var digestBytes: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha224: 28
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        case .sha512t256: 32
        }
    }

    /// The digest of `message`, in a context that the thread keeps.
    package func hash(_ message: [UInt8]) -> [UInt8] {
        let slot = Int32(slot)
        let algorithm = Self.fetched(self)
        let byteCount = digestBytes
        return [UInt8](unsafeUninitializedCapacity: byteCount) { digest, count in
            let result = shim_digest(slot, algorithm, message, message.count, digest.baseAddress)
            precondition(result == 1, "libcrypto lacks \(rawValue)")
            count = byteCount
        }
    }

    /// RFC 2104, whole tag.
    package func hmac(key: [UInt8], message: [UInt8]) -> [UInt8] {
        var tag = [UInt8](repeating: 0, count: digestBytes)
        var length = 0
        let context = EVP_MAC_CTX_new(Self.fetchedHMAC)
        defer { EVP_MAC_CTX_free(context) }
        let isInitialised = Self.parameters(digest: self) { EVP_MAC_init(context, key, key.count, $0) }
        let isDone =
            isInitialised == 1 && EVP_MAC_update(context, message, message.count) == 1
            && EVP_MAC_final(context, &tag, &length, tag.count) == 1 && length == tag.count
        precondition(isDone, "libcrypto lacks HMAC with \(rawValue)")
        return tag
    }

    /// As above with a key that must not be seen.
    package func hmac(key: Secret, message: [UInt8]) -> [UInt8] {
        var bytes = key.withBytes { Array($0) }
        defer { bytes.wipe() }
        return hmac(key: bytes, message: message)
    }

    private static func parameters(digest: Self, _ body: (UnsafePointer<OSSL_PARAM>) -> Int32) -> Int32 {
        var name = digest.fetchName.utf8CString.map { $0 }
        return name.withUnsafeMutableBufferPointer { buffer in
            let parameters = [
                OSSL_PARAM_construct_utf8_string("digest", buffer.baseAddress, 0), OSSL_PARAM_construct_end(),
            ]
            return body(parameters)
        }
    }

    // Immutable after the fetch and never freed: libcrypto allows use from all threads.
    nonisolated(unsafe) private static let fetchedHMAC = EVP_MAC_fetch(nil, "HMAC", nil)
    nonisolated(unsafe) private static let fetchedDigests: [OpaquePointer?] = allCases.map {
        EVP_MD_fetch(nil, $0.fetchName, nil)
    }

    static func fetched(_ algorithm: Self) -> OpaquePointer? { fetchedDigests[algorithm.slot] }

    /// HMAC-SHA-256 in a context that the thread keeps, which holds the key until the next call: for keys that live in
    /// memory anyway.
    static func sharedHMACSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { tag, count in
            let result = shim_hmac_sha256(fetchedHMAC, key, key.count, message, message.count, tag.baseAddress)
            precondition(result == 1, "libcrypto lacks HMAC with sha256")
            count = 32
        }
    }

    /// The place in the order of `allCases`.
    private var slot: Int {
        switch self {
        case .md5: 0
        case .sha1: 1
        case .sha224: 2
        case .sha256: 3
        case .sha384: 4
        case .sha512: 5
        case .sha512t256: 6
        }
    }

    /// As libcrypto calls it.
    private var fetchName: String { self == .sha512t256 ? "sha512-256" : rawValue }
}
