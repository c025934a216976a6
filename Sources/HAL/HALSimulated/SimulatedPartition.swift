package import HAL
import Synchronization

/// A partition in memory that fails as its plan says.
package final class SimulatedPartition: PartitionDevice {
    private struct State: Sendable {
        var files: [String: [UInt8]] = [:]
        /// Unfinished writes by the name of the file they were to become.
        var leftovers: [String: [UInt8]] = [:]
        var operations = 0
        var plan = FaultPlan()

        var usedBytes: Int64 {
            (files.values.map(\.count) + leftovers.values.map(\.count)).reduce(0) { $0 + Int64($1) }
        }
    }

    private enum Verdict { case proceed, writeError, torn, cut(FaultPlan.Stage) }

    private let kind: PartitionKind
    private let power: PowerSwitch
    private let state = Mutex(State())

    init(kind: PartitionKind, power: PowerSwitch) {
        self.kind = kind
        self.power = power
    }

    package var directory: String? { nil }

    /// The faults to come; may be set at any time.
    package var faults: FaultPlan {
        get { state.withLock { $0.plan } }
        set { state.withLock { $0.plan = newValue } }
    }

    /// `replace`s and `remove`s so far, failed ones included.
    package var operationCount: Int { state.withLock { $0.operations } }

    /// Names whose last write was cut off, sorted; `powerOn` sweeps them away as every adapter does at start.
    package var leftovers: [String] { state.withLock { $0.leftovers.keys.sorted() } }

    package func read(_ name: String) throws(HALError) -> [UInt8] {
        try power.require()
        try PartitionName.validate(name)
        guard let content = state.withLock({ $0.files[name] }) else { throw .notFound(name: name) }
        return content
    }

    package func replace(_ name: String, with bytes: [UInt8]) throws(HALError) {
        try power.require()
        try PartitionName.validate(name)
        let outcome = state.withLock { Self.replace(name, with: bytes, in: &$0) }
        try settle(outcome, name: name)
    }

    package func remove(_ name: String) throws(HALError) {
        try power.require()
        try PartitionName.validate(name)
        guard state.withLock({ $0.files[name] != nil }) else { throw .notFound(name: name) }
        let outcome: Outcome = state.withLock { state in
            switch Self.nextVerdict(&state) {
            case .proceed: state.files[name] = nil
            case .writeError, .torn: return .failed
            case .cut(let stage):
                if stage == .synchronised { state.files[name] = nil }
                return .powerLost
            }
            return .done
        }
        try settle(outcome, name: name)
    }

    package func list() throws(HALError) -> [String] {
        try power.require()
        return state.withLock { $0.files.keys.sorted() }
    }

    package func freeBytes() throws(HALError) -> Int64 {
        try power.require()
        return state.withLock { max(0, $0.plan.capacityBytes - $0.usedBytes) }
    }

    /// What opening the partition does at start.
    func sweepLeftovers() {
        state.withLock { $0.leftovers = [:] }
    }

    private enum Outcome { case done, failed, full, powerLost }

    private func settle(_ outcome: Outcome, name: String) throws(HALError) {
        switch outcome {
        case .done: return
        case .failed: throw .writeFailed(path: "\(kind.rawValue)/\(name)", reason: "simulated input/output error")
        case .full: throw .diskFull
        case .powerLost:
            power.isOn = false
            throw .poweredOff
        }
    }

    private static func replace(_ name: String, with bytes: [UInt8], in state: inout State) -> Outcome {
        let half = Array(bytes.prefix(bytes.count / 2))
        let verdict = nextVerdict(&state)
        // A new attempt writes over what an older one left.
        state.leftovers[name] = nil
        switch verdict {
        case .proceed:
            // Old and new content are both there until the rename.
            guard state.usedBytes + Int64(bytes.count) <= state.plan.capacityBytes else { return .full }
            state.files[name] = bytes
            return .done
        case .writeError: return .failed
        case .torn:
            state.leftovers[name] = half
            return .failed
        case .cut(.beforeWrite): return .powerLost
        case .cut(.halfWritten):
            state.leftovers[name] = half
            return .powerLost
        case .cut(.renamed):
            state.leftovers[name] = bytes
            return .powerLost
        case .cut(.synchronised):
            state.files[name] = bytes
            return .powerLost
        }
    }

    private static func nextVerdict(_ state: inout State) -> Verdict {
        state.operations += 1
        if let cut = state.plan.powerCut, cut.operation == state.operations { return .cut(cut.stage) }
        if state.plan.writeErrors.contains(state.operations) { return .writeError }
        return state.plan.tornWrites.contains(state.operations) ? .torn : .proceed
    }
}
