import RTP

/// Carries telephone events from one stream's clocks to another's (RFC 4733).
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
    /// The longest duration that a packet can state.
    private static let fullSegment = UInt64(UInt16.max)

    private let source: TelephoneEventClock
    private let sink: TelephoneEventClock
    private var current: Current?

    init(source: TelephoneEventClock, sink: TelephoneEventClock) {
        self.source = source
        self.sink = sink
    }

    /// True when a packet with this timestamp begins an event for which `begin` has to be called.
    mutating func isNew(_ event: TelephoneEvent, timestamp: UInt32) -> Bool {
        guard var current, current.event == event.event else { return true }
        if timestamp == current.segmentStart { return false }
        guard !current.ended, isSegment(timestamp &- current.segmentStart) else { return true }
        current.before &+= UInt32(UInt16.max)
        current.segmentStart = timestamp
        self.current = current
        return false
    }

    /// Whether a timestamp that much later is that of the next segment; rounded either way.
    private func isSegment(_ step: UInt32) -> Bool {
        let expected = source.timestampTicks(Self.fullSegment)
        return UInt64(step) == expected || source.audio < source.event && UInt64(step) == expected + 1
    }

    mutating func begin(_ event: TelephoneEvent, timestamp: UInt32, outgoingStart: UInt32) {
        current = Current(event: event.event, segmentStart: timestamp, before: 0, outgoingStart: outgoingStart)
    }

    /// The event and timestamp to send; nil before any `begin`.
    mutating func map(_ event: TelephoneEvent) -> (event: TelephoneEvent, timestamp: UInt32)? {
        guard let current else { return nil }
        if event.isEnd { self.current?.ended = true }
        let total = (UInt64(current.before) + UInt64(event.duration)) * UInt64(sink.event) / UInt64(source.event)
        let segment = total > 0 ? (total - 1) / Self.fullSegment : 0
        var mapped = event
        mapped.duration = UInt16(truncatingIfNeeded: total - segment * Self.fullSegment)
        let offset = sink.timestampTicks(segment * Self.fullSegment)
        return (mapped, current.outgoingStart &+ UInt32(truncatingIfNeeded: offset))
    }
}
