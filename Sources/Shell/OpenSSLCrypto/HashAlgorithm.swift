import COpenSSL
package import Primitives

/// A hash function of libcrypto, fetched once per process.
package enum HashAlgorithm: String, Sendable, Hashable, CaseIterable {
    case md5, sha1, sha224, sha256, sha384, sha512

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
        }
    }

    /// The digest of `message`.
    package func hash(_ message: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: digestBytes)
        var length: UInt32 = 0
        let result = EVP_Digest(message, message.count, &digest, &length, Self.fetched(self), nil)
        precondition(result == 1 && Int(length) == digestBytes, "libcrypto lacks \(rawValue)")
        return digest
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
        var name = digest.rawValue.utf8CString.map { $0 }
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
        EVP_MD_fetch(nil, $0.rawValue, nil)
    }

    static func fetched(_ algorithm: Self) -> OpaquePointer? {
        switch algorithm {
        case .md5: fetchedDigests[0]
        case .sha1: fetchedDigests[1]
        case .sha224: fetchedDigests[2]
        case .sha256: fetchedDigests[3]
        case .sha384: fetchedDigests[4]
        case .sha512: fetchedDigests[5]
        }
    }
}
