package import Primitives

/// Deadlines that all lie the same time ahead when they are set, so that the order of setting is the order of falling
/// due: timers D, K and M. Setting and taking cost a few nanoseconds, and nothing is ever moved.
///
/// What ends early is not taken out; `popDue` and `dropFirst(while:)` meet it again.
package struct ConstantDelayQueue<Key: Sendable>: Sendable {
    private var items: [(due: Instant, key: Key)] = []
    private var head = 0

    package init() {}

    /// How many deadlines stand in it, those included whose owner is gone.
    package var count: Int { items.count - head }

    /// The earliest; nil when it is empty.
    package var first: Instant? { head < items.count ? items[head].due : nil }

    /// `due` must not be earlier than the one before; an earlier one, as after a step back of the clock, waits for it.
    package mutating func append(_ key: Key, due: Instant) {
        items.append((max(due, items.last?.due ?? due), key))
    }

    /// Takes out the earliest when it is due at `now`.
    package mutating func popDue(at now: Instant) -> Key? {
        guard head < items.count, items[head].due <= now else { return nil }
        return removeFirst()
    }

    /// Takes out the earliest ones for as long as `isGone` says so.
    package mutating func dropFirst(while isGone: (Key) -> Bool) {
        while head < items.count, isGone(items[head].key) { _ = removeFirst() }
    }

    private mutating func removeFirst() -> Key {
        let key = items[head].key
        head += 1
        if head == items.count {
            items.removeAll(keepingCapacity: items.capacity <= 1_024)
            head = 0
        } else if head > 512, head * 2 > items.count {  // amortised: one move per removal at most
            items.removeFirst(head)
            head = 0
        }
        return key
    }
}
