import NIOCore
package import NIOSSL

/// The TLS settings of every connection of the appliance and its cloud: one place, so that none is laxer by accident.
///
/// Trust is pinned to the root that the caller names; the system's certificate store is never consulted.
package enum TLSConfigurations {
    /// The oldest protocol version that a connection accepts.
    package enum Floor: Sendable, Hashable {
        /// All cloud connections (WIRE.md, Transport).
        case tls13
        /// Telephones on the local network, many of which know no TLS 1.3 (SIP listener only).
        case tls12
    }

    /// How long a closing side waits for the peer's close_notify. NIOSSL sits this out whenever the channel allows half
    /// closure, so it decides how fast a server ends; a peer that is alive answers within a round trip.
    private static let shutdownTimeout = TimeAmount.milliseconds(500)

    /// Settings of a listening side.
    ///
    /// With `requireClient`, a peer without a certificate below `clientRootPEM` fails the handshake. Without it, a
    /// certificate may be absent, but one that is presented must verify. `clientRootPEM == nil` asks for none.
    package static func server(
        identity: TLSIdentity, clientRootPEM: String?, requireClient: Bool, alpn: [String], floor: Floor = .tls13
    ) throws(TLSError) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: identity.chain.map { .certificate($0) }, privateKey: .privateKey(identity.key))
        configuration.minimumTLSVersion = floor == .tls13 ? .tlsv13 : .tlsv12
        configuration.applicationProtocols = alpn
        configuration.trustRoots = .certificates([])
        configuration.shutdownTimeout = shutdownTimeout
        if let clientRootPEM {
            let roots = try TLSIdentity.certificates(in: clientRootPEM, what: "client root")
            configuration.trustRoots = .certificates(roots)
            configuration.certificateVerification = requireClient ? .noHostnameVerification : .optionalVerification
        } else if requireClient {
            throw .refusedConfiguration(reason: "client certificates are required but no client root is given")
        }
        return configuration
    }

    /// Settings of a dialling side. The server must chain to `rootPEM` alone and carry the name (or address) dialled.
    package static func client(
        identity: TLSIdentity?, rootPEM: String, alpn: [String], floor: Floor = .tls13
    ) throws(TLSError) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = floor == .tls13 ? .tlsv13 : .tlsv12
        configuration.applicationProtocols = alpn
        configuration.trustRoots = .certificates(try TLSIdentity.certificates(in: rootPEM, what: "server root"))
        configuration.certificateVerification = .fullVerification
        configuration.shutdownTimeout = shutdownTimeout
        if let identity {
            configuration.certificateChain = identity.chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(identity.key)
        }
        return configuration
    }

    /// Settings of a dialling side towards servers that are not the vendor's: telephone companies. The server must chain
    /// to a root that the system trusts and carry the name dialled. No certificate of ours is shown: the device's names
    /// its serial number, which is none of their business.
    package static func publicClient() -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .fullVerification
        configuration.shutdownTimeout = shutdownTimeout
        return configuration
    }

    /// A context, to be made once and shared by the connections of a listener or dialler (making one is slow).
    package static func context(_ configuration: TLSConfiguration) throws(TLSError) -> NIOSSLContext {
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .refusedConfiguration(reason: "\(error)")
        }
    }
}
