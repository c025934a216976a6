import ArgumentParser
import Glibc
import Simulation

/// `pbxsim office --seeds A..B`: a random office per seed, checked after every step.
struct OfficeSweep: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "office",
        abstract:
            "Play random offices: 30 users who call, hold, transfer and lose their network. Exit status 1 if any fails.",
        discussion: """
            After every event it is checked that each leg belongs to one call, that nothing outlives its call, that call \
            records add up, and that nobody hears a bridge to which they do not belong. A failure is played again for the end \
            of its trace.
            """)

    @Option(help: "First and last seed.")
    var seeds: SeedRange
    @Option(help: "Virtual seconds for which the office is open.")
    var seconds: Int64 = 300
    @Option(help: "Seeds played at a time.")
    var jobs = 2
    @Option(help: "How much of a failure's trace is shown.")
    var lines = 60

    func validate() throws {
        guard (1...256).contains(jobs) else { throw ValidationError("--jobs \(jobs) is not in 1...256") }
        guard (1...86_400).contains(seconds) else { throw ValidationError("--seconds \(seconds) is not in 1...86400") }
    }

    func run() async throws {
        let clock = ContinuousClock()
        let start = clock.now
        var total = Total()
        var failures: [OfficeFailure] = []
        await withTaskGroup(of: OfficeRun.Outcome.self) { group in
            var waiting = (seeds.first...seeds.last).makeIterator()
            let duration = Duration.seconds(seconds)
            for _ in 0..<jobs {
                guard let seed = waiting.next() else { break }
                group.addTask { OfficeRun.play(seed: seed, for: duration, trace: Trace(isMuted: true)) }
            }
            while let outcome = await group.next() {
                total.add(outcome)
                if total.seeds.isMultiple(of: 100) { Self.progress("\(total.seeds) of \(seeds.count) seeds") }
                if let failure = outcome.failure {
                    failures.append(failure)
                    Self.progress("FAILED \(failure)")
                }
                if let seed = waiting.next() {
                    group.addTask { OfficeRun.play(seed: seed, for: duration, trace: Trace(isMuted: true)) }
                }
            }
        }
        failures.sort { $0.seed < $1.seed }
        for failure in failures.prefix(5) { show(failure) }
        print(total.text(seeds, failed: failures.count, jobs: jobs, wall: (clock.now - start).inSeconds))
        if !failures.isEmpty { throw ExitCode(1) }
    }

    private func show(_ failure: OfficeFailure) {
        for line in OfficeRun.tail(seed: failure.seed, for: failure.duration, lines: lines) {
            print(line, terminator: "")
        }
        print("seed \(failure.seed) FAILED: \(failure)")
        print("  make sim-office SEED=\(failure.seed) OFFICE_SECONDS=\(seconds)")
    }

    private static func progress(_ text: String) {
        let line = Array((text + "\n").utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }

    /// What all seeds came to.
    private struct Total {
        var seeds = 0
        var virtualSeconds = 0.0
        var steps = 0
        var calls = 0
        var answered = 0
        var actions: [String: Int] = [:]

        mutating func add(_ outcome: OfficeRun.Outcome) {
            seeds += 1
            virtualSeconds += outcome.virtualTime.inSeconds
            steps += outcome.steps
            calls += outcome.calls
            answered += outcome.answered
            actions.merge(outcome.actions, uniquingKeysWith: +)
        }

        func text(_ range: SeedRange, failed: Int, jobs: Int, wall: Double) -> String {
            let table = actions.sorted { $0.key < $1.key }.map { "  \($0.value) x \($0.key)" }
            let counts = "\(steps) steps, \(calls) calls, \(answered) of them answered"
            let speed = virtualSeconds / wall
            return
                (table + [
                    counts,
                    "seeds \(range.first)..\(range.last): \(seeds - failed) passed, \(failed) failed; "
                        + "\(rounded(Double(seeds) / wall)) seeds/s, \(rounded(speed)) simulated seconds per second, "
                        + "\(rounded(speed / Double(jobs))) per job; \(rounded(wall)) s in all",
                ]).joined(separator: "\n")
        }

        private func rounded(_ value: Double) -> String {
            value >= 100 ? "\(Int(value.rounded()))" : "\((value * 10).rounded() / 10)"
        }
    }
}

extension Duration {
    fileprivate var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
