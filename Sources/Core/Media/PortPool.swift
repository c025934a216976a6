package import Primitives

/// Which even ports of a range carry RTP (the odd one above carries RTCP), handed out in turn, so that a port rests as
/// long as possible before it is used again, and for the quarantine while others are free: late packets of the last call
/// should not reach the next one. When every free port rests, the one that has rested longest is better than no call.
package struct PortPool: Sendable {
    package static let quarantine = Duration.seconds(5)
    private static let taken = Instant(nanoseconds: .max)

    private let firstPort: UInt16
    private let stride: Int
    /// From when on each pair may be taken.
    private var freeFrom: [Instant]
    private var cursor = 0

    /// The pairs of `range` whose number modulo `count` is `index`: a worker's share. Nil when there is none.
    ///
    /// - Parameter start: where the turn begins, modulo the number of pairs. At random, so that the first calls of a process
    ///   do not get the ports that telephones still speak to in calls of the one before it, which nobody put in quarantine.
    package init?(range: ClosedRange<UInt16>, worker index: Int = 0, of count: Int = 1, from start: UInt64 = 0) {
        let low = Int(range.lowerBound) + Int(range.lowerBound & 1)
        let pairs = (Int(range.upperBound) + 1 - low) / 2
        guard count > 0, index >= 0, index < count, low > 0, pairs > index else { return nil }
        firstPort = UInt16(low + 2 * index)
        stride = 2 * count
        freeFrom = Array(repeating: .init(nanoseconds: .min), count: (pairs - index + count - 1) / count)
        cursor = Int(start % UInt64(freeFrom.count))
    }

    package var pairCount: Int { freeFrom.count }

    /// The next free RTP port; nil when all are taken.
    package mutating func take(at now: Instant) -> UInt16? {
        for _ in 0..<freeFrom.count {
            let index = cursor
            cursor = (cursor + 1) % freeFrom.count
            if freeFrom[index] <= now {
                freeFrom[index] = Self.taken
                return firstPort + UInt16(index * stride)
            }
        }
        guard let index = freeFrom.indices.min(by: { freeFrom[$0] < freeFrom[$1] }), freeFrom[index] != Self.taken
        else { return nil }
        freeFrom[index] = Self.taken
        return firstPort + UInt16(index * stride)
    }

    /// Gives back a port that `take` gave, into quarantine. Also for one that turned out to be in use by others.
    package mutating func release(_ port: UInt16, at now: Instant) {
        let index = (Int(port) - Int(firstPort)) / stride
        guard port >= firstPort, index < freeFrom.count, freeFrom[index] == Self.taken else { return }
        freeFrom[index] = now + Self.quarantine
    }
}
