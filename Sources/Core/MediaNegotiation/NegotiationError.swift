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
