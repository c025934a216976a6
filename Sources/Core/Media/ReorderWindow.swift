import Primitives
import RTP

/// Puts a stream that is decoded on arrival back in order.
///
/// A stream in order passes at once, with its losses: nothing is held for a network that loses and never reorders. Only
/// after a packet has come behind a later one is what follows a gap held back, until the missing packet would be later
/// than late ones of the last seconds were. That is measured against the fastest packets, so a packet that took its time
/// itself waits for none before it, and what leaves is hardly more uneven than what came.
///
/// ```text
///            in order, or no late packet lately: pass
/// admit ──▶  behind a gap, window open: held ──▶ gap filled, or `nextDeadline` over ──▶ takeNext
///            before what has passed already: late (and the window opens)
/// ```
struct ReorderWindow {
    /// What becomes of a packet.
    enum Verdict: Equatable {
        /// It is its turn; so many numbers before it are given up.
        case pass(missing: Int)
        /// Kept for `takeNext`.
        case held
        /// Its place is given up.
        case late
        /// It cannot be kept: take all with `takeNext(at: nil)`, then admit it again.
        case full
    }
    struct Held {
        var header: RTPHeader
        var payload: UnsafeRawBufferPointer
        var missing: Int
    }
    /// A packet that takes so much longer than the fastest is not waited for: 40 ms of jitter, and some air.
    static let latenessAtMost = Duration.milliseconds(50)
    /// On top of the lateness seen.
    static let margin = Duration.milliseconds(5)
    /// How long one late packet keeps the window open.
    static let memory = Duration.seconds(10)
    /// Sequence numbers that the window spans: 50 ms in packets of 10 ms, and some air.
    static let span = 8
    /// 60 ms of G.711; longer payloads are not held.
    static let payloadBytes = 480

    private let rate: Int
    private var transits: FastestTransit
    /// The number whose turn is next; nil before the first packet.
    private var expected: UInt16?
    private var lastTimestamp: UInt32 = 0
    /// From one packet to the next.
    private var packetTicks: Int32 = 0
    /// How late a packet is waited for, in ticks behind the fastest; zero while closed.
    private var patience: Int32 = 0
    private var openUntil = Instant.origin
    /// Made with the first late packet; most streams never need it.
    private var store: HeldPackets?
    private(set) var count = 0

    init(clockRate: Int) {
        rate = clockRate
        transits = FastestTransit(rate: clockRate)
    }

    /// When `takeNext` will give up a gap; nil when nothing is held.
    var nextDeadline: Instant? {
        guard count > 0, let store else { return nil }
        return store.earliestDeadline
    }

    /// Judges a packet that is no duplicate.
    mutating func admit(_ header: RTPHeader, payload: UnsafeRawBufferPointer, at now: Instant) -> Verdict {
        let lateness = transits.lateness(of: header.timestamp, at: now)
        guard let next = expected else {
            pass(header.sequence, header.timestamp)
            return .pass(missing: 0)
        }
        let ahead = Int(Int16(bitPattern: header.sequence &- next))
        if ahead == 0 {
            if count > 0 { open(lateness, at: now) }
            if packetTicks == 0 || count == 0 { notePacket(header.timestamp) }
            pass(header.sequence, header.timestamp)
            return .pass(missing: 0)
        }
        if ahead < 0 {
            open(lateness, at: now)
            return .late
        }
        if patience > 0, now > openUntil, count == 0 { patience = 0 }
        if patience > 0, let store, ahead < Self.span, payload.count <= Self.payloadBytes {
            guard !store.contains(header.sequence) else { return .late }
            // The packet before it, which left a packet time earlier, would be so much later than this one.
            let wait = patience - packetTicks - lateness
            if wait > 0 || count > 0 {
                store.put(header, payload, until: now + duration(max(0, wait)))
                count += 1
                return .held
            }
        }
        guard count == 0 else { return .full }
        pass(header.sequence, header.timestamp)
        return .pass(missing: ahead)
    }

    /// What can go by now, one at a time, in order; with nil all that is held. The payload is valid until the next `admit`.
    mutating func takeNext(at now: Instant?) -> Held? {
        guard count > 0, let store, let next = expected else { return nil }
        var missing = 0
        while missing < Self.span, !store.contains(next &+ UInt16(missing)) { missing += 1 }
        guard missing < Self.span else {
            // Numbers that are no audio have passed what was held.
            store.removeAll()
            count = 0
            return nil
        }
        if missing > 0, let now, now < store.earliestDeadline { return nil }
        count -= 1
        let held = store.take(next &+ UInt16(missing))
        pass(held.header.sequence, held.header.timestamp)
        return Held(header: held.header, payload: held.payload, missing: missing)
    }

