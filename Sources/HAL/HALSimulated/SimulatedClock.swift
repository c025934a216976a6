import HAL
package import Primitives
import Synchronization

/// Virtual time: stands still until it is told to go on. The real-time clock can be made wrong.
package final class SimulatedClock: ClockDevice {
    private struct State: Sendable {
        var now = Instant.origin
        var offset = Duration.zero
    }

    private let epoch: UnixTime
    private let state = Mutex(State())

    /// `epoch` is what a right clock says at the origin of monotonic time.
    package init(epoch: UnixTime) { self.epoch = epoch }

    package func now() -> Instant { state.withLock { $0.now } }
    package func wallTime() -> UnixTime { state.withLock { epoch + ($0.now - .origin) + $0.offset } }

    /// Monotonic time never goes back: an earlier instant changes nothing.
    package func advance(to instant: Instant) {
        state.withLock { $0.now = max($0.now, instant) }
    }

    package func advance(by duration: Duration) {
        state.withLock { $0.now = max($0.now, $0.now + duration) }
    }

    /// By how much the real-time clock is wrong; setting it is a clock step, and monotonic time does not see it.
    package var wallClockError: Duration {
        get { state.withLock { $0.offset } }
        set { state.withLock { $0.offset = newValue } }
    }
}
