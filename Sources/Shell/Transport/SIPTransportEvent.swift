package import SIPTransaction

/// What the sockets report, always on the transport's event loop.
package enum SIPTransportEvent: Sendable, Equatable {
    /// One datagram, or one message framed from a stream.
    case message([UInt8], SIPFlow)
    /// The connection behind a flow is gone, or a message was sent on one that is not there any more.
    case closed(SIPFlow)
    /// Something was dropped, refused or closed; the name is a counter's.
    case counted(SIPTransportCounter)
}

/// Names under which the transport counts what it did not pass on.
package enum SIPTransportCounter: String, Sendable, Hashable, CaseIterable {
    case oversizedDatagram = "sip.udp.oversized"
    case unsendableDatagram = "sip.udp.unsendable"
    case malformedStream = "sip.stream.malformed"
    case tooManyConnections = "sip.stream.too-many"
    case idleConnection = "sip.stream.idle"
    case silentConnection = "sip.stream.silent"
    case slowPeer = "sip.stream.slow-peer"
    case failedHandshake = "sip.tls.failed-handshake"
}
