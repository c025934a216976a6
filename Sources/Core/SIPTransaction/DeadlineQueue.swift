package import Primitives

/// At most one deadline per key, the earliest first: an indexed binary heap.
///
/// Ordered by (deadline, key), so the order never depends on hashing. Setting, moving and removing a deadline costs
/// O(log n); `first` is a field access.
package struct DeadlineQueue<Key: Hashable & Comparable & Sendable>: Sendable {
    private struct Item {
        var due: Instant
        let key: Key

        func precedes(_ other: Item) -> Bool { due != other.due ? due < other.due : key < other.key }
    }
    private var heap: [Item] = []
    private var positions: [Key: Int] = [:]

    package init() {}

    package var count: Int { heap.count }

    /// The earliest deadline; nil when none is set.
    package var first: Instant? { heap.first?.due }

    /// The deadline of `key`; nil when it has none.
    package func due(of key: Key) -> Instant? { positions[key].map { heap[$0].due } }

    /// Sets, moves or (with nil) removes the deadline of `key`.
    package mutating func set(_ key: Key, to due: Instant?) {
        guard let due else {
            remove(key)
            return
        }
        if let position = positions[key] {
            let earlier = due < heap[position].due
            heap[position].due = due
            if earlier { siftUp(position) } else { siftDown(position) }
        } else {
            heap.append(Item(due: due, key: key))
            positions[key] = heap.count - 1
            siftUp(heap.count - 1)
        }
    }

    package mutating func remove(_ key: Key) {
        guard let position = positions.removeValue(forKey: key) else { return }
        let last = heap.removeLast()
        guard position < heap.count else { return }
        heap[position] = last
        positions[last.key] = position
        siftUp(position)
        siftDown(positions[last.key] ?? position)
    }

    /// Takes out every key that is due at `now`, the earliest first.
    package mutating func popDue(at now: Instant) -> [Key] {
        var keys: [Key] = []
        while let item = heap.first, item.due <= now {
            keys.append(item.key)
            remove(item.key)
        }
        return keys
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { return }
            exchange(child, parent)
            child = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].precedes(heap[least]) { least = child }
            }
            guard least != parent else { return }
            exchange(parent, least)
            parent = least
        }
    }

    private mutating func exchange(_ left: Int, _ right: Int) {
        heap.swapAt(left, right)
        positions[heap[left].key] = left
        positions[heap[right].key] = right
    }
}
