package import RTP

/// Makes keys of the packets of telephone events: one key is one digit, whatever is repeated, lost or cut into segments.
///
/// An event's packets share a timestamp, and its last one comes three times (RFC 4733 sections 2.5.1.2 and 2.5.1.4): any
/// of them begins the key, and any end ends it. A key longer than a packet can state goes on under the next segment's
/// timestamp (section 2.5.1.3). Two habits of telephones are taken in, too: timestamps that move on within a key, and
/// ones that stand still between keys.
package struct TelephoneEventReader: Sendable {
    /// What a packet says of a key.
    package struct Reading: Hashable, Sendable {
        package var event: UInt8
        /// Nil for an event that is no key.
        package var digit: Digit? { Digit(rawValue: event) }
        /// The first packet seen of the key.
        package var isNew: Bool
        /// The first packet seen that says the key was let go; the key has so many `ticks`.
        package var hasEnded: Bool
        /// How long the key has been pressed, in ticks of the event's clock.
        package var ticks: UInt32
    }

    private struct Current: Sendable {
        var event: UInt8
        /// Of the present segment.
        var timestamp: UInt32
        /// The highest one seen.
        var sequence: UInt16
        var duration: UInt16
        /// Ticks of the segments before the present one.
        var before: UInt32
        var hasEnded: Bool
        /// Ticks of the whole key, as far as known.
        var ticks: UInt32
    }
    /// Packets this much older came late; more, and the peer counts anew.
    private static let latest = 100

    private let clock: TelephoneEventClock
    private var current: Current?

    /// Hz of the stream's timestamps, and of event durations; nil: the same.
    package init(clockRate: Int = 8_000, eventClockRate: Int? = nil) {
        self.init(TelephoneEventClock(audio: clockRate, event: max(1, eventClockRate ?? clockRate)))
    }

    init(_ clock: TelephoneEventClock) { self.clock = clock }

    /// The key that is pressed, as far as known.
    package var isPressed: Bool { current.map { !$0.hasEnded } ?? false }

    /// Another stream: what comes next has nothing to do with what came.
    package mutating func reset() { current = nil }

    /// No packet of a key that was not let go has come for too long: its ends are lost, and what comes is another key.
    package mutating func giveUp() { current?.hasEnded = true }

    package mutating func read(_ event: TelephoneEvent, _ header: RTPHeader) -> Reading {
        guard var key = current else { return begin(event, header) }
        let behind = Int(Int16(bitPattern: key.sequence &- header.sequence))
        if behind >= 0, behind < Self.latest { return readLate(event, header, key) }
        switch relation(event, header, to: key) {
        case .another: return begin(event, header)
        case .same: break
        case .moved: key.timestamp = header.timestamp
        case .segment:
            key.before &+= UInt32(UInt16.max)
            key.timestamp = header.timestamp
            key.duration = 0
        }
        key.sequence = header.sequence
        key.duration = max(key.duration, event.duration)
        let hasEnded = event.isEnd && !key.hasEnded
        key.hasEnded = key.hasEnded || event.isEnd
        key.ticks = max(key.ticks, key.before &+ UInt32(key.duration))
        current = key
        return Reading(event: key.event, isNew: false, hasEnded: hasEnded, ticks: key.ticks)
    }

    private enum Relation { case same, moved, segment, another }

    private func relation(_ event: TelephoneEvent, _ header: RTPHeader, to key: Current) -> Relation {
        guard event.event == key.event else { return .another }
        let step = header.timestamp &- key.timestamp
        if step == 0 {
            let beginsAgain = key.hasEnded && !event.isEnd && header.marker && event.duration < key.duration
            return beginsAgain ? .another : .same
        }
        guard !header.marker, step < UInt32(Int32.max) else { return .another }
        if !key.hasEnded, isSegment(step) { return .segment }
        if !key.hasEnded, event.duration > key.duration {
            return UInt64(step) == clock.timestampTicks(UInt64(event.duration - key.duration)) ? .moved : .another
        }
        // A second press of the same key cannot begin while the first still lasts.
        let isRepeated = event.isEnd && event.duration == key.duration
        return isRepeated && UInt64(step) < clock.timestampTicks(UInt64(key.duration)) ? .moved : .another
    }

    /// Whether a timestamp that much later is that of the next segment; rounded either way.
    private func isSegment(_ step: UInt32) -> Bool {
        let expected = clock.timestampTicks(UInt64(UInt16.max))
        return UInt64(step) == expected || clock.audio < clock.event && UInt64(step) == expected + 1
    }

    /// A packet that others have overtaken: it can end the present key, but begins none.
    private mutating func readLate(_ event: TelephoneEvent, _ header: RTPHeader, _ key: Current) -> Reading {
        let isSame = event.event == key.event && header.timestamp == key.timestamp
        let hasEnded = isSame && event.isEnd && !key.hasEnded
        if hasEnded {
            current?.hasEnded = true
            current?.ticks = max(key.ticks, key.before &+ UInt32(event.duration))
        }
        return Reading(event: event.event, isNew: false, hasEnded: hasEnded, ticks: current?.ticks ?? 0)
    }

    private mutating func begin(_ event: TelephoneEvent, _ header: RTPHeader) -> Reading {
        let ticks = UInt32(event.duration)
        current = Current(
            event: event.event, timestamp: header.timestamp, sequence: header.sequence, duration: event.duration,
            before: 0, hasEnded: event.isEnd, ticks: ticks)
        return Reading(event: event.event, isNew: true, hasEnded: event.isEnd, ticks: ticks)
    }
}
