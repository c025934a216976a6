package import HAL
import OpenSSLCrypto
import Primitives

/// A device identity whose keys follow from a seed. Signatures and certificates still differ from run to run (ECDSA is
/// randomised): they must not reach a trace.
package struct SimulatedIdentity: IdentityDevice {
    package let serial: String
    package let model: String
    package let certificateChainPEM: String
    package let vendorRootPEM: String
    private let key: ECDSAKey
    private let power: PowerSwitch

    /// Boards of one seed have one vendor root. The certificate is valid from a day before `time` for twenty years.
    init(serial: String, model: String, seed: UInt64, at time: UnixTime, power: PowerSwitch) throws(HALError) {
        guard DeviceName.isValid(serial: serial), DeviceName.isValid(model: model) else {
            throw .damaged(path: "simulated board '\(serial)'", reason: "serial number or model is not valid")
        }
        self.serial = serial
        self.model = model
        self.power = power
        do throws(CryptoError) {
            key = try Self.key("device", serial, seed)
            let rootKey = try Self.key("root", "", seed)
            let (start, end) = (time + .seconds(-86_400), time + .seconds(20 * 365 * 86_400))
            let root = try Certificate.selfSigned(
                CertificateTemplate(
                    subject: SubjectFields(commonName: "Simulated Root CA"), role: .authority(pathLength: 0),
                    notBefore: start, notAfter: end), key: rootKey)
            let leaf = try root.issue(
                CertificateTemplate(
                    subject: SubjectFields(commonName: "\(model)-\(serial)", serialNumber: serial),
                    role: .clientAndServer,
                    dnsNames: ["localhost"], addresses: [.loopbackV4], notBefore: start, notAfter: end),
                publicKey: key.publicKey, key: rootKey)
            certificateChainPEM = leaf.pem
            vendorRootPEM = root.pem
        } catch { throw .signingFailed(error.description) }
    }

    package func sign(sha256Digest: [UInt8]) throws(HALError) -> [UInt8] {
        try power.require()
        do { return try key.sign(sha256Digest: sha256Digest) } catch { throw .signingFailed(error.description) }
    }

    /// For tests alone; the upper half of the group's order is never used, so that every digest is a valid private number.
    private static func key(_ purpose: String, _ name: String, _ seed: UInt64) throws(CryptoError) -> ECDSAKey {
        var scalar = HashAlgorithm.sha256.hash(Array("simulated \(purpose) key \(name) \(seed)".utf8))
        scalar[0] &= 0x7F
        return try ECDSAKey(scalar: Secret(scalar))
    }
}
