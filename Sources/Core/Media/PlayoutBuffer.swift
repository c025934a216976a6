package import Primitives

/// The jitter buffer of an endpoint that ends audio: puts payloads in order and holds them for a fixed playout delay.
///
/// Idle until a payload comes; plays from `delay` after it; idle again when it runs dry, so that a pause of the sender
/// or a change of the network's delay is absorbed by the next filling.
package struct PlayoutBuffer: Sendable {
    /// What comes next; the bytes are valid only inside the closure that is given it.
    package enum Frame {
        case payload(UnsafeRawBufferPointer)
        /// Lost on the way; `next` is the payload behind it if it is already there.
        case lost(next: UnsafeRawBufferPointer?)
        /// Nothing to play: idle, or still filling.
        case empty
    }

    private let delay: Duration
    private let capacity: Int
    private let slotBytes: Int
    /// Payload bytes by `sequence % capacity`; -1: free.
    private var sizes: [Int]
    private var slab: [UInt8]
    private var filled = 0
    private var next: UInt16?
    private var highest: UInt16 = 0
    private var playsFrom = Instant.origin
    /// Payloads that came after their turn, twice, or too big.
    package private(set) var discarded: UInt64 = 0

    package init(delay: Duration = .milliseconds(40), capacity: Int = 16, payloadBytes: Int = 1_500) {
        precondition(
            capacity > 1 && 65_536 % capacity == 0 && payloadBytes > 0,
            "a playout buffer reorders at least two payloads, in slots that sequence numbers fall into evenly")
        self.delay = delay
        self.capacity = capacity
        slotBytes = payloadBytes
        sizes = Array(repeating: -1, count: capacity)
        slab = Array(repeating: 0, count: capacity * payloadBytes)
    }

    /// How many payloads wait.
    package var count: Int { filled }

    /// Keeps a payload; false when it is late, a duplicate or too big. One far ahead empties the buffer and starts it
    /// anew.
    @discardableResult
    package mutating func insert(sequence: UInt16, payload: UnsafeRawBufferPointer, at now: Instant) -> Bool {
        guard payload.count <= slotBytes else { return discard() }
        if let expected = next {
            let ahead = Int(Int16(bitPattern: sequence &- expected))
            if ahead < 0 {
                // Before playout has begun, an earlier payload may still become the first.
                let span = Int(Int16(bitPattern: highest &- sequence))
                guard now < playsFrom, span > 0, span < capacity else { return discard() }
                next = sequence
            } else if ahead >= capacity {
                removeAll()
            }
        }
        if next == nil {
            next = sequence
            highest = sequence
            playsFrom = now + delay
        }
        if Int16(bitPattern: sequence &- highest) > 0 { highest = sequence }
        let slot = Int(sequence) % capacity
        guard sizes[slot] < 0 else { return discard() }
        sizes[slot] = payload.count
        slab.withUnsafeMutableBytes {
            UnsafeMutableRawBufferPointer(rebasing: $0[slot * slotBytes..<(slot + 1) * slotBytes])
                .copyMemory(from: payload)
        }
        filled += 1
        return true
    }

    /// Hands the next frame to `body` and removes it.
    package mutating func take<Result>(at now: Instant, _ body: (Frame) -> Result) -> Result {
        guard let expected = next, now >= playsFrom else { return body(.empty) }
        guard filled > 0 else {
            next = nil
            return body(.empty)
        }
        let slot = Int(expected) % capacity
        next = expected &+ 1
        if sizes[slot] >= 0 {
            defer {
                sizes[slot] = -1
                filled -= 1
            }
            return with(slot: slot) { body(.payload($0)) }
        }
        let following = Int(expected &+ 1) % capacity
        guard sizes[following] >= 0 else { return body(.lost(next: nil)) }
        return with(slot: following) { body(.lost(next: $0)) }
    }

    package mutating func removeAll() {
        for index in sizes.indices { sizes[index] = -1 }
        filled = 0
        next = nil
    }

    private func with<Result>(slot: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        slab.withUnsafeBytes {
            body(UnsafeRawBufferPointer(rebasing: $0[slot * slotBytes..<slot * slotBytes + sizes[slot]]))
        }
    }

    private mutating func discard() -> Bool {
        discarded += 1
        return false
    }
}
