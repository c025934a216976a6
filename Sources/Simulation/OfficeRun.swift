import CloudMessages
import Primitives

/// One seed of the random office.
package enum OfficeRun {
    package struct Outcome: Sendable {
        package var seed: UInt64
        package var virtualTime = Duration.zero
        /// Events of the simulated world, and how often the core was looked at after them.
        package var steps = 0
        package var looks = 0
        package var calls = 0
        package var answered = 0
        /// How often each action was taken.
        package var actions: [String: Int] = [:]
        package var failure: OfficeFailure?
    }

    /// Plays an office for `duration`, and until it has come to rest. Every tenth seed's appliance restarts now and then.
    /// `gap`: between two actions, on average.
    package static func play(
        seed: UInt64, for duration: Duration = .seconds(300), gap: Duration = .milliseconds(700), trace: Trace
    ) -> Outcome {
        let world = World(seed: seed, scenario: "office", trace: trace, media: .model)
        var plan = Office.Plan()
        plan.gap = gap
        plan.isFurnished = true
        plan.actions += OfficeAction.furnished
        if seed % 10 == 0 { plan.actions.append(OfficeAction.powerCut) }
        let office = Office(world, plan: plan)
        var outcome = Outcome(seed: seed)
        do throws(ScenarioFailure) { try office.run(for: duration) } catch {
            outcome.failure = OfficeFailure(seed: seed, step: world.stepCount, duration: duration, cause: error)
        }
        world.afterStep = nil
        outcome.virtualTime = world.now - .origin
        outcome.steps = world.stepCount
        outcome.looks = office.invariants.lookCount
        outcome.calls = world.callRecords.count
        outcome.answered = world.callRecords.count(where: \.success)
        outcome.actions = office.taken
        return outcome
    }

    /// Plays a seed again and gives the last `lines` of its trace: what led to its failure.
    package static func tail(seed: UInt64, for duration: Duration = .seconds(300), lines: Int) -> [String] {
        var kept: [String] = []
        let trace = Trace { line in
            kept.append(line)
            if kept.count > 2 * lines { kept.removeFirst(lines) }
        }
        _ = play(seed: seed, for: duration, trace: trace)
        return kept.suffix(lines)
    }
}

/// An office in which something did not hold, with all that is needed to see it again.
package struct OfficeFailure: Error, Sendable {
    package let seed: UInt64
    /// The event after which it was seen.
    package let step: Int
    package let duration: Duration
    package let cause: ScenarioFailure
}

extension OfficeFailure: CustomStringConvertible {
    package var description: String {
        "office, seed \(seed), step \(step), at \(cause.at.nanoseconds / 1_000_000) ms of virtual time: \(cause.text); "
            + "replay with 'make sim-office SEED=\(seed)'"
    }
}
