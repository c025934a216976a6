package import HAL
package import Primitives

/// A board in memory: repeatable, with virtual time, and with faults where a test wants them.
package final class SimulatedHAL: HardwareAbstraction {
    /// 2026-01-01T00:00:00Z, what a right clock says when the simulation starts.
    package static let defaultEpoch = UnixTime(seconds: 1_767_225_600)

    package let simulatedClock: SimulatedClock
    package let configuration: SimulatedPartition
    package let data: SimulatedPartition
    package let simulatedMonitor: SimulatedMonitor
    package let simulatedWatchdog: SimulatedWatchdog
    package let simulatedIndicator: SimulatedIndicator
    package let identity: any IdentityDevice
    package let entropy: any EntropyDevice
    private let power: PowerSwitch

    /// Throws for a serial number or model that no type plate could carry.
    package init(
        serial: String, model: String, seed: UInt64, epoch: UnixTime = SimulatedHAL.defaultEpoch,
        watchdogPeriod: Duration = .seconds(10)
    ) throws(HALError) {
        let power = PowerSwitch()
        self.power = power
        simulatedClock = SimulatedClock(epoch: epoch)
        configuration = SimulatedPartition(kind: .configuration, power: power)
        data = SimulatedPartition(kind: .data, power: power)
        simulatedMonitor = SimulatedMonitor(power: power)
        simulatedWatchdog = SimulatedWatchdog(clock: simulatedClock, period: watchdogPeriod)
        simulatedIndicator = SimulatedIndicator()
        entropy = SimulatedEntropy(seed: seed)
        identity = try SimulatedIdentity(serial: serial, model: model, seed: seed, at: epoch, power: power)
    }

    package var clock: any ClockDevice { simulatedClock }
    package var monitor: any SystemMonitor { simulatedMonitor }
    package var watchdog: any WatchdogDevice { simulatedWatchdog }
    package var indicator: any IndicatorDevice { simulatedIndicator }

    package func partition(_ kind: PartitionKind) -> any PartitionDevice {
        switch kind {
        case .configuration: configuration
        case .data: data
        }
    }

    package var isPoweredOn: Bool { power.isOn }

    /// From now on every call that can fail does, with `.poweredOff`.
    package func powerOff() { power.isOn = false }

    /// Starts the board again: what was synchronised is there, unfinished writes are swept away.
    package func powerOn() {
        configuration.sweepLeftovers()
        data.sweepLeftovers()
        power.isOn = true
    }
}
