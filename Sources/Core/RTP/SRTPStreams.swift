/// What is known of the sources under one master key: where each one's 48-bit packet index stands, and what was seen of
/// it (RFC 3711 sections 3.2.1 and 3.3.1).
///
/// The sequence number on the wire is the lower 16 bits of the index; the rollover counter above them is estimated. A
/// source is entered once a packet of it has proved authentic, so only who holds the key can fill the table.
package struct SRTPStreams: Sendable {
    /// Sources remembered; one more evicts that which was entered first. A telephone takes a new one now and then, as
    /// when it is taken off hold.
    package static let capacity = 8
    /// Rollover counters that are tried for the first packet of a source. A stream that comes over from another session,
    /// as when a call is taken over, may have turned over already: 8 are three hours of speech.
    package static let guesses: UInt64 = 8

    private struct Stream: Sendable {
        var ssrc: UInt32
        /// Highest index authenticated.
        var highest: UInt64
        var window: SRTPReplayWindow
    }
    private var streams: [Stream] = []
    private var evictNext = 0
    private var last = 0
    private let initialRollover: UInt32

    /// `rollover` is the counter that a source begins with, 0 in a session set up by SDES (RFC 4568 section 6.4).
    package init(rollover: UInt32 = 0) {
        initialRollover = rollover
        streams.reserveCapacity(Self.capacity)
    }

    /// True for a source that was entered.
    package mutating func knows(ssrc: UInt32) -> Bool { position(of: ssrc) != nil }

    /// The index of a packet; nil when it was seen, is too old, or lies before the first index or beyond the last.
    package mutating func index(ssrc: UInt32, sequence: UInt16) -> UInt64? {
        guard let position = position(of: ssrc) else { return UInt64(initialRollover) << 16 | UInt64(sequence) }
        let stream = streams[position]
        let index = Self.estimate(sequence, highest: stream.highest)
        guard let index, stream.window.admits(index) else { return nil }
        return index
    }

    /// Takes over the index of a packet that `index` let in and that has proved authentic.
    package mutating func accept(ssrc: UInt32, index: UInt64) {
        if let position = position(of: ssrc) {
            streams[position].window.mark(index)
            if index > streams[position].highest { streams[position].highest = index }
            return
        }
        var window = SRTPReplayWindow()
        window.mark(index)
        let stream = Stream(ssrc: ssrc, highest: index, window: window)
        if streams.count < Self.capacity {
            last = streams.count
            streams.append(stream)
        } else {
            last = evictNext
            streams[evictNext] = stream
            evictNext = (evictNext + 1) % Self.capacity
        }
    }

    private mutating func position(of ssrc: UInt32) -> Int? {
        if last < streams.count, streams[last].ssrc == ssrc { return last }
        guard let found = streams.firstIndex(where: { $0.ssrc == ssrc }) else { return nil }
        last = found
        return found
    }

    /// The index with this sequence number that is closest to the highest one (RFC 3711 appendix A).
    static func estimate(_ sequence: UInt16, highest: UInt64) -> UInt64? {
        let rollover = highest >> 16
        let low = Int(highest & 0xFFFF)
        var guess = rollover
        if low < 0x8000 {
            if Int(sequence) - low > 0x8000 {
                guard rollover > 0 else { return nil }
                guess = rollover - 1
            }
        } else if low - 0x8000 > Int(sequence) {
            guess = rollover + 1
        }
        guard guess <= UInt64(UInt32.max) else { return nil }
        return guess << 16 | UInt64(sequence)
    }
}
