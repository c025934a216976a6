import Primitives
import Testing

@testable import Simulation

@Suite struct SeedRunTests {
    private func hash(seed: UInt64, _ scenarios: [Scenario] = Scenario.short) throws -> String {
        let trace = Trace()
        try SeedRun.play(seed: seed, scenarios: scenarios, trace: trace)
        return trace.finish()
    }

    @Test func `the same seed gives the same trace, another seed another one`() throws {
        let first = try hash(seed: 11)
        #expect(try hash(seed: 11) == first)
        #expect(try hash(seed: 12) != first)
    }

    /// The long ones are `PromiseTests`.
    @Test(arguments: Scenario.short.map(\.name), 1...10)
    func `every scenario holds`(name: String, seed: UInt64) throws {
        let scenario = try #require(Scenario.all.first { $0.name == name })
        try SeedRun.play(seed: seed, scenarios: [scenario], trace: Trace())
    }

    /// Seeds that once failed, with what they found.
    @Test(arguments: [
        // A poll with the earlier password crossed the new one, and its 401 dissolved the pairing.
        ("pairing-power-cuts", UInt64(118)),
        // One 180 was lost: the pickup named a dialog of which the appliance did not know yet.
        ("rfc5359-call-pickup", UInt64(154)),
    ])
    func `a seed that once failed holds`(name: String, seed: UInt64) throws {
        let scenario = try #require(Scenario.all.first { $0.name == name })
        try SeedRun.play(seed: seed, scenarios: [scenario], trace: Trace())
    }

    @Test func `scenarios have names of their own`() {
        #expect(Set(Scenario.all.map(\.name)).count == Scenario.all.count)
    }

    @Test func `a failure names scenario, seed, virtual time and what did not hold`() throws {
        let scenario = Scenario(name: "doomed", purpose: "fails after 1.5 s") { world throws(ScenarioFailure) in
            world.bootAppliance()
            world.advance(.milliseconds(1_500))
            try world.require(false, "the sky has fallen")
        }
        let failure = #expect(throws: SeedFailure.self) {
            try SeedRun.play(seed: 42, scenarios: [scenario], trace: Trace())
        }
        let text = failure.map { "\($0)" } ?? ""
        for part in ["doomed", "seed 42", "1500 ms", "the sky has fallen", "make sim SEED=42"] {
            #expect(text.contains(part))
        }
    }

    @Test func `what was waited for in vain is named`() throws {
        let scenario = Scenario(name: "vain", purpose: "waits") { world throws(ScenarioFailure) in
            try world.wait("spring", within: .seconds(5)) { false }
        }
        let failure = #expect(throws: SeedFailure.self) {
            try SeedRun.play(seed: 1, scenarios: [scenario], trace: Trace())
        }
        #expect(failure?.cause.text == "spring: not within 5000 ms")
    }
}
