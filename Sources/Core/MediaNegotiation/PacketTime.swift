import Media
import Primitives

/// Which packet time to send with.
enum PacketTime {
    /// What a codec can pack within 10...60 ms: G.711 and G.722 any multiple of 10, Opus its frame lengths (RFC 6716
    /// section 2.1.4).
    private static func lengths(_ codec: AudioCodec) -> [Int] {
        codec == .opus ? [10, 20, 40, 60] : [10, 20, 30, 40, 50, 60]
    }

    /// The longest packet of `codec` that is not longer than the peer wishes, else than `fallback`.
    static func chosen(_ codec: AudioCodec, wished: Int?, longest: Int?, fallback: Duration) -> Duration {
        let limit = min(wished ?? Int(clamping: fallback.wholeMilliseconds), longest ?? .max)
        return .milliseconds(lengths(codec).last { $0 <= limit } ?? 10)
    }
}