    /// A packet that is no audio has this number; nothing may be held.
    mutating func skip(_ sequence: UInt16) {
        guard let next = expected, Int16(bitPattern: sequence &- next) >= 0 else { return }
        expected = sequence &+ 1
    }

    /// Another source, or a break: forgets the order and what is held, but not how the network is.
    mutating func restart() {
        expected = nil
        transits = FastestTransit(rate: rate)
        store?.removeAll()
        count = 0
    }

    private mutating func pass(_ sequence: UInt16, _ timestamp: UInt32) {
        expected = sequence &+ 1
        lastTimestamp = timestamp
    }

    private mutating func notePacket(_ timestamp: UInt32) {
        let ticks = Int32(bitPattern: timestamp &- lastTimestamp)
        // A longer step is a pause.
        if ticks > 0, Int(ticks) <= rate / 5 { packetTicks = ticks }
    }

    private mutating func open(_ lateness: Int32, at now: Instant) {
        guard duration(lateness) <= Self.latenessAtMost else { return }
        patience = max(patience, lateness + Int32(Self.margin.ticks(rate: rate)))
        openUntil = now + Self.memory
        if store == nil { store = HeldPackets() }
    }

    private func duration(_ ticks: Int32) -> Duration { .nanoseconds(Int64(ticks) * 1_000_000_000 / Int64(rate)) }
}

/// How long packets take, against the fastest of the last five to ten seconds.
private struct FastestTransit {
    private static let period = Duration.seconds(5)
    private let rate: Int
    /// Arrival less timestamp of the first packet, in ticks.
    private var reference: UInt32?
    private var least: Int32 = 0
    private var leastBefore: Int32 = 0
    private var periodEnd = Instant.origin

    init(rate: Int) { self.rate = rate }

    /// How many ticks later than the fastest this packet comes; never negative.
    mutating func lateness(of timestamp: UInt32, at now: Instant) -> Int32 {
        let transit = now.ticks(rate: rate) &- timestamp
        let relative = reference.map { Int32(bitPattern: transit &- $0) } ?? Int32.max
        // A step of more than a second is another timeline.
        guard relative.magnitude <= UInt32(rate) else {
            reference = transit
            (least, leastBefore) = (0, 0)
            periodEnd = now + Self.period
            return 0
        }
        if now > periodEnd {
            (leastBefore, least) = (least, relative)
            periodEnd = now + Self.period
        }
        least = min(least, relative)
        return relative - min(least, leastBefore)
    }
}

/// Room for the packets of one window, at a fixed place in memory. Like the codecs beside it, it is not shared.
private final class HeldPackets {
    private struct Slot {
        var header: RTPHeader
        var deadline: Instant
        var size: Int
        var isFilled: Bool
    }
    private let bytes: UnsafeMutableRawPointer
    private let slots: UnsafeMutablePointer<Slot>

    init() {
        bytes = .allocate(byteCount: ReorderWindow.span * ReorderWindow.payloadBytes, alignment: 16)
        slots = .allocate(capacity: ReorderWindow.span)
        let header = RTPHeader(payloadType: 0, sequence: 0, timestamp: 0, ssrc: 0)
        let empty = Slot(header: header, deadline: .origin, size: 0, isFilled: false)
        slots.initialize(repeating: empty, count: ReorderWindow.span)
    }

    deinit {
        bytes.deallocate()
        slots.deallocate()
    }

    /// Of packets that wait; there is one.
    var earliestDeadline: Instant {
        var earliest: Instant?
        for index in 0..<ReorderWindow.span where slots[index].isFilled {
            earliest = min(earliest ?? slots[index].deadline, slots[index].deadline)
        }
        return earliest ?? .origin
    }

    func contains(_ sequence: UInt16) -> Bool {
        let slot = slots[Int(sequence) % ReorderWindow.span]
        return slot.isFilled && slot.header.sequence == sequence
    }

    /// The place is free: the window is no wider than its slots.
    func put(_ header: RTPHeader, _ payload: UnsafeRawBufferPointer, until deadline: Instant) {
        let index = Int(header.sequence) % ReorderWindow.span
        UnsafeMutableRawBufferPointer(
            start: bytes + index * ReorderWindow.payloadBytes, count: ReorderWindow.payloadBytes
        ).copyMemory(from: payload)
        slots[index] = Slot(header: header, deadline: deadline, size: payload.count, isFilled: true)
    }

    func take(_ sequence: UInt16) -> (header: RTPHeader, payload: UnsafeRawBufferPointer) {
        let index = Int(sequence) % ReorderWindow.span
        slots[index].isFilled = false
        let start = bytes + index * ReorderWindow.payloadBytes
        return (slots[index].header, UnsafeRawBufferPointer(start: start, count: slots[index].size))
    }

    func removeAll() {
        for index in 0..<ReorderWindow.span { slots[index].isFilled = false }
    }
}
