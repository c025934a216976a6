import CloudMessages
import HAL
import OpenSSLCrypto
import Primitives

/// A device certificate of the development PKI whose key is in memory.
struct FleetIdentity: IdentityDevice {
    let serial: String
    let model = "FLEET"
    let certificateChainPEM: String
    let vendorRootPEM: String
    private let key: ECDSAKey

    init(serial: String, pki: DevelopmentPKI, at time: UnixTime) throws(CryptoError) {
        self.serial = serial
        key = try ECDSAKey.generate()
        let chain = try pki.issueDevice(
            serial: serial, model: model, publicKey: key.publicKey, dnsNames: [RelayName.serverName(serial: serial)],
            at: time)
        certificateChainPEM = chain.map(\.pem).joined()
        vendorRootPEM = pki.root.pem
    }

    func sign(sha256Digest: [UInt8]) throws(HALError) -> [UInt8] {
        do { return try key.sign(sha256Digest: sha256Digest) } catch { throw .signingFailed(error.description) }
    }
}
