/// A first-in first-out queue that refuses what does not fit, and counts what it refused.
package struct BoundedQueue<Element: Sendable>: Sendable {
    private var storage: [Element?]
    private var head = 0
    package private(set) var count = 0
    /// How many elements `append` has turned away since the queue was made.
    package private(set) var refusedCount = 0

    package init(capacity: Int) {
        precondition(capacity > 0, "a queue needs room for one element")
        storage = Array(repeating: nil, count: capacity)
    }

    package var capacity: Int { storage.count }
    package var isEmpty: Bool { count == 0 }
    package var isFull: Bool { count == capacity }

    /// False, and nothing stored, when the queue is full.
    package mutating func append(_ element: Element) -> Bool {
        guard !isFull else {
            refusedCount += 1
            return false
        }
        storage[(head + count) % capacity] = element
        count += 1
        return true
    }

    package mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = storage[head]
        storage[head] = nil
        head = (head + 1) % capacity
        count -= 1
        return element
    }
}
