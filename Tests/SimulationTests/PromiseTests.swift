import Primitives
import Simulation
import Testing

/// What the policies promise over weeks and months, each in a world of its own.
@Suite struct PromiseTests {
    @Test(arguments: ["unplugged", "backup-plan", "canaries"], 1...3 as ClosedRange<UInt64>)
    func `a promise holds`(name: String, seed: UInt64) throws {
        let scenario = try #require(Scenario.all.first { $0.name == name })
        let clock = ContinuousClock()
        let start = clock.now
        let outcomes = try SeedRun.play(seed: seed, scenarios: [scenario], trace: Trace())
        let days = (outcomes.first?.virtualTime ?? .zero).inSeconds / 86_400
        print("\(name), seed \(seed): \(days.rounded()) virtual days in \(clock.now - start)")
    }
}
