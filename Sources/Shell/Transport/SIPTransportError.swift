package import Primitives
package import SIPTransaction

/// Why a listener or connection could not be had; what peers do wrong is counted, not thrown.
package enum SIPTransportError: Error, Sendable, Hashable {
    case cannotListen(SIPFlow.Transport, Endpoint, reason: String)
    case cannotConnect(SIPFlow.Transport, Endpoint, reason: String)
    /// A TLS listener or connection needs a TLS context.
    case noTLS
    /// The server's certificate is valid for other names than this.
    case wrongName(String)
    case closed
}

extension SIPTransportError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cannotListen(let transport, let endpoint, let reason):
            "cannot listen for SIP over \(transport.rawValue) on \(endpoint): \(reason); "
                + "another program may hold the port, or the address is not this machine's"
        case .cannotConnect(let transport, let endpoint, let reason):
            "cannot connect to \(endpoint) over \(transport.rawValue): \(reason)"
        case .noTLS: "SIP over TLS needs a certificate and key"
        case .wrongName(let name):
            "the server's certificate does not carry the name \(name); check the configured server"
        case .closed: "the transport has been shut down"
        }
    }
}
