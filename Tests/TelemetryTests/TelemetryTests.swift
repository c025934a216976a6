import CloudMessages
import Primitives
import PrivacyContract
import Telemetry
import Testing

private let sample = SystemSample(
    cpuUtilization: 0.25, memoryUsedBytes: 300, memoryTotalBytes: 1_000, fileSystemUsedBytes: 1,
    fileSystemTotalBytes: 4,
    uptimeSeconds: 99)

struct MetricBuilderTests {
    @Test func `a sample becomes points that are all on the allow-list`() {
        let points = MetricBuilder.points(
            from: sample, gauges: TelemetryGauges(activeCalls: 3, registrations: 7, meanOpinionScore: 4.2))
        #expect(points.count == 9)
        #expect(points.allSatisfy(MetricAllowList.permits))
        #expect(points.first { $0.name == "pbx.calls.active" }?.value == 3)
        #expect(points.filter { $0.name == "system.memory.usage" }.map(\.value) == [300, 700])
    }

    @Test func `what cannot be measured is left out`() {
        var broken = sample
        broken.uptimeSeconds = .nan
        broken.memoryUsedBytes = .min
        broken.memoryTotalBytes = .max
        let points = MetricBuilder.points(from: broken, gauges: TelemetryGauges(activeCalls: 0, registrations: 0))
        #expect(!points.contains { $0.name == "system.uptime" || $0.name == "pbx.media.mos" })
    }
}

struct TelemetryMachineTests {
    private var entropy = Entropy(SeededGenerator(seed: 1))
    private let gauges = TelemetryGauges(activeCalls: 0, registrations: 0)

    @Test mutating func `nothing is measured while nobody wants it`() {
        var machine = TelemetryMachine()
        #expect(machine.handle(.timePassed, at: .origin, entropy: &entropy).isEmpty)
        #expect(machine.handle(.sample(sample, gauges), at: .origin, entropy: &entropy).isEmpty)
        #expect(machine.nextDeadline == nil)
    }

    @Test mutating func `values go out once a period, without drift`() {
        var machine = TelemetryMachine()
        var now = Instant.origin
        #expect(machine.handle(.wanted(every: .seconds(10)), at: now, entropy: &entropy) == [.takeSample])
        for round in 1...5 {
            guard case .send? = machine.handle(.sample(sample, gauges), at: now, entropy: &entropy).first else {
                Issue.record("no message in round \(round)")
                return
            }
            _ = machine.handle(.answered(.accepted), at: now + .seconds(3), entropy: &entropy)
            #expect(machine.nextDeadline == Instant.origin + .seconds(10 * round))
            now = Instant.origin + .seconds(10 * round)
            #expect(machine.handle(.timePassed, at: now, entropy: &entropy) == [.takeSample])
        }
    }

    @Test mutating func `one message at a time, and a failed one is not queued`() {
        var machine = TelemetryMachine()
        _ = machine.handle(.wanted(every: .seconds(10)), at: .origin, entropy: &entropy)
        _ = machine.handle(.sample(sample, gauges), at: .origin, entropy: &entropy)
        #expect(machine.handle(.timePassed, at: .origin + .seconds(100), entropy: &entropy).isEmpty)
        #expect(machine.handle(.sample(sample, gauges), at: .origin, entropy: &entropy).isEmpty)
        let now = Instant.origin + .seconds(100)
        let refusal = CloudReply.refused(status: 429, detail: "", retryAfter: .seconds(60))
        #expect(machine.handle(.answered(refusal), at: now, entropy: &entropy).isEmpty)
        #expect((machine.nextDeadline ?? .origin) >= now + .seconds(60))
    }

    @Test mutating func `after a long outage it is tried again within a minute`() {
        var machine = TelemetryMachine()
        _ = machine.handle(.wanted(every: .seconds(10)), at: .origin, entropy: &entropy)
        var now = Instant.origin
        for _ in 0..<30 {
            _ = machine.handle(.sample(sample, gauges), at: now, entropy: &entropy)
            _ = machine.handle(.answered(.unreachable("time-out")), at: now, entropy: &entropy)
            let next = machine.nextDeadline ?? .origin
            #expect(next > now && next <= now + .seconds(60))
            now = next
            #expect(machine.handle(.timePassed, at: now, entropy: &entropy) == [.takeSample])
        }
    }

    @Test mutating func `switching off stops at once`() {
        var machine = TelemetryMachine()
        _ = machine.handle(.wanted(every: .seconds(10)), at: .origin, entropy: &entropy)
        #expect(machine.handle(.wanted(every: nil), at: .origin, entropy: &entropy).isEmpty)
        #expect(machine.handle(.sample(sample, gauges), at: .origin, entropy: &entropy).isEmpty)
        #expect(!machine.isWanted && machine.nextDeadline == nil)
    }

    @Test mutating func `the period has a lower limit`() {
        var machine = TelemetryMachine()
        _ = machine.handle(.wanted(every: .zero), at: .origin, entropy: &entropy)
        #expect(machine.nextDeadline == .origin + TelemetryMachine.shortestPeriod)
    }
}
