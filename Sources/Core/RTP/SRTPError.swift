/// Why a packet was not protected, or not believed. Forged and replayed ones are a peer's or a stranger's doing: dropped
/// and counted.
package enum SRTPError: Error, Hashable, Sendable {
    /// Too short for header, index and tag, or no RTP or RTCP at all.
    case malformed(bytes: Int)
    /// The tag does not match: another key, or an altered packet.
    case forged
    /// The index was seen before, or lies behind the replay window. A sender gets it too: no index is used twice.
    case replayed
    /// The master key has protected as many packets as it may; the session must be offered a new one.
    case keyExpired
    /// No room for the tag.
    case noRoom(bytes: Int, needed: Int)
    /// The cryptographic library refused.
    case unavailable(SRTPSuite)
}

extension SRTPError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let bytes): "a protected packet of \(bytes) bytes is too short or no RTP; check what sends here"
        case .forged: "a protected packet does not authenticate; check that both sides use the keys last negotiated"
        case .replayed: "a protected packet bears an index that was used before; drop it"
        case .keyExpired: "an SRTP master key has reached its lifetime; offer a new key"
        case .noRoom(let bytes, let needed):
            "a buffer of \(bytes) bytes has no room for a protected packet of \(needed); enlarge Limits.rtpPacketBytes"
        case .unavailable(let suite):
            "the cryptographic library lacks what \(suite.rawValue) needs; offer another suite"
        }
    }
}
