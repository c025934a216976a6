package import Primitives
package import RTP

/// Names one media session (the two streams of a call) between call control and the media workers.
package struct MediaSessionID: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// The two ends of a media session.
package enum MediaSide: Int, Hashable, Sendable, CaseIterable {
    case a = 0
    case b = 1
    package var other: MediaSide { self == .a ? .b : .a }
}

/// The codecs the appliance speaks, with their RTP names (RFC 3551, RFC 7587).
package enum AudioCodec: String, Hashable, Sendable, CaseIterable {
    case pcmu = "PCMU"
    case pcma = "PCMA"
    case g722 = "G722"
    case opus = "opus"

    /// The order in which the appliance offers them: the better sound first, then the cheaper work.
    package static let preferred: [AudioCodec] = [.opus, .g722, .pcma, .pcmu]

    /// RTP clock in Hz. Not always that of the samples: G.722 counts 8000 for its 16 kHz (RFC 3551 section 4.5.2).
    package var clockRate: Int { self == .opus ? 48_000 : 8_000 }
    /// Samples per second that the codec can carry.
    package var sampleRate: Int {
        switch self {
        case .pcmu, .pcma: 8_000
        case .g722: G722.sampleRate
        case .opus: 48_000
        }
    }
    /// Channels in the SDP rtpmap; Opus is always announced as 2 (RFC 7587 section 7).
    package var channels: Int { self == .opus ? 2 : 1 }
    /// Static payload type where there is one; Opus is dynamic.
    package var staticPayloadType: UInt8? {
        switch self {
        case .pcmu: 0
        case .pcma: 8
        case .g722: 9
        case .opus: nil
        }
    }
}

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

/// What call control asks of the media workers. Answers come back as `MediaEvent`.
package enum MediaCommand: Hashable, Sendable {
    /// Bind two RTP/RTCP port pairs. Answered by `.opened` or `.failed`.
    case open(MediaSessionID)
    /// The same for a call for help: neither the machine's load nor what other sessions take is in its way.
    case openForHelp(MediaSessionID)
    /// Set or replace one side's description. Media flows once both sides are configured (or `setEcho`). A description
    /// whose `remote` differs from the last one resets symmetric latching, see `SymmetricLatch`: the signalled endpoint
    /// is believed at once, another source only after a proof.
    case configure(MediaSessionID, MediaSide, MediaStreamDescription)
    /// Side `a` hears what it says; side `b` is unused.
    case setEcho(MediaSessionID)
    /// What that side hears from now on; it may be set before the side is configured.
    case hear(MediaSessionID, MediaSide, AudioProgram)
    /// Only the so many loudest of a room are mixed; nil: all. Nothing for a room that nobody is in.
    case gate(RoomID, loudest: Int?)
    /// Record what both sides say, in blocks (`.recorded`), until `.stopRecording` or the session's end.
    case record(MediaSessionID, RecordingID, RecordingLayout)
    case stopRecording(MediaSessionID, RecordingID)
    /// Tell the keys that a side presses, and what they come to (`.digit`, `.collected`). Replaces a collection under way.
    case collect(MediaSessionID, MediaSide, DigitRules)
    case stopCollecting(MediaSessionID, MediaSide)
    /// Press keys (event codes 0...16, RFC 4733 section 3.2) towards a side: as telephone events, or as tones if it takes
    /// none. While they sound the side hears nothing else.
    case sendDigits(MediaSessionID, MediaSide, [UInt8])
    /// Release the ports (into quarantine). Answered by `.closed` with the final statistics.
    case close(MediaSessionID)

    /// The session that the command is for; nil for one to a room.
    package var session: MediaSessionID? {
        switch self {
        case .open(let id), .openForHelp(let id), .configure(let id, _, _), .setEcho(let id), .hear(let id, _, _),
            .record(let id, _, _),
            .stopRecording(let id, _), .collect(let id, _, _), .stopCollecting(let id, _), .sendDigits(let id, _, _),
            .close(let id):
            id
        case .gate: nil
        }
    }
}

/// What media workers report.
package enum MediaEvent: Hashable, Sendable {
    /// Local RTP ports for side a and b; RTCP is port + 1.
    case opened(MediaSessionID, portA: UInt16, portB: UInt16)
    case failed(MediaSessionID, MediaFailure)
    /// A command was not carried out, and the session goes on as it was.
    case refused(MediaSessionID, MediaRefusal)
    /// No RTP from that side for `Limits.mediaSilence`; reported once per silence.
    case silent(MediaSessionID, MediaSide)
    /// A side is not heard, or is heard again; each change once.
    case audioPath(MediaSessionID, MediaSide, AudioPath)
    /// How both sides stand, every five seconds or so while media flow, and when a party leaves a side to another one.
    case figures(MediaSessionID, a: StreamStatistics, b: StreamStatistics)
    /// What a side heard has been played to its end.
    case played(MediaSessionID, MediaSide)
    /// The session that a side listened to is gone; it hears silence now.
    case listeningEnded(MediaSessionID, MediaSide)
    /// A side has pressed a key, while keys are collected.
    case digit(MediaSessionID, MediaSide, Digit, how: DigitSource)
    /// Enough was pressed, or not in time; the collection has ended.
    case collected(MediaSessionID, MediaSide, DigitCollector.Outcome)
    case recorded(RecordingID, RecordingBlock)
    /// No more blocks follow.
    case recordingEnded(RecordingID)
    /// Who is heard in a room, when it changes, at most once a second.
    case speaking(RoomID, [RoomMember])
    case closed(MediaSessionID, a: StreamStatistics, b: StreamStatistics)

    /// The session that the event is about; nil for what is about a room or a recording.
    package var session: MediaSessionID? {
        switch self {
        case .opened(let id, _, _), .failed(let id, _), .refused(let id, _), .silent(let id, _),
            .audioPath(let id, _, _), .figures(let id, _, _), .played(let id, _), .listeningEnded(let id, _),
            .digit(let id, _, _, _), .collected(let id, _, _), .closed(let id, _, _):
            id
        case .recorded, .recordingEnded, .speaking: nil
        }
    }
}

