import Primitives

/// The highest count seen of each nonce in use, so that no credentials are taken twice.
///
/// Bounded: what does not fit pushes out the nonce that was first used longest ago, and from then on no nonce as old as
/// that is taken unless it is still in the table. So eviction costs a client a fresh challenge, never us a replay.
struct NonceCounts: Sendable {
    enum Outcome: Equatable { case fresh, repeated, forgotten }

    private let capacity: Int
    private var highest: [DigestNonce: UInt32] = [:]
    /// In the order of first use; `highest` has the same keys.
    private var order: [DigestNonce] = []
    private var head = 0
    private var evictedThrough: Instant?

    init(capacity: Int) {
        precondition(capacity > 0, "the nonce table needs room for one nonce")
        self.capacity = capacity
    }

    var count: Int { highest.count }

    /// Takes note of `number`; `.fresh` when it is higher than every one before.
    mutating func use(_ nonce: DigestNonce, number: UInt32, expiredBefore: Instant) -> Outcome {
        if let last = highest[nonce] {
            guard number > last else { return .repeated }
            highest[nonce] = number
            return .fresh
        }
        if let evictedThrough, nonce.issued <= evictedThrough { return .forgotten }
        while head < order.count, order[head].issued < expiredBefore { removeFirst() }
        if highest.count >= capacity {
            evictedThrough = max(evictedThrough ?? order[head].issued, order[head].issued)
            removeFirst()
        }
        highest[nonce] = number
        order.append(nonce)
        return .fresh
    }

    private mutating func removeFirst() {
        highest[order[head]] = nil
        head += 1
        if head > capacity {  // amortised: one move of the rest per `capacity` removals
            order.removeFirst(head)
            head = 0
        }
    }
}
