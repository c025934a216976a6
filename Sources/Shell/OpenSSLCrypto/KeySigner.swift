/// Whatever signs with a P-256 key: a key in memory, or a device that never gives its key away.
package protocol KeySigner: Sendable {
    var publicKey: ECDSAPublicKey { get }
    /// ECDSA over a digest of 32 bytes; a DER-encoded ECDSA-Sig-Value (RFC 3279 section 2.2.3). May block.
    func sign(sha256Digest: [UInt8]) throws(CryptoError) -> [UInt8]
}

/// A signer that asks someone else: `DelegatedSigner(publicKey: …) { digest in try identity.sign(sha256Digest: digest) }`
/// makes one of a HAL identity.
package struct DelegatedSigner: KeySigner {
    package let publicKey: ECDSAPublicKey
    private let signDigest: @Sendable ([UInt8]) throws -> [UInt8]

    package init(publicKey: ECDSAPublicKey, sign: @escaping @Sendable ([UInt8]) throws -> [UInt8]) {
        self.publicKey = publicKey
        signDigest = sign
    }

    /// Checks the answer too: a device that signs with another key is found here, not at the peer.
    package func sign(sha256Digest: [UInt8]) throws(CryptoError) -> [UInt8] {
        let signature: [UInt8]
        do { signature = try signDigest(sha256Digest) } catch { throw .signingFailed(String(describing: error)) }
        guard publicKey.isValid(signature: signature, sha256Digest: sha256Digest) else {
            throw .signingFailed("the signature does not fit the certificate's public key")
        }
        return signature
    }
}
