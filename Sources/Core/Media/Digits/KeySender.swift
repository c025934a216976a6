import Primitives
package import RTP

/// Keys as telephone events (RFC 4733), packet by packet, in a stream on which somebody else sends the audio.
///
/// Whoever owns the stream asks with each packet time whether it belongs to a key. The packets of a key share the
/// timestamp at which it began, each says how long it lasts so far, and the last goes out three times (section 2.5.1.4).
package struct KeySender: Sendable {
    /// Keys waiting to be sent; more are refused.
    package static let queued = 32
    private static let endPackets = 3
    /// Between the end of a key and the next one, the repeated ends included.
    private static let pause = Duration.milliseconds(40)

    /// What takes the place of a packet time's audio.
    package struct Packet: Hashable, Sendable {
        package var event: TelephoneEvent
        /// Of the RTP header.
        package var timestamp: UInt32
        /// Of a key: goes into the marker.
        package var isFirst: Bool
    }

    private struct Sending: Sendable {
        var event: UInt8
        var timestamp: UInt32
        /// Packet times; nil: until `release`.
        var length: Int?
        var sent = 0
        var ends = 0
    }

    /// Between two packets.
    package private(set) var ptime: Duration
    /// Hz of durations.
    private var clockRate: Int
    private var waiting = BoundedQueue<(event: UInt8, length: Duration?)>(capacity: queued)
    private var sending: Sending?
    /// Packet times before the next key may begin.
    private var resting = 0
    /// Of the keys that wait without a length, those that were let go already.
    private var released = 0

    /// - Parameter clockRate: of the event durations, Hz.
    package init(ptime: Duration, clockRate: Int) {
        self.ptime = max(ptime, .milliseconds(1))
        self.clockRate = max(1, clockRate)
    }

    /// Another packet time or clock. A key that is being sent ends at once; those that wait are kept.
    package mutating func change(ptime: Duration, clockRate: Int) {
        self.ptime = max(ptime, .milliseconds(1))
        self.clockRate = max(1, clockRate)
        sending = nil
        resting = 0
    }

    /// Queues a key for at least one packet time and at most what a packet can state (8 s at 8000 Hz, 1.3 s at 48000).
    /// With nil for `length`, the key lasts until `release`. False, and nothing queued, when too many wait.
    package mutating func press(_ event: UInt8, for length: Duration? = .milliseconds(100)) -> Bool {
        waiting.append((event, length))
    }

    /// Lets go of the earliest key without a length that is still held: it ends with the next packet, but lasts 50 ms.
    package mutating func release() {
        if var key = sending, key.length == nil {
            key.length = max(key.sent + 1, frames(DigitTones.shortest))
            sending = key
        } else if released < waiting.count {
            released += 1
        }
    }

    /// True while a key waits or is being sent: the owner has to ask `next` with every packet time.
    package var isActive: Bool { sending != nil || !waiting.isEmpty }

    /// True while packet times belong to a key.
    package var isSending: Bool { sending != nil }

    /// The packet for the packet time that begins at `timestamp`; nil when it belongs to the audio.
    package mutating func next(at timestamp: UInt32) -> Packet? {
        if sending == nil {
            guard resting == 0 else {
                resting -= 1
                return nil
            }
            guard let key = waiting.popFirst() else { return nil }
            var length = key.length
            if length == nil, released > 0 {
                released -= 1
                length = DigitTones.shortest
            }
            sending = Sending(event: key.event, timestamp: timestamp, length: length.map(frames))
        }
        guard var key = sending else { return nil }
        let isFirst = key.sent == 0
        let length = min(key.length ?? .max, longest)
        if key.sent < length { key.sent += 1 }
        let isEnd = key.sent >= length
        if isEnd { key.ends += 1 }
        let duration = UInt16(clamping: (ptime * key.sent).ticks(rate: clockRate))
        if key.ends == Self.endPackets {
            sending = nil
            resting = max(0, frames(Self.pause) - (Self.endPackets - 1))
        } else {
            sending = key
        }
        return Packet(
            event: TelephoneEvent(event: key.event, isEnd: isEnd, duration: duration), timestamp: key.timestamp,
            isFirst: isFirst)
    }

    /// Whole packet times within a length, one at least.
    private func frames(_ length: Duration) -> Int {
        Int(clamping: max(1, length.wholeNanoseconds / max(1, ptime.wholeNanoseconds)))
    }

    /// Packet times that 16 bits can state.
    private var longest: Int {
        let ticks = max(1, Int(clamping: ptime.ticks(rate: clockRate)))
        return max(1, Int(UInt16.max) / ticks)
    }
}
