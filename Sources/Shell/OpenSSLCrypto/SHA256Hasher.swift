import COpenSSL

/// SHA-256 over bytes that arrive piece by piece. Not for use from two threads at once.
package final class SHA256Hasher {
    private let context: OpaquePointer?

    package init() {
        context = EVP_MD_CTX_new()
        precondition(EVP_DigestInit_ex2(context, HashAlgorithm.fetched(.sha256), nil) == 1, "libcrypto lacks sha256")
    }

    deinit { EVP_MD_CTX_free(context) }

    package func update(_ bytes: [UInt8]) {
        let result = EVP_DigestUpdate(context, bytes, bytes.count)
        precondition(result == 1, "sha256 update cannot fail")
    }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        let result = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(result == 1, "sha256 update cannot fail")
    }

    /// The 32 bytes over everything so far; more may follow.
    package func digest() -> [UInt8] {
        var result = [UInt8](repeating: 0, count: 32)
        let copy = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(copy) }
        let isDone = EVP_MD_CTX_copy_ex(copy, context) == 1 && EVP_DigestFinal_ex(copy, &result, nil) == 1
        precondition(isDone, "sha256 final cannot fail")
        return result
    }
}
