import Glibc
package import HAL
import Synchronization

/// The board's watchdog (`/dev/watchdog`, the kernel's watchdog API): opened once, it restarts the board unless it is
/// written to within the period. It is never disarmed: a process that ends must be back in time.
package final class HardwareWatchdog: WatchdogDevice {
    /// `_IOWR('W', 6, int)`: sets the time-out in seconds, and returns what the hardware can do.
    private static let setTimeout: UInt = 0xC004_5706

    package let period: Duration
    private let descriptor: Int32
    /// Kicks that the device refused; a light and a log line are all that helps.
    private let refused = Atomic<Int>(0)

    /// Opens the device, which starts the clock. Throws when it is absent, or another process holds it.
    package init(path: String, seconds: Int) throws(HALError) {
        let opened = open(path, O_WRONLY | O_CLOEXEC)
        descriptor = opened
        guard opened >= 0 else { throw .readFailed(path: path, reason: String(cString: strerror(errno))) }
        var granted = Int32(clamping: seconds)
        let isSet = withUnsafeMutablePointer(to: &granted) { ioctl(opened, Self.setTimeout, $0) } == 0
        // A plain file, as in tests, knows no time-outs.
        period = .seconds(isSet && granted > 0 ? Int(granted) : seconds)
        kick()
    }

    deinit { close(descriptor) }

    package func kick() {
        if write(descriptor, "k", 1) != 1 { refused.add(1, ordering: .relaxed) }
    }

    package var refusedCount: Int { refused.load(ordering: .relaxed) }
}
