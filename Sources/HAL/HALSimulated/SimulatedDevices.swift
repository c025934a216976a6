package import HAL
import Primitives
import Synchronization
package import Telemetry

/// Says what it was told to say.
package final class SimulatedMonitor: SystemMonitor {
    private let power: PowerSwitch
    private let next: Mutex<SystemSample>

    init(power: PowerSwitch) {
        self.power = power
        next = Mutex(
            SystemSample(
                cpuUtilization: 0.25, memoryUsedBytes: 128 << 20, memoryTotalBytes: 512 << 20,
                fileSystemUsedBytes: 1 << 30, fileSystemTotalBytes: 4 << 30, uptimeSeconds: 60))
    }

    package func set(_ sample: SystemSample) { next.withLock { $0 = sample } }

    package func sample() throws(HALError) -> SystemSample {
        try power.require()
        return next.withLock { $0 }
    }
}

/// Remembers when it was kicked.
package final class SimulatedWatchdog: WatchdogDevice {
    package let period: Duration
    private let clock: SimulatedClock
    private let lastKick: Mutex<Instant>

    init(clock: SimulatedClock, period: Duration) {
        self.clock = clock
        self.period = period
        lastKick = Mutex(clock.now())
    }

    package func kick() { lastKick.withLock { $0 = clock.now() } }

    /// True when a real board would have restarted by now.
    package var hasBitten: Bool { clock.now() - lastKick.withLock { $0 } > period }
}

/// Remembers what it has shown.
package final class SimulatedIndicator: IndicatorDevice {
    /// Older states are forgotten.
    package static let historyLimit = 256
    private let states = Mutex<[IndicatorState]>([])

    init() {}

    package func show(_ state: IndicatorState) {
        states.withLock {
            if $0.count == Self.historyLimit { $0.removeFirst() }
            $0.append(state)
        }
    }

    /// Oldest first.
    package var history: [IndicatorState] { states.withLock { $0 } }
}
