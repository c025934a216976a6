import HAL
import Synchronization

/// The power of one simulated board, shared by its devices.
final class PowerSwitch: Sendable {
    private let state = Mutex(true)

    var isOn: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }

    func require() throws(HALError) {
        guard isOn else { throw .poweredOff }
    }
}
