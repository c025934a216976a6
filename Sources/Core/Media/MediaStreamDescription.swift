package import Primitives
package import RTP

/// What one side of a session sends and expects, as negotiated.
///
/// Payload types count per direction: what is sent bears the numbers of the peer's description, what is received those
/// of ours (RFC 3264 section 5.1). They differ when an answer renumbers a dynamic type.
package struct MediaStreamDescription: Hashable, Sendable {
    /// Where the peer said it receives RTP; nil while unknown. Symmetric RTP may move it (see `MediaCommand.configure`).
    package var remote: Endpoint?
    /// Where the peer said it receives RTCP; nil: RTP port + 1.
    package var remoteRTCP: Endpoint?
    /// RTP and RTCP were agreed to share the RTP port (RFC 5761).
    package var isRTCPMultiplexed = false
    package var codec: AudioCodec
    /// The payload type the peer expects for `codec`.
    package var payloadType: UInt8
    /// The payload type the peer sends for `codec`.
    package var receivePayloadType: UInt8
    /// The payload type the peer expects for telephone-event (RFC 4733); nil: none is to be sent.
    package var telephoneEventPayloadType: UInt8?
    /// The payload type the peer sends for telephone-event; nil: none is awaited.
    package var telephoneEventReceivePayloadType: UInt8?
    /// Hz of the durations in telephone events. Many telephones have only telephone-event/8000, also beside Opus; see
    /// `TelephoneEventClock`.
    package var telephoneEventClockRate: Int
    /// Packet time towards the peer.
    package var ptime: Duration
    /// What the peer said about Opus, which our encoder then obeys; nil: nothing is known, or another codec.
    package var opus: OpusParameters?
    /// Comfort noise (RFC 3389, payload type 13) was agreed on: it may be sent to the peer.
    package var comfortNoise = false
    /// False while the peer has put us on hold: nothing is sent to it.
    package var sends: Bool
    /// False when what the peer sends is to be dropped.
    package var receives: Bool
    /// Where the peer's signalling comes from. When it differs from `remote`'s address the peer sits behind an address
    /// translator, and media from there are believed once they prove a stream; nil: only `remote`'s address is.
    package var signallingAddress: IPAddress?
    /// What is sent is protected with this (SRTP); nil: plain RTP. A key unlike the last one begins anew.
    package var sendKey: SRTPMasterKey?
    /// What is received must be protected with this; nil: plain RTP.
    package var receiveKey: SRTPMasterKey?
    /// The keys come by DTLS on the RTP port (RFC 5763), and nothing is sent or believed before they do. `sendKey` and
    /// `receiveKey` are nil then, and `isRTCPMultiplexed` true: one association has the keys of both. nil: no DTLS.
    package var keyAgreement: KeyAgreementParameters?
    /// Who is at that end, as call control counts its legs. With another number everything begins anew that was counted,
    /// reported or believed about the party before it, and the stream to it is another source; nil: always the same one.
    package var party: Int?

    /// What is received has the payload types of what is sent, and events the codec's clock, unless said otherwise.
    package init(
        remote: Endpoint?, remoteRTCP: Endpoint? = nil, codec: AudioCodec, payloadType: UInt8,
        receivePayloadType: UInt8? = nil, telephoneEventPayloadType: UInt8? = nil,
        telephoneEventReceivePayloadType: UInt8? = nil, telephoneEventClockRate: Int? = nil,
        ptime: Duration = .milliseconds(20), sends: Bool = true, receives: Bool = true,
        signallingAddress: IPAddress? = nil, sendKey: SRTPMasterKey? = nil, receiveKey: SRTPMasterKey? = nil,
        keyAgreement: KeyAgreementParameters? = nil
    ) {
        self.remote = remote
        self.remoteRTCP = remoteRTCP
        self.codec = codec
        self.payloadType = payloadType
        self.receivePayloadType = receivePayloadType ?? payloadType
        self.telephoneEventPayloadType = telephoneEventPayloadType
        self.telephoneEventReceivePayloadType = telephoneEventReceivePayloadType ?? telephoneEventPayloadType
        self.telephoneEventClockRate = telephoneEventClockRate ?? codec.clockRate
        self.ptime = ptime
        self.sends = sends
        self.receives = receives
        self.signallingAddress = signallingAddress
        self.sendKey = sendKey
        self.receiveKey = receiveKey
        self.keyAgreement = keyAgreement
        isRTCPMultiplexed = keyAgreement != nil
    }
}
