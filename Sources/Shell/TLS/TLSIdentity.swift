package import HAL
package import NIOPosix
package import NIOSSL

/// Who we are in a TLS handshake: a certificate chain, leaf first, and the key that proves it.
package struct TLSIdentity: Sendable {
    package let chain: [NIOSSLCertificate]
    package let key: NIOSSLPrivateKey

    /// A server or test identity whose key is a file. Both texts are PEM; the chain starts with the leaf.
    package init(chainPEM: String, keyPEM: String) throws(TLSError) {
        chain = try TLSIdentity.certificates(in: chainPEM, what: "certificate chain")
        do {
            key = try NIOSSLPrivateKey(bytes: Array(keyPEM.utf8), format: .pem)
        } catch {
            throw .unreadableKey(reason: "\(error)")
        }
    }

    /// The appliance itself: its private key stays in the HAL, which signs each handshake on `pool`, off the event loop.
    package init(device: any IdentityDevice, pool: NIOThreadPool) throws(TLSError) {
        chain = try TLSIdentity.certificates(in: device.certificateChainPEM, what: "device certificate chain")
        key = NIOSSLPrivateKey(customPrivateKey: DevicePrivateKey(device: device, pool: pool))
    }

    /// All certificates in a PEM text, in order; an empty text is an error.
    package static func certificates(in pem: String, what: String) throws(TLSError) -> [NIOSSLCertificate] {
        do {
            let certificates = try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8))
            if certificates.isEmpty {
                throw TLSError.unreadableCertificate(what: what, reason: "no certificate inside")
            }
            return certificates
        } catch let error as TLSError {
            throw error
        } catch {
            throw .unreadableCertificate(what: what, reason: "\(error)")
        }
    }
}
