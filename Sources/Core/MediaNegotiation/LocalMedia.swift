package import Media
package import Primitives
package import SDP

/// What we are ready to send and receive: the input of offers and answers.
package struct LocalMedia: Hashable, Sendable {
    /// Where we receive RTP; what the peer is told.
    package var address: IPAddress
    package var port: UInt16
    /// In our order of preference; not empty.
    package var codecs: [AudioCodec]
    /// Whether RFC 4733 events are offered and taken.
    package var telephoneEvent: Bool
    /// Whether comfort noise (RFC 3389) is offered and taken beside G.711 and G.722.
    package var comfortNoise = false
    /// What we say of Opus: what we can play, and what we shall send.
    package var opus = OpusParameters.ours
    /// How much audio we want in a packet.
    package var ptime: Duration
    /// Of our `o=` line; the version grows with each change of what we say.
    package var sessionID: UInt64
    package var sessionVersion: UInt64
    /// `sendonly` puts the peer on hold, `sendrecv` takes it back.
    package var direction: MediaDirection
    /// Whether the stream may or must be protected, and our keys.
    package var security: LegSecurity

    package init(
        address: IPAddress, port: UInt16, codecs: [AudioCodec], telephoneEvent: Bool = true,
        ptime: Duration = .milliseconds(20), sessionID: UInt64, sessionVersion: UInt64,
        direction: MediaDirection = .sendrecv, security: LegSecurity = .plain
    ) {
        self.address = address
        self.port = port
        self.codecs = codecs
        self.telephoneEvent = telephoneEvent
        self.ptime = ptime
        self.sessionID = sessionID
        self.sessionVersion = sessionVersion
        self.direction = direction
        self.security = security
    }
}
