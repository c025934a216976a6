import Primitives
package import RTP

/// Why a session cannot be had, or not go on.
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

extension MediaFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noPortFree: "no RTP port pair is free (closed ones rest for 5 s); widen media.ports"
        case .tooManySessions(let limit): "\(limit) media sessions are open, which is the limit; raise it or wait"
        case .overBudget(let needed, let left):
            "the session needs \(Self.milliseconds(needed)) ms of processor time a second, and media have"
                + " \(Self.milliseconds(left)) ms left; end calls, let telephones share a codec, or raise media.cpu_share"
        case .heldUp: "media are held up by the machine's load, and no session is let in for now; try again in 5 s"
        case .codecUnavailable(let codec): "codec \(codec.rawValue) is not available at this rate; offer another"
        case .protectionUnavailable(let suite):
            "media cannot be protected with \(suite.rawValue) here; offer another suite, or plain RTP"
        case .keyAgreementUnavailable: "keys cannot be agreed on by DTLS here; offer SDES, or plain RTP"
        case .keysNotAgreed(let side, let failure): "side \(side) of a call has no media: \(failure)"
        case .relayUnreachable: "rtpengine does not answer; check that it runs and listens at media.rtpengine.address"
        case .relayLost: "rtpengine does not know the call any more; it was started anew, or had no media for too long"
        case .relayRefused(let reason): "rtpengine refuses: \(reason); see its log"
        case .socket(let errno): "a media socket or mailbox failed with errno \(errno); check files, memory and load"
        }
    }
}

extension MediaFailure {
    private static func milliseconds(_ duration: Duration) -> Double {
        Double(duration.wholeNanoseconds / 10_000) / 100
    }

    /// The name under which failures of this cause are counted; nil: with all the others alone.
    package var counter: String? {
        switch self {
        case .overBudget: "media.over-budget"
        case .heldUp: "media.held-up"
        case .keysNotAgreed(_, let failure): Self.counter(of: failure)
        case .relayUnreachable: "media.relay-unreachable"
        case .relayLost: "media.relay-lost"
        case .relayRefused: "media.relay-refused"
        case .noPortFree, .tooManySessions, .codecUnavailable, .protectionUnavailable, .keyAgreementUnavailable,
            .socket:
            nil
        }
    }

    private static func counter(of failure: KeyAgreementFailure) -> String {
        switch failure {
        case .timedOut: "media.dtls-timed-out"
        case .wrongCertificate: "media.dtls-wrong-certificate"
        case .noCommonProfile: "media.dtls-no-common-profile"
        case .refused: "media.dtls-refused"
        case .unavailable: "media.dtls-unavailable"
        }
    }
}
