import Primitives

/// One seed: every scenario in a world of its own, one trace over all of them.
package enum SeedRun {
    /// What one scenario came to.
    package struct Outcome: Sendable, Equatable {
        package let scenario: String
        package let virtualTime: Duration
        package let datagrams: DatagramCounts
    }

    /// Plays `scenarios` in their order and stops at the first that fails. `onOutcome` hears of each that passed.
    @discardableResult
    package static func play(
        seed: UInt64, scenarios: [Scenario] = Scenario.all, trace: Trace, onOutcome: (Outcome) -> Void = { _ in }
    ) throws(SeedFailure) -> [Outcome] {
        var outcomes: [Outcome] = []
        for scenario in scenarios {
            let world = World(seed: seed, scenario: scenario.name, trace: trace, media: scenario.media)
            do throws(ScenarioFailure) { try scenario.play(in: world) } catch {
                throw SeedFailure(scenario: scenario.name, seed: seed, cause: error)
            }
            let outcome = Outcome(
                scenario: scenario.name, virtualTime: world.now - .origin, datagrams: world.datagramCounts)
            outcomes.append(outcome)
            onOutcome(outcome)
        }
        return outcomes
    }
}

/// A scenario that did not hold, with all that is needed to see it again.
package struct SeedFailure: Error, Sendable {
    package let scenario: String
    package let seed: UInt64
    package let cause: ScenarioFailure
}

extension SeedFailure: CustomStringConvertible {
    package var description: String {
        "scenario \(scenario), seed \(seed), at \(cause.at.nanoseconds / 1_000_000) ms of virtual time: \(cause.text); "
            + "replay with 'make sim SEED=\(seed)'"
    }
}

/// What the simulated network did.
package struct DatagramCounts: Sendable, Equatable {
    package var sent = 0
    package var lost = 0
    package var duplicated = 0
    /// Arrived where nobody listened.
    package var unroutable = 0
}
