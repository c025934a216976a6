package import SIPTransaction

/// What the sockets report, always on the transport's event loop.
package enum SIPTransportEvent: Sendable, Equatable {
    /// One datagram, or one message framed from a stream.
    case message([UInt8], SIPFlow)
    /// The connection behind a flow is gone, or a message was sent on one that is not there any more; of a stream flow
    /// without a connection: none leads there, or the one that did is gone.
    case closed(SIPFlow)
    /// Something was dropped, refused or closed; the name is a counter's.
    case counted(SIPTransportCounter, by: UInt64 = 1)
    /// Datagrams come faster than they are worked off, or no longer do.
    case overload(Bool)
}

/// Names under which the transport counts what it did not pass on.
package enum SIPTransportCounter: String, Sendable, Hashable, CaseIterable {
    /// The system had no room for it, because the ones before were not read in time.
    case droppedDatagram = "sip.udp.dropped"
    case oversizedDatagram = "sip.udp.oversized"
    case unsendableDatagram = "sip.udp.unsendable"
    case refusedSTUN = "sip.udp.stun-refused"
    case malformedStream = "sip.stream.malformed"
    case tooManyConnections = "sip.stream.too-many"
    case tooManyFromSource = "sip.stream.too-many-from-source"
    case idleConnection = "sip.stream.idle"
    case silentConnection = "sip.stream.silent"
    /// A message whose end did not come in time.
    case slowMessage = "sip.stream.slow-message"
    /// More keep-alives in a second than `Limits.sipPingsPerSecond`.
    case pingFlood = "sip.stream.pings"
    case slowPeer = "sip.stream.slow-peer"
    case failedConnection = "sip.stream.cannot-connect"
    /// More waits for a connection that is being opened than `Limits.sipConnectingBytes`.
    case connectingQueueFull = "sip.stream.connecting-full"
    /// A response whose connection is gone went over a new one.
    case reopenedForResponse = "sip.stream.reopened"
    case failedHandshake = "sip.tls.failed-handshake"
    /// A TLS connection is wanted, and it is not said whom to trust.
    case noClientTLS = "sip.tls.no-client-context"
}
