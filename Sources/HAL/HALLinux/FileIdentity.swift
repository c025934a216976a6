package import HAL
import OpenSSLCrypto

/// A device identity whose key is a file with tight permissions; signs inside, and never gives the key away.
package struct FileIdentity: IdentityDevice {
    package let serial: String
    package let model: String
    package let certificateChainPEM: String
    package let vendorRootPEM: String
    package let labelCodeHash: String?
    private let key: ECDSAKey

    init(
        serial: String, model: String, certificateChainPEM: String, vendorRootPEM: String, key: ECDSAKey,
        labelCodeHash: String? = nil
    ) {
        self.serial = serial
        self.model = model
        self.certificateChainPEM = certificateChainPEM
        self.vendorRootPEM = vendorRootPEM
        self.key = key
        self.labelCodeHash = labelCodeHash
    }

    package func sign(sha256Digest: [UInt8]) throws(HALError) -> [UInt8] {
        do { return try key.sign(sha256Digest: sha256Digest) } catch { throw .signingFailed(error.description) }
    }
}
