import Glibc
import HAL
import Primitives

/// The service manager's watchdog where there is one (`WatchdogSec=`), else nothing that bites.
package struct ServiceWatchdog: WatchdogDevice {
    /// Used when nobody asks for kicks.
    package static let defaultPeriod = Duration.seconds(10)

    package let period: Duration
    private let notifier: ServiceNotifier?

    /// `microseconds` as in the variable `WATCHDOG_USEC`.
    package init(
        notifier: ServiceNotifier?, microseconds: String? = getenv("WATCHDOG_USEC").map { String(cString: $0) }
    ) {
        self.notifier = notifier
        let wanted = microseconds.flatMap { Int64($0) } ?? 0
        period = wanted > 0 ? .microseconds(wanted) : Self.defaultPeriod
    }

    package func kick() { notifier?.send("WATCHDOG=1") }
}
