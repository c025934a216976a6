package import Primitives

/// What is to happen when, in virtual time. Two events of one instant happen in the order in which they were scheduled.
package struct EventQueue {
    package struct Event {
        package let at: Instant
        let sequence: UInt64
        package let action: () -> Void
    }

    private var heap: [Event] = []
    private var nextSequence: UInt64 = 0

    package init() {}

    var isEmpty: Bool { heap.isEmpty }
    package var nextInstant: Instant? { heap.first?.at }

    package mutating func schedule(at instant: Instant, _ action: @escaping () -> Void) {
        heap.append(Event(at: instant, sequence: nextSequence, action: action))
        nextSequence += 1
        var child = heap.count - 1
        while child > 0, precedes(heap[child], heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    package mutating func popFirst() -> Event? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && precedes(heap[child], heap[least])
            {
                least = child
            }
            guard least != parent else { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    private func precedes(_ left: Event, _ right: Event) -> Bool {
        (left.at, left.sequence) < (right.at, right.sequence)
    }
}
