import Media
import Primitives

/// Which packet time to send with.
enum PacketTime {
    /// What a codec can pack within 10...60 ms: G.711 and G.722 any multiple of 10, Opus its frame lengths (RFC 6716
    /// section 2.1.4).
    private static func lengths(_ codec: AudioCodec) -> [Int] {
        codec == .opus ? [10, 20, 40, 60] : [10, 20, 30, 40, 50, 60]
    }

    /// The longest packet of `codec` that is not longer than the peer wishes, else than `fallback`; but none shorter than
    /// `shortest`, as far as the peer takes longer ones.
    static func chosen(
        _ codec: AudioCodec, wished: Int?, shortest: Int? = nil, longest: Int?, fallback: Duration
    ) -> Duration {
        let lengths = lengths(codec)
        let limit = min(wished ?? Int(clamping: fallback.wholeMilliseconds), longest ?? .max)
        let chosen = lengths.last { $0 <= limit } ?? 10
        guard let shortest, chosen < shortest else { return .milliseconds(chosen) }
        let longer = lengths.first { $0 >= shortest } ?? 60
        return .milliseconds(longer <= longest ?? .max ? longer : chosen)
    }
}