package enum MediaFailure: Error, Hashable, Sendable {
    case noPortFree
    case tooManySessions(limit: Int)
    /// The session would take more processor time a second than media have left.
    case overBudget(needed: Duration, left: Duration)
    /// The media workers do not keep up; nothing new is let in until they do.
    case heldUp
    case codecUnavailable(AudioCodec)
    case protectionUnavailable(SRTPSuite)
    /// A description asks for DTLS, and there is none.
    case keyAgreementUnavailable
    /// A side's DTLS handshake has failed; the session is otherwise unchanged, and that side silent.
    case keysNotAgreed(MediaSide, KeyAgreementFailure)
    case socket(errno: Int32)
    /// rtpengine does not answer (`media.backend: rtpengine`): nothing can be opened, and what was open is given up.
    case relayUnreachable
    /// rtpengine does not have the call any more; it was started anew, or has given it up.
    case relayLost
    /// rtpengine does not want to; its words.
    case relayRefused(String)
}

/// Per side: what was received from that peer and sent to it (RFC 3550 section 6.4 and appendix A).
package struct StreamStatistics: Hashable, Sendable {
    package var packetsReceived: UInt64 = 0
    package var packetsSent: UInt64 = 0
    package var bytesReceived: UInt64 = 0
    package var bytesSent: UInt64 = 0
    /// Expected minus received, never below zero in reports.
    package var packetsLost: UInt64 = 0
    /// Interarrival jitter in milliseconds.
    package var jitterMilliseconds: Double = 0
    /// Datagrams dropped: not RTP, unexpected payload type, not authentic, or from a source that is not the latched one.
    package var packetsDropped: UInt64 = 0
    /// Of those dropped, the ones from a source that is not believed: strangers, and sources on probation.
    package var packetsFromStrangers: UInt64 = 0
    /// Of those dropped, the ones of a protected stream that were forged, altered, replayed or plain.
    package var packetsNotAuthentic: UInt64 = 0
    /// Of those dropped, the ones that are our own, sent back (RFC 3550 section 8.2).
    package var packetsLooped: UInt64 = 0
    /// Round trip from RTCP, milliseconds; nil when no report came.
    package var roundTripMilliseconds: Double?
    /// By the sequence numbers of what was received.
    package var packetsExpected: UInt64 = 0
    /// Received, but too late to be decoded in its place; 0 while the stream is relayed, which loses nothing by itself.
    package var packetsDiscarded: UInt64 = 0
    package var packetsDuplicated: UInt64 = 0
    /// Of those dropped, the ones of another payload type, and those that could not be decoded.
    package var packetsUndecodable: UInt64 = 0
    /// Lost or discarded within bursts, 0...1 (RFC 3611 section 4.7.2).
    package var burstDensity: Double = 0
    /// Lost or discarded between bursts, 0...1.
    package var gapDensity: Double = 0
    /// Mean length of a burst.
    package var burstMilliseconds: Double = 0
    /// Mean length of a gap.
    package var gapMilliseconds: Double = 0
    /// 1 for losses by chance, more in bursts (ITU-T G.107).
    package var burstRatio: Double = 1
    /// What the peer lost of our stream, since the SSRC began; nil when it has not reported.
    package var peerPacketsLost: UInt64?
    /// Of the last report's interval, 0...1.
    package var peerFractionLost: Double?
    package var peerJitterMilliseconds: Double?
    /// The peer's extended report about our stream; nil when it sends none.
    package var peerMetrics: VoIPMetrics?
    /// What came too late to be played there, of its stream from us, 0...1; nil when it does not say.
    package var peerDiscardFraction: Double? { peerMetrics.map { Double($0.discardRate) / 256 } }
    /// How the peer sounds, as far as here; nil before anything came.
    package var received: VoiceQuality?
    /// How our stream sounds to the peer; nil while it has not reported.
    package var sent: VoiceQuality?
    /// Whom all of this is about: `MediaStreamDescription.party`.
    package var party: Int?
    /// Whether the peer is heard, as `MediaEvent.audioPath` told last.
    package var path = AudioPath.flowing

    package init() {}
}
