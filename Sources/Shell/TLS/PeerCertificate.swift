package import NIOCore
import NIOSSL
import OpenSSLCrypto

/// The parts of a peer's certificate subject by which we know it (X9). TLS has verified the chain before this is read.
package struct PeerSubject: Sendable, Hashable {
    package var commonName: String?
    /// The role of a vendor server or client, for example `control-center`.
    package var organizationalUnit: String?
    /// The appliance's serial: subject attribute `serialNumber`, not the certificate's own number.
    package var serialNumber: String?

    package init(commonName: String?, organizationalUnit: String?, serialNumber: String?) {
        self.commonName = commonName
        self.organizationalUnit = organizationalUnit
        self.serialNumber = serialNumber
    }
}

/// Reads who is at the other end of a TLS connection.
package enum PeerCertificate {
    /// The subject of the peer's leaf certificate; nil before the handshake, without TLS, or without a certificate.
    ///
    /// Callable from any thread; the pipeline is read on the channel's event loop.
    package static func subject(of channel: any Channel) -> EventLoopFuture<PeerSubject?> {
        channel.eventLoop.flatSubmit {
            channel.eventLoop.makeSucceededFuture(subjectOnLoop(of: channel))
        }
    }

    /// As `subject(of:)`, for callers that run on the channel's event loop already.
    package static func subjectOnLoop(of channel: any Channel) -> PeerSubject? {
        channel.eventLoop.preconditionInEventLoop()
        guard let handler = try? channel.pipeline.syncOperations.handler(type: NIOSSLHandler.self),
            let der = try? handler.peerCertificate?.toDERBytes(), let certificate = try? Certificate(der: der)
        else { return nil }
        return PeerSubject(
            commonName: certificate.commonName, organizationalUnit: certificate.organizationalUnit,
            serialNumber: certificate.subjectSerialNumber)
    }
}
