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
    /// How much audio we want in a packet.
    package var ptime: Duration
    /// Of our `o=` line; the version grows with each change of what we say.
    package var sessionID: UInt64
    package var sessionVersion: UInt64
    /// `sendonly` puts the peer on hold, `sendrecv` takes it back.
    package var direction: MediaDirection

    package init(
        address: IPAddress, port: UInt16, codecs: [AudioCodec], telephoneEvent: Bool = true,
        ptime: Duration = .milliseconds(20), sessionID: UInt64, sessionVersion: UInt64,
        direction: MediaDirection = .sendrecv
    ) {
        self.address = address
        self.port = port
        self.codecs = codecs
        self.telephoneEvent = telephoneEvent
        self.ptime = ptime
        self.sessionID = sessionID
        self.sessionVersion = sessionVersion
        self.direction = direction
    }
}

/// Why no audio could be agreed on: a 488 for an offer, the end of the call for an answer.
package enum NegotiationError: Error, Equatable, Sendable {
    /// None of the encodings named is one of ours.
    case noCommonCodec(offered: [String])
    /// No audio over plain RTP, or it was turned down.
    case noAudio
    /// The audio has no IP address to send to.
    case noAddress
}

extension NegotiationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noCommonCodec(let offered):
            "no common codec: the peer speaks \(offered.joined(separator: ", ")); enable PCMU, PCMA or opus there"
        case .noAudio: "the session description holds no audio over RTP/AVP; enable plain RTP at the peer"
        case .noAddress: "the audio names no IP address; the peer must not use a host name in c="
        }
    }
}
