import Glibc
import HAL
package import Primitives

/// The kernel's monotonic and real-time clocks.
package struct SystemClock: ClockDevice {
    package init() {}

    package func now() -> Instant { Instant(nanoseconds: Self.read(CLOCK_MONOTONIC)) }
    package func wallTime() -> UnixTime { UnixTime(milliseconds: Self.read(CLOCK_REALTIME) / 1_000_000) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
