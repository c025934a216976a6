package import Primitives

/// Where a SIP message came from, or the way it is to be sent: a listener's socket and a peer, or a connection.
package struct SIPFlow: Hashable, Sendable {
    package enum Transport: String, Sendable, Hashable {
        case udp = "UDP"
        case tcp = "TCP"
        case tls = "TLS"

        /// A reliable transport needs no retransmission (RFC 3261 section 17).
        package var isReliable: Bool { self != .udp }
    }

    package var transport: Transport
    /// The local address this flow's messages name in Via and Contact.
    package var local: Endpoint
    package var remote: Endpoint
    /// Names the connection for TCP and TLS; nil for UDP. Over TCP and TLS nil means whichever connection leads to
    /// `remote`: one that is there, or else a new one.
    package var connection: UInt64?
    /// The name that the certificate at the other end must carry (RFC 5922), of a TLS connection that we open; nil when
    /// it must carry the address.
    package var peerName: String?

    package init(
        transport: Transport, local: Endpoint, remote: Endpoint, connection: UInt64? = nil, peerName: String? = nil
    ) {
        self.transport = transport
        self.local = local
        self.remote = remote
        self.connection = connection
        self.peerName = peerName
    }
}
