import RTP

/// Carries telephone events from one stream's clock to another's (RFC 4733).
///
/// All packets of an event share a timestamp, so the mapping of its start is kept. A duration that outgrows 16 bits is
/// cut into segments (section 2.5.1.3) when written, and such segments are joined again when read.
struct EventMapper: Sendable {
    private struct Current: Sendable {
        var event: UInt8
        var segmentStart: UInt32
        /// Source ticks before the present segment.
        var before: UInt32
        var outgoingStart: UInt32
        var ended = false
    }
    private var current: Current?

    init() {}

    /// True when a packet with this timestamp begins an event for which `begin` has to be called.
    mutating func isNew(_ event: TelephoneEvent, timestamp: UInt32) -> Bool {
        guard var current, current.event == event.event else { return true }
        if timestamp == current.segmentStart { return false }
        guard !current.ended, timestamp &- current.segmentStart == UInt32(UInt16.max) else { return true }
        current.before &+= UInt32(UInt16.max)
        current.segmentStart = timestamp
        self.current = current
        return false
    }

    mutating func begin(_ event: TelephoneEvent, timestamp: UInt32, outgoingStart: UInt32) {
        current = Current(event: event.event, segmentStart: timestamp, before: 0, outgoingStart: outgoingStart)
    }

    /// The event and timestamp to send; nil before any `begin`.
    mutating func map(
        _ event: TelephoneEvent, sourceRate: Int, outgoingRate: Int
    ) -> (event: TelephoneEvent, timestamp: UInt32)? {
        guard let current else { return nil }
        if event.isEnd { self.current?.ended = true }
        let total = (UInt64(current.before) + UInt64(event.duration)) * UInt64(outgoingRate) / UInt64(sourceRate)
        let full = UInt64(UInt16.max)
        let segment = total > 0 ? (total - 1) / full : 0
        var mapped = event
        mapped.duration = UInt16(truncatingIfNeeded: total - segment * full)
        return (mapped, current.outgoingStart &+ UInt32(truncatingIfNeeded: segment * full))
    }
}
