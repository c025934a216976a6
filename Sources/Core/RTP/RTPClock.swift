package import Primitives

extension Instant {
    /// This instant on a clock of `rate` Hz, modulo 2^32: what an RTP timestamp counts.
    package func ticks(rate: Int) -> UInt32 {
        let second: Int64 = 1_000_000_000
        let whole = nanoseconds.flooredDivision(by: second)
        let rest = nanoseconds - whole * second
        return UInt32(truncatingIfNeeded: whole &* Int64(rate) &+ rest * Int64(rate) / second)
    }

    /// The 64-bit NTP format of RFC 3550 section 4, counting elapsed time: the appliance's reports carry no wall-clock
    /// time, which section 6.4.1 allows.
    package var ntp: UInt64 {
        let second: Int64 = 1_000_000_000
        let whole = nanoseconds.flooredDivision(by: second)
        let rest = UInt64(nanoseconds - whole * second)
        return UInt64(truncatingIfNeeded: whole) << 32 | (rest << 32) / UInt64(second)
    }

    /// The middle 32 bits of `ntp`: 1/65536 s.
    package var middleNTP: UInt32 { UInt32(truncatingIfNeeded: ntp >> 16) }
}

extension Duration {
    /// The duration in ticks of a clock of `rate` Hz, rounded to the nearest.
    package func ticks(rate: Int) -> Int {
        let second: Int64 = 1_000_000_000
        let nanoseconds = wholeNanoseconds
        let whole = nanoseconds / second
        return Int(whole) * rate + Int(((nanoseconds - whole * second) * Int64(rate) + second / 2) / second)
    }
}
