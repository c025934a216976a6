import ArgumentParser
import Glibc
import Simulation

/// `pbxsim sweep --seeds A..B`: many seeds on several threads; each world lives on one of them.
struct Sweep: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play a range of seeds. Exit status 1 if any fails; each failure names its replay.")

    @Option(help: "First and last seed.")
    var seeds: SeedRange
    @Option(help: "Seeds played at a time.")
    var jobs = 2

    func validate() throws {
        guard (1...256).contains(jobs) else { throw ValidationError("--jobs \(jobs) is not in 1...256") }
    }

    private struct Result: Sendable {
        var seed: UInt64
        var virtualSeconds: Double
        var failure: SeedFailure?
    }

    func run() async throws {
        let clock = ContinuousClock()
        let start = clock.now
        let results = await play()
        let wall = Self.seconds(clock.now - start)
        let failures = results.compactMap(\.failure).sorted { $0.seed < $1.seed }
        let simulated = results.reduce(0) { $0 + $1.virtualSeconds }
        for failure in failures {
            print("seed \(failure.seed) FAILED: \(failure)")
            print("  make sim SEED=\(failure.seed)")
        }
        print(
            "seeds \(seeds.first)..\(seeds.last): \(results.count - failures.count) passed, \(failures.count) failed; "
                + "\(Self.rounded(Double(results.count) / wall)) seeds/s, "
                + "\(Self.rounded(simulated / wall)) simulated seconds per second, \(Self.rounded(wall)) s in all")
        if !failures.isEmpty { throw ExitCode(1) }
    }

    private func play() async -> [Result] {
        await withTaskGroup(of: Result.self) { group in
            var waiting = (seeds.first...seeds.last).makeIterator()
            for _ in 0..<jobs {
                guard let seed = waiting.next() else { break }
                group.addTask { Self.play(seed) }
            }
            var results: [Result] = []
            while let result = await group.next() {
                results.append(result)
                if results.count.isMultiple(of: 20) { Self.progress("\(results.count) of \(seeds.count) seeds") }
                if let failure = result.failure { Self.progress("FAILED \(failure)") }
                if let seed = waiting.next() { group.addTask { Self.play(seed) } }
            }
            return results
        }
    }

    private static func play(_ seed: UInt64) -> Result {
        var virtual = 0.0
        var failure: SeedFailure?
        do throws(SeedFailure) {
            try SeedRun.play(seed: seed, scenarios: Scenario.swept(by: seed), trace: Trace()) {
                virtual += seconds($0.virtualTime)
            }
        } catch { failure = error }
        return Result(seed: seed, virtualSeconds: virtual, failure: failure)
    }

    private static func progress(_ text: String) {
        let line = Array((text + "\n").utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }

    private static func rounded(_ value: Double) -> String {
        value >= 100 ? "\(Int(value.rounded()))" : "\((value * 10).rounded() / 10)"
    }
}

/// `A..B`, both included; `A` alone is one seed.
struct SeedRange: ExpressibleByArgument {
    let first: UInt64
    let last: UInt64

    var count: UInt64 { last - first + 1 }

    init?(argument: String) {
        let ends = argument.split(separator: ".", omittingEmptySubsequences: true).map { UInt64($0) }
        guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last,
            last - first < 10_000_000
        else { return nil }
        self.first = first
        self.last = last
    }
}
