import Primitives
import SIPMessage
package import SIPTransaction

extension SIPFlow {
    /// `UDP 192.0.2.1:5060 192.0.2.7:40000`: transport, our address, theirs. A connection's number is left out, it does
    /// not survive a restart.
    package var registrationText: String { "\(transport.rawValue) \(local) \(remote)" }

    /// Reads `registrationText`; nil for anything else.
    package init?(registrationText text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 3, let transport = Transport(rawValue: String(parts[0])), let local = Endpoint(parts[1]),
            let remote = Endpoint(parts[2])
        else { return nil }
        self.init(transport: transport, local: local, remote: remote)
    }

    /// The same way without its connection, towards where `next` listens; nil when that is not a numeric address.
    func dialing(_ next: SIPURI) -> SIPFlow? {
        guard let address = IPAddress(next.host) else { return nil }
        let port = next.port ?? (transport == .tls ? 5061 : 5060)
        return SIPFlow(transport: transport, local: local, remote: Endpoint(address: address, port: port))
    }
}
