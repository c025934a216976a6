package import Primitives

/// Numbers for call records: unique, and ordered in time, like those of RFC 9562 section 5.7 (UUID version 7) in 63 bits.
///
/// 42 bits are the milliseconds since 1970 (until 2109), 21 are random, so that a number tells nobody how many calls there
/// were, and that one given after a history was lost is unlike all before. Each is higher than the one before it, whatever
/// the wall clock does.
package struct CallDataNumbering: Sendable {
    static let randomBits: UInt64 = 21
    static let timeLimit: Int64 = 1 << 42

    /// The highest number in use; 0: none.
    package private(set) var last: UInt64

    package init(after last: UInt64) { self.last = last }

    package mutating func next(at wall: UnixTime, entropy: inout Entropy) -> UInt64 {
        let time = UInt64(min(max(wall.milliseconds, 0), Self.timeLimit - 1))
        let number = time << Self.randomBits | entropy.next() >> (64 - Self.randomBits)
        last = max(number, last + 1)
        return last
    }
}
