/// Why no audio could be agreed on: a 488 for an offer, the end of the call for an answer.
package enum NegotiationError: Error, Equatable, Sendable {
    /// None of the encodings named is one of ours.
    case noCommonCodec(offered: [String])
    /// No audio, or it was turned down.
    case noAudio
    /// The audio has no IP address to send to.
    case noAddress
    /// The audio is sent to a group of receivers.
    case multicast
    /// IPv4 on one side, IPv6 on the other.
    case otherAddressFamily
    /// The audio's profile is not one of ours, or not by the leg's policy.
    case unsupportedProfile(String)
    /// No `a=crypto` line that we can use, or in an answer not one of ours.
    case noCommonCrypto
    /// DTLS without an `a=fingerprint` under a hash function that we know.
    case noUsableFingerprint
    /// DTLS that nobody would begin: an answer of `actpass`, or `holdconn`.
    case noSetupRole
    /// DTLS without `a=rtcp-mux`: it would take a second association.
    case rtcpNotMultiplexed
    /// An answer that does not match its offer section by section (RFC 3264 section 6).
    case answerDoesNotMatch(reason: Mismatch)

    package enum Mismatch: Equatable, Sendable {
        case sections(offered: Int, answered: Int)
        case kind(offered: String, answered: String)
        case profile(offered: String, answered: String)
    }
}

extension NegotiationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noCommonCodec(let offered):
            "no common codec: the peer speaks \(offered.joined(separator: ", ")); enable opus, G722, PCMA or PCMU there"
        case .noAudio: "the session description holds no audio, or turns it down; offer audio over RTP"
        case .noAddress: "the audio names no IP address; the peer must not use a host name in c="
        case .multicast: "the audio goes to a multicast address; the peer must offer a unicast one"
        case .otherAddressFamily: "the audio's address is of the other IP family; the peer must offer one of ours"
        case .unsupportedProfile(let profile):
            "the audio's profile \(profile) is not taken on this leg; check the SRTP settings on both sides"
        case .noCommonCrypto:
            "no usable a=crypto line; enable AES_CM_128_HMAC_SHA1_80 or AEAD_AES_128_GCM without MKI at the peer"
        case .noUsableFingerprint:
            "no usable a=fingerprint for DTLS; the peer must name its certificate by SHA-256, SHA-384 or SHA-512"
        case .noSetupRole: "nobody would begin the DTLS handshake; the peer must send a=setup:active or passive"
        case .rtcpNotMultiplexed: "DTLS is taken with a=rtcp-mux only; enable RTP and RTCP on one port at the peer"
        case .answerDoesNotMatch(.sections(let offered, let answered)):
            "the answer has \(answered) media sections, the offer \(offered); the peer must answer each in its place"
        case .answerDoesNotMatch(.kind(let offered, let answered)):
            "the answer has \(answered) where \(offered) was offered; the peer must answer each section in its place"
        case .answerDoesNotMatch(.profile(let offered, let answered)):
            "the answer's profile is \(answered), but \(offered) was offered; check the SRTP settings on both sides"
        }
    }
}
