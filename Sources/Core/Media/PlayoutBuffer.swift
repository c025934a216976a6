package import Primitives
import RTP

/// The jitter buffer of an endpoint that ends audio: puts payloads in order, and hands them out as late as the network's
/// jitter asks for (`PlayoutDelay`).
///
/// Positions are timestamps, so a pause of the sender (the sequence goes on, the timestamp jumps) is silence and no loss,
/// and each talk spurt begins at the wanted delay. A buffer that runs dry waits for what is missing instead of giving it
/// up; what comes after its turn is late. The caller decodes, says with `advance` how long the frame was, and shortens or
/// lengthens it as `surplus` asks.
package struct PlayoutBuffer: Sendable {
    /// What comes next; the bytes are valid only inside the closure that is given it.
    package enum Frame {
        case payload(UnsafeRawBufferPointer)
        /// Lost on the way; `next` is the payload behind it if it is already there.
        case lost(next: UnsafeRawBufferPointer?)
        /// The sender pauses: silence for so many ticks, then ask again.
        case pause(ticks: Int)
        /// Run dry: something to stand in, the position stays.
        case starved
        /// Nothing to play: idle, still filling, or dry for long.
        case empty
    }
    package enum Insertion: Hashable, Sendable {
        case kept
        /// Its turn is over.
        case late
        case duplicate
        /// More bytes than a slot has.
        case tooBig
    }
    /// What holds the place of a packet that is no audio.
    package enum Mark: Hashable, Sendable {
        case event
        /// From here on the sender is silent (RFC 3389).
        case comfortNoise
    }
    private struct Slot: Sendable {
        var isFilled = false
        var mark: Mark?
        var timestamp: UInt32 = 0
        var bytes: [UInt8] = []
    }

    /// So long a dry buffer has something stand in; then it is silent.
    package static let starvedAtMost = Duration.milliseconds(100)
    /// What waits for longer than this beyond the wanted delay is skipped.
    package static let surplusAtMost = Duration.milliseconds(400)

    private let rate: Int
    private let capacity: Int
    private let payloadBytes: Int
    private var slots: [Slot]
    private var filled = 0
    /// Sequence number and timestamp of what plays next; nil: idle.
    private var next: UInt16?
    private var position: UInt32 = 0
    private var highest: UInt16 = 0
    private var hasStarted = false
    /// Since when something stands in for what has not come.
    private var dryFrom: Instant?
    /// When the frame handed out last began to play, and its timestamp.
    private var playedAt = Instant.origin
    private var played: UInt32 = 0
    /// What was reached last, if it was no audio; nil: audio.
    package private(set) var lastMark: Mark?
    private var lastFrame: Int
    package private(set) var delay: PlayoutDelay
    /// How much is asked for at once: what is taken for the end of a block is taken at its beginning.
    package var block: Duration {
        get { delay.duration(delay.blockTicks) }
        set { delay.blockTicks = newValue.ticks(rate: rate) }
    }

    /// Payloads that came after their turn.
    package private(set) var lateCount: UInt64 = 0
    /// Payloads that never came, or not in time.
    package private(set) var lostCount: UInt64 = 0
    /// Payloads that were there and have been skipped, because too much waited.
    package private(set) var skippedCount: UInt64 = 0
    /// Times that the buffer ran dry while the sender spoke, as far as is known.
    package private(set) var underruns: UInt64 = 0

    /// `delay` holds until the network's jitter is known. `capacity` payloads are held at most, and their places span so
    /// many sequence numbers.
    package init(
        clockRate: Int, delay: Duration = .milliseconds(40), capacity: Int = 64, payloadBytes: Int = 1_500
    ) {
        precondition(
            clockRate > 0 && capacity > 1 && 65_536 % capacity == 0 && payloadBytes > 0,
            "a playout buffer reorders at least two payloads, in slots that sequence numbers fall into evenly")
        rate = clockRate
        self.capacity = capacity
        self.payloadBytes = payloadBytes
        self.delay = PlayoutDelay(clockRate: clockRate, initial: delay)
        lastFrame = clockRate / 50
        slots = Array(repeating: Slot(), count: capacity)
    }

    /// How many payloads wait.
    package var count: Int { filled }

    /// Keeps a payload. One too far ahead for the slots empties the buffer and starts it anew.
    @discardableResult
    package mutating func insert(
        sequence: UInt16, timestamp: UInt32, payload: UnsafeRawBufferPointer, at now: Instant
    ) -> Insertion {
        guard payload.count <= payloadBytes else { return .tooBig }
        if delay.isElsewhere(timestamp, at: now) {
            if filled == 0 { clear() }
            delay.reset()
        }
        delay.note(timestamp, at: now)
        return keep(sequence, timestamp: timestamp, payload: payload, mark: nil)
    }

    /// Holds the place of a packet that takes no time of its own, so that it is not missed.
    @discardableResult
    package mutating func insert(_ mark: Mark, sequence: UInt16) -> Insertion {
        // A stream does not begin with a mark: there is no timeline yet.
        guard next != nil else { return .kept }
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        return keep(sequence, timestamp: position, payload: nothing, mark: mark)
    }

    private mutating func keep(
        _ sequence: UInt16, timestamp: UInt32, payload: UnsafeRawBufferPointer, mark: Mark?
    ) -> Insertion {
        if let expected = next {
            let ahead = Int(Int16(bitPattern: sequence &- expected))
            if ahead < 0 {
                // Before playout has begun, an earlier payload may still become the first.
                let span = Int(Int16(bitPattern: highest &- sequence))
                guard !hasStarted, span > 0, span < capacity, mark == nil else {
                    lateCount += 1
                    return .late
                }
                next = sequence
                position = timestamp
            } else if ahead >= capacity {
                skippedCount += UInt64(filled)
                lostCount += UInt64(ahead - filled)
                clear()
            }
        }
        if next == nil {
            next = sequence
            highest = sequence
            position = timestamp
        }
        if Int16(bitPattern: sequence &- highest) > 0 { highest = sequence }
        let slot = Int(sequence) % capacity
        guard !slots[slot].isFilled else { return .duplicate }
        slots[slot].isFilled = true
        slots[slot].mark = mark
        slots[slot].timestamp = timestamp
        // The slot's memory is used again and again.
        slots[slot].bytes.removeAll(keepingCapacity: true)
        slots[slot].bytes.append(contentsOf: payload)
        filled += 1
        return .kept
    }

    /// Hands what is to be played from `now` on to `body` and removes it; `now` may lie ahead by up to `block`.
    package mutating func take<Result>(at now: Instant, _ body: (Frame) -> Result) -> Result {
        guard next != nil else { return body(.empty) }
        if !hasStarted {
            guard delay.transit(of: position, at: now) >= delay.target else { return body(.empty) }
            hasStarted = true
        }
        skipSurplus(at: now)
        while let expected = next {
            let slot = Int(expected) % capacity
            guard slots[slot].isFilled else { return takeMissing(expected, at: now, body) }
            if let mark = slots[slot].mark {
                free(slot)
                lastMark = mark
                continue
            }
            let timestamp = slots[slot].timestamp
            let lead = Int32(bitPattern: timestamp &- position)
            let early = delay.target - delay.transit(of: timestamp, at: now)
            if lead > 0, early > 0 {
                dryFrom = nil
                return body(.pause(ticks: min(early, lastFrame)))
            }
            position = timestamp
            dryFrom = nil
            lastMark = nil
            remember(at: now)
            defer { free(slot) }
            return slots[slot].bytes.withUnsafeBytes { body(.payload($0)) }
        }
        return body(.empty)
    }

    /// What was handed out last, a payload or what stands in for a lost one, lasts so many ticks.
    package mutating func advance(ticks: Int) {
        position = position &+ UInt32(truncatingIfNeeded: ticks)
        lastFrame = max(1, ticks)
        delay.frameTicks = lastFrame
    }

    /// How much later the next frame plays than it has to: positive, something may be cut out; negative, put in. Zero
    /// within the bounds that are not worth the trouble.
    package var surplus: Duration {
        guard hasStarted else { return .zero }
        let transit = delay.transit(of: played, at: playedAt)
        let missing = transit - delay.target
        if missing < -(rate / 200) { return delay.duration(missing) }
        let extra = transit - max(delay.target, delay.recentPeak + delay.blockTicks)
        return extra > rate / 100 ? delay.duration(extra) : .zero
    }

    /// How long what was handed out last waits beyond the fastest packet.
    package var depth: Duration {
        delay.depth + delay.duration(delay.transit(of: played, at: playedAt) - delay.target)
    }

    private mutating func remember(at now: Instant) {
        playedAt = now
        played = position
    }

    /// Forgets what waits and how late packets came: another timeline begins.
    package mutating func removeAll() {
        clear()
        delay.reset()
    }

    private mutating func clear() {
        for index in slots.indices { slots[index].isFilled = false }
        filled = 0
        next = nil
        hasStarted = false
        dryFrom = nil
    }

    /// Removes what is in the slot of `next`, and goes on to the one behind.
    private mutating func free(_ slot: Int) {
        slots[slot].isFilled = false
        filled -= 1
        next = next.map { $0 &+ 1 }
    }

    /// The payload after `expected` that is there, if any.
    private func following(_ expected: UInt16) -> (sequence: UInt16, slot: Int)? {
        guard filled > 0 else { return nil }
        var sequence = expected
        while sequence != highest {
            sequence &+= 1
            if slots[Int(sequence) % capacity].isFilled { return (sequence, Int(sequence) % capacity) }
        }
        return nil
    }

    private mutating func takeMissing<Result>(
        _ expected: UInt16, at now: Instant, _ body: (Frame) -> Result
    ) -> Result {
        let transit = delay.transit(of: position, at: now)
        guard let found = following(expected), transit > delay.target - lastFrame else {
            // Nothing behind it, or it is early days: it may still come.
            return starve(at: now, body)
        }
        // What stood in while the buffer was dry stood in for what was lost.
        if let dryFrom {
            let frames = ((now - dryFrom).ticks(rate: rate) + lastFrame / 2) / lastFrame
            let count = min(max(0, frames), Int(found.sequence &- expected))
            self.dryFrom = nil
            lostCount += UInt64(count)
            next = expected &+ UInt16(count)
            position = position &+ UInt32(count * lastFrame)
            return take(at: now, body)
        }
        lostCount += 1
        next = expected &+ 1
        // Behind an event, or in silence, nothing is heard that could go on.
        if lastMark != nil { return take(at: now, body) }
        remember(at: now)
        guard found.sequence == expected &+ 1, slots[found.slot].mark == nil else { return body(.lost(next: nil)) }
        return slots[found.slot].bytes.withUnsafeBytes { body(.lost(next: $0)) }
    }

    private mutating func starve<Result>(at now: Instant, _ body: (Frame) -> Result) -> Result {
        if dryFrom == nil, lastMark == nil { underruns += 1 }
        let since = dryFrom ?? now
        dryFrom = since
        return body(now - since >= Self.starvedAtMost || lastMark != nil ? .empty : .starved)
    }

    /// After a long hold-up, gives up what would be played much too late.
    private mutating func skipSurplus(at now: Instant) {
        let most = delay.target + Self.surplusAtMost.ticks(rate: rate)
        while let expected = next, filled > 1, delay.transit(of: position, at: now) > most,
            let found = following(expected)
        {
            let slot = Int(expected) % capacity
            if slots[slot].isFilled {
                if slots[slot].mark == nil { skippedCount += 1 }
                free(slot)
            } else {
                lostCount += UInt64(found.sequence &- expected)
                next = found.sequence
            }
            if slots[found.slot].mark == nil { position = slots[found.slot].timestamp }
        }
    }
}
