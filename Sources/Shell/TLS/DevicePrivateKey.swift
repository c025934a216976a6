import HAL
import NIOCore
import NIOPosix
import NIOSSL
import OpenSSLCrypto
import Primitives

/// Lets NIOSSL use a key that only the HAL can reach (P-256, ECDSA with SHA-256).
///
/// A TPM takes tens of milliseconds for a signature, so hash and signature are made on a thread pool.
struct DevicePrivateKey: NIOSSLCustomPrivateKey, Hashable {
    let device: any IdentityDevice
    let pool: NIOThreadPool

    var signatureAlgorithms: [SignatureAlgorithm] { [.ecdsaSecp256R1Sha256] }

    func sign(channel: any Channel, algorithm: SignatureAlgorithm, data: ByteBuffer) -> EventLoopFuture<ByteBuffer> {
        guard algorithm == .ecdsaSecp256R1Sha256 else {
            return channel.eventLoop.makeFailedFuture(
                HALError.signingFailed("signature algorithm \(algorithm.rawValue) is not ECDSA P-256 with SHA-256"))
        }
        let message = Array(data.readableBytesView)
        let device = device
        return pool.runIfActive(eventLoop: channel.eventLoop) {
            let digest = OpenSSLHashes().sha256(message)
            return ByteBuffer(bytes: try device.sign(sha256Digest: digest))
        }
    }

    /// RSA key exchange only, which TLS 1.3 does not have and a P-256 key cannot do.
    func decrypt(channel: any Channel, data: ByteBuffer) -> EventLoopFuture<ByteBuffer> {
        channel.eventLoop.makeFailedFuture(HALError.signingFailed("a P-256 key cannot decrypt"))
    }

    // Two adapters are the same key when they present the same certificate.
    static func == (left: Self, right: Self) -> Bool {
        left.device.certificateChainPEM == right.device.certificateChainPEM
    }

    func hash(into hasher: inout Hasher) { hasher.combine(device.certificateChainPEM) }
}
