import ArgumentParser
import Dispatch
import FoundationEssentials
import Glibc
import LiveStage
import Simulation

/// `pbxsim live`: the scenarios of the stages, over real sockets against a `pbxd` for each.
struct Live: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play scenarios over loopback sockets against a running pbxd, several at a time.",
        discussion: """
            Each scenario has a pbxd of its own, with a configuration, a directory and ports of its own, and telephones at \
            127.0.0.21 and on. One line a scenario; of one that fails, what was awaited, what each telephone was doing and \
            heard, and the end of pbxd's log. One that fails because the machine was too busy for pbxd's media, as pbxd says, is \
            played once more after the others, alone. Exit status 1 if any fails.
            """)

    @Option(help: ArgumentHelp("Play this one only; more than once for several.", valueName: "name"))
    var scenario: [String] = []
    @Option(help: "Scenarios played at a time.")
    var jobs = 4
    @Option(help: ArgumentHelp("The appliance's program.", valueName: "path"))
    var pbxd = ".build/debug/pbxd"
    @Option(help: ArgumentHelp("First RTP port; each scenario takes 60 on from there.", valueName: "port"))
    var ports: UInt16 = 20_000
    @Option(help: ArgumentHelp("Keep configurations and logs in this directory.", valueName: "dir"))
    var keep: String?
    @Flag(help: "Name the scenarios.")
    var list = false

    func validate() throws {
        for name in scenario where StageScenario.named(name) == nil {
            throw ValidationError("there is no scenario '\(name)'; 'pbxsim live --list' names them")
        }
        guard (1...32).contains(jobs) else { throw ValidationError("--jobs \(jobs) is not in 1...32") }
        guard ports >= 1_024, ports % 2 == 0, Int(ports) + StageScenario.all.count * 120 < 65_536 else {
            throw ValidationError("--ports \(ports) is not an even number that leaves room for all scenarios")
        }
    }

    func run() async throws {
        let chosen = scenario.isEmpty ? StageScenario.all : scenario.compactMap(StageScenario.named)
        if list { return Self.name(chosen) }
        guard access(pbxd, X_OK) == 0 else { throw ValidationError("there is no program \(pbxd); say --pbxd PATH") }
        let directory = try makeDirectory()
        let signals = Self.endChildrenWithUs(keep == nil ? directory : nil)
        defer { for source in signals { source.cancel() } }
        let start = ContinuousClock().now
        var failed: [Outcome] = []
        await withTaskGroup(of: Outcome.self) { group in
            var waiting = chosen.enumerated().makeIterator()
            func next() {
                guard let (index, scenario) = waiting.next() else { return }
                group.addTask { await play(scenario, number: index, in: directory) }
            }
            for _ in 0..<jobs { next() }
            for await outcome in group {
                outcome.print()
                if outcome.failure != nil { failed.append(outcome) }
                next()
            }
        }
        for (place, outcome) in failed.enumerated() where outcome.wasHeldUp {
            guard let scenario = StageScenario.named(outcome.name) else { continue }
            failed[place] = await play(scenario, number: chosen.count + place, in: directory)
            failed[place].print()
        }
        failed.removeAll { $0.failure == nil }
        if keep == nil { Self.remove(directory) }
        let wall = (ContinuousClock().now - start).thousandths
        print("\(chosen.count - failed.count) of \(chosen.count) scenarios passed in \(wall) s, \(jobs) at a time")
        for name in failed.map(\.name).sorted() { print("FAILED \(name)") }
        if !failed.isEmpty { throw ExitCode(1) }
    }

    private static func name(_ scenarios: [StageScenario]) {
        let width = scenarios.map(\.name.count).max() ?? 0
        for scenario in scenarios {
            print(scenario.name + String(repeating: " ", count: width + 2 - scenario.name.count) + scenario.purpose)
        }
    }

    // MARK: One scenario

    private struct Outcome: Sendable {
        let name: String
        let duration: Duration
        let failure: String?
        let report: [String]

        /// The appliance refused media because the machine was too busy: it says nothing about the feature.
        var wasHeldUp: Bool { failure != nil && report.contains { $0.contains("held up by the machine's load") } }

        func print() {
            Swift.print("\(failure == nil ? "ok    " : "FAILED") \(name) \(duration.thousandths) s")
            if let failure { Swift.print("  \(failure)") }
            for line in report { Swift.print("    \(line)") }
            fflush(nil)
        }
    }

    /// On a thread of its own: a stage waits for sockets and the clock.
    private func play(_ scenario: StageScenario, number: Int, in directory: String) async -> Outcome {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: scenario.name).async {
                continuation.resume(returning: perform(scenario, number: number, in: directory))
            }
        }
    }

    private func perform(_ scenario: StageScenario, number: Int, in directory: String) -> Outcome {
        let start = ContinuousClock().now
        let stage = LiveStage(
            LiveStage.Plan(
                pbxd: pbxd, directory: "\(directory)/\(number)", firstPort: ports + 60 * UInt16(clamping: number)))
        var play: Play?
        var failure: String?
        do throws(ScenarioFailure) {
            try scenario.perform(on: stage) { play = $0 }
        } catch { failure = error.text }
        let report = failure == nil ? [] : (play?.report ?? []) + stage.strike().map { "pbxd: \($0)" }
        return Outcome(
            name: scenario.name, duration: ContinuousClock().now - start, failure: failure, report: report)
    }

    // MARK: Directories and signals

    private func makeDirectory() throws -> String {
        let directory = keep ?? "/tmp/pbx-live-\(getpid())"
        guard mkdir(directory, 0o700) == 0 || (keep != nil && errno == EEXIST) else {
            throw ValidationError("cannot make \(directory)")
        }
        return directory
    }

    private static func remove(_ directory: String) {
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Whoever ends us ends every pbxd too.
    private static func endChildrenWithUs(_ directory: String?) -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                Children.killAll()
                if let directory { remove(directory) }
                Glibc.exit(130)
            }
            source.resume()
            return source
        }
    }
}
