import HAL
import HALSimulated
import OpenSSLCrypto
import Primitives
import Telemetry
import Testing

struct SimulatedFaultTests {
    private let board: SimulatedHAL
    private var data: SimulatedPartition { board.data }

    init() throws { board = try SimulatedHAL(serial: "SIM1", model: "Sim", seed: 9) }

    @Test(arguments: FaultPlan.Stage.allCases)
    func `a power cut leaves old or new content, and nothing works until power comes back`(
        stage: FaultPlan.Stage
    ) throws {
        try data.replace("a", with: [1, 1, 1, 1])
        var plan = FaultPlan()
        plan.powerCut = FaultPlan.PowerCut(operation: 2, stage: stage)
        data.faults = plan
        #expect(throws: HALError.poweredOff) { try data.replace("a", with: [2, 2, 2, 2]) }
        #expect(!board.isPoweredOn)
        #expect(throws: HALError.poweredOff) { try data.read("a") }
        #expect(throws: HALError.poweredOff) { try data.list() }
        #expect(throws: HALError.poweredOff) { try board.configuration.replace("x", with: []) }
        #expect(throws: HALError.poweredOff) { try board.configuration.freeBytes() }
        #expect(throws: HALError.poweredOff) { try board.identity.sign(sha256Digest: [UInt8](repeating: 0, count: 32)) }
        #expect(throws: HALError.poweredOff) { try board.monitor.sample() }
        #expect(data.leftovers == (stage == .halfWritten || stage == .renamed ? ["a"] : []))
        board.powerOn()
        #expect(data.leftovers.isEmpty)
        #expect(try data.read("a") == (stage == .synchronised ? [2, 2, 2, 2] : [1, 1, 1, 1]))
        try data.replace("a", with: [3])
        #expect(try data.read("a") == [3])
    }

    @Test(arguments: FaultPlan.Stage.allCases)
    func `a power cut during a removal removes or keeps the file`(stage: FaultPlan.Stage) throws {
        try data.replace("a", with: [1])
        data.faults.powerCut = FaultPlan.PowerCut(operation: 2, stage: stage)
        #expect(throws: HALError.poweredOff) { try data.remove("a") }
        board.powerOn()
        #expect(try data.list() == (stage == .synchronised ? [] : ["a"]))
    }

    @Test func `a write error keeps the old content, and the next attempt may succeed`() throws {
        try data.replace("a", with: [1])
        data.faults.writeErrors = [2, 3]
        let error = HALError.thrown { try data.replace("a", with: [2]) }
        #expect(error?.description.contains("cannot write data/a") == true)
        #expect(throws: HALError.self) { try data.remove("a") }
        #expect(try data.read("a") == [1])
        try data.replace("a", with: [2])
        #expect(try data.read("a") == [2])
        #expect(data.operationCount == 4)
    }

    @Test func `a torn write keeps the old content and leaves half a file behind`() throws {
        try data.replace("a", with: [1])
        data.faults.tornWrites = [2]
        #expect(throws: HALError.self) { try data.replace("a", with: [2, 2]) }
        #expect(data.leftovers == ["a"])
        #expect(try data.list() == ["a"])
        #expect(try data.read("a") == [1])
        try data.replace("a", with: [3])
        #expect(data.leftovers.isEmpty)
    }

    @Test func `a full disk refuses what does not fit beside the old content`() throws {
        data.faults.capacityBytes = 100
        try data.replace("a", with: [UInt8](repeating: 1, count: 50))
        #expect(try data.freeBytes() == 50)
        try data.replace("a", with: [UInt8](repeating: 2, count: 50))
        #expect(throws: HALError.diskFull) { try data.replace("a", with: [UInt8](repeating: 3, count: 51)) }
        #expect(try data.read("a") == [UInt8](repeating: 2, count: 50))
        try data.remove("a")
        try data.replace("a", with: [UInt8](repeating: 3, count: 100))
        #expect(try data.freeBytes() == 0)
        data.faults.capacityBytes = 10
        #expect(try data.freeBytes() == 0)
    }

    @Test func `virtual time goes on when told, and only forward`() {
        let clock = board.simulatedClock
        #expect(clock.now() == .origin && clock.wallTime() == SimulatedHAL.defaultEpoch)
        clock.advance(by: .seconds(5))
        clock.advance(to: Instant(nanoseconds: 1))
        clock.advance(by: .seconds(-3))
        #expect(clock.now() == .origin + .seconds(5))
        #expect(clock.wallTime() == SimulatedHAL.defaultEpoch + .seconds(5))
    }

    @Test func `a wrong clock is wrong in wall time alone`() {
        board.simulatedClock.wallClockError = .seconds(-86_400)
        #expect(board.clock.wallTime() == SimulatedHAL.defaultEpoch + .seconds(-86_400))
        #expect(board.clock.now() == .origin)
        board.simulatedClock.wallClockError = .zero
        #expect(board.clock.wallTime() == SimulatedHAL.defaultEpoch)
    }

    @Test func `the same seed gives the same keys and randomness, another seed others`() throws {
        func facts(_ seed: UInt64, _ serial: String = "SIM1") throws -> ([UInt8], [UInt8]?) {
            let board = try SimulatedHAL(serial: serial, model: "Sim", seed: seed)
            var entropy = board.entropy.makeEntropy()
            return (entropy.bytes(16), try Certificate(pem: board.identity.certificateChainPEM).publicKey?.der)
        }
        let first = try facts(1)
        #expect(try facts(1) == first)
        let second = try facts(2)
        #expect(second.0 != first.0 && second.1 != first.1)
        #expect(try facts(1, "SIM2").1 != first.1)
    }

    @Test func `boards of one seed trust each other's vendor root`() throws {
        let other = try SimulatedHAL(serial: "SIM2", model: "Sim", seed: 9)
        try Certificate.verifyChain(
            leaf: try Certificate(pem: other.identity.certificateChainPEM), intermediates: [],
            root: try Certificate(pem: board.identity.vendorRootPEM), at: SimulatedHAL.defaultEpoch, purpose: .client)
    }

    @Test func `an invalid serial number or model is refused`() {
        #expect(throws: HALError.self) { try SimulatedHAL(serial: "", model: "Sim", seed: 1) }
        #expect(throws: HALError.self) { try SimulatedHAL(serial: "A", model: "a b", seed: 1) }
    }

    @Test func `watchdog, indicator and monitor say what happened`() throws {
        let clock = board.simulatedClock
        clock.advance(by: .seconds(10))
        #expect(!board.simulatedWatchdog.hasBitten)
        clock.advance(by: .nanoseconds(1))
        #expect(board.simulatedWatchdog.hasBitten)
        board.watchdog.kick()
        #expect(!board.simulatedWatchdog.hasBitten)
        board.indicator.show(.starting)
        board.indicator.show(.ready)
        #expect(board.simulatedIndicator.history == [.starting, .ready])
        for _ in 0..<300 { board.indicator.show(.active) }
        #expect(board.simulatedIndicator.history.count == SimulatedIndicator.historyLimit)
        let sample = SystemSample(
            cpuUtilization: 1, memoryUsedBytes: 1, memoryTotalBytes: 2, fileSystemUsedBytes: 3, fileSystemTotalBytes: 4,
            uptimeSeconds: 5)
        board.simulatedMonitor.set(sample)
        #expect(try board.monitor.sample() == sample)
    }
}
