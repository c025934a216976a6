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
