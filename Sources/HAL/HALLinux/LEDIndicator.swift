import Glibc
package import HAL

/// A status light below `/sys/class/leds`: the kernel's triggers blink it, so that it goes on when we do not. A light that
/// fails stops nothing.
package struct LEDIndicator: IndicatorDevice {
    private let directory: String

    package init(directory: String) { self.directory = directory }

    /// Starting and failed blink (slow and fast), ready is on, active is on, attention is a heartbeat.
    package func show(_ state: IndicatorState) {
        switch state {
        case .starting: blink(milliseconds: 500)
        case .failed: blink(milliseconds: 100)
        case .attention: put("heartbeat", "trigger")
        case .ready, .active:
            put("none", "trigger")
            put("1", "brightness")
        }
    }

    private func blink(milliseconds: Int) {
        put("timer", "trigger")
        put("\(milliseconds)", "delay_on")
        put("\(milliseconds)", "delay_off")
    }

    /// Attributes are written in place: there are no temporary files in sysfs.
    private func put(_ value: String, _ attribute: String) {
        let descriptor = open("\(directory)/\(attribute)", O_WRONLY | O_CLOEXEC | O_TRUNC)
        guard descriptor >= 0 else { return }
        _ = write(descriptor, value, value.utf8.count)
        close(descriptor)
    }
}
