import OpenSSLCrypto
import Persistence
import Primitives

/// The device key of a simulated appliance. Signatures differ from run to run (ECDSA is randomised): they must not reach
/// a trace.
struct SimulatedSigner: Sendable {
    let key: ECDSAKey?
    let certificate: Certificate?

    /// One board for all worlds: its key is no secret and its certificate no part of what a scenario draws.
    static let shared = SimulatedSigner()

    private init() {
        var scalar = HashAlgorithm.sha256.hash(Array("simulated device key".utf8))
        scalar[0] &= 0x7F  // below the order of the group
        key = try? ECDSAKey(scalar: Secret(scalar))
        let template = CertificateTemplate(
            subject: SubjectFields(commonName: "PBX-SIM-\(ApplianceNode.serial)", serialNumber: ApplianceNode.serial),
            role: .authority(pathLength: 0), notBefore: UnixTime(seconds: 1_700_000_000),
            notAfter: UnixTime(seconds: 2_300_000_000))
        certificate = key.flatMap { try? Certificate.selfSigned(template, key: $0) }
    }

    func sign(sequence: UInt64, hash: [UInt8], time: UnixTime) throws(CryptoError) -> LedgerCheckpoint {
        guard let key, let certificate else { throw .signingFailed("the simulated device has no key") }
        let text = LedgerCheckpoint.signedText(sequence: sequence, time: time, hash: hash)
        let signature = try key.sign(sha256Digest: OpenSSLHashes().sha256(Array(text.utf8)))
        return LedgerCheckpoint(
            sequence: sequence, time: time, hash: hash, signature: signature, certificateChain: certificate.pem)
    }
}

/// The device certificate stands for itself here; a real one is checked up to the vendor's root.
struct SimulatedSignatureCheck: LedgerSignatureCheck {
    func signer(chainPEM: String, at time: UnixTime, digest: [UInt8], signature: [UInt8]) -> String? {
        guard let certificate = try? Certificate(pem: chainPEM), certificate == SimulatedSigner.shared.certificate,
            certificate.publicKey?.isValid(signature: signature, sha256Digest: digest) == true
        else { return nil }
        return certificate.subjectSerialNumber
    }
}
