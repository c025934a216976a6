import ArgumentParser
import Simulation

/// `pbxsim`: the whole world in one process, one seed, virtual time.
@main
struct PBXSim: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pbxsim",
        abstract: "Deterministic simulator: appliance, telephones and vendor cloud under seeded faults.",
        subcommands: [RunSeed.self, Sweep.self, OfficeSweep.self, Live.self, ListScenarios.self, FleetCommand.self])
}

/// `pbxsim run --seed N`: one seed, line by line if wanted.
struct RunSeed: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Play one seed. The last line is the SHA-256 of its trace.")

    @Option(help: "The seed; everything that is random follows from it.")
    var seed: UInt64
    @Option(help: "Play this scenario only ('pbxsim list').")
    var scenario: String?
    @Flag(help: "Print the trace: virtual microseconds, and what happened.")
    var trace = false

    func validate() throws {
        if let scenario, Scenario.named(scenario) == nil {
            throw ValidationError("there is no scenario '\(scenario)'; 'pbxsim list' names them")
        }
    }

    func run() throws {
        let scenarios = scenario.flatMap(Scenario.named).map { [$0] } ?? Scenario.all
        let record = Trace(print: trace ? { print($0, terminator: "") } : nil)
        var failure: SeedFailure?
        do throws(SeedFailure) {
            try SeedRun.play(seed: seed, scenarios: scenarios, trace: record) { outcome in
                let datagrams = outcome.datagrams
                print(
                    "\(outcome.scenario): \(outcome.virtualTime.thousandths) s virtual, \(datagrams.sent) datagrams sent, "
                        + "\(datagrams.lost) lost, \(datagrams.duplicated) duplicated, \(datagrams.unroutable) unroutable"
                )
            }
        } catch { failure = error }
        if let failure { print("FAILED \(failure)") }
        print("trace \(record.finish())")
        if failure != nil { throw ExitCode(1) }
    }
}

/// `pbxsim list`: names and purposes.
struct ListScenarios: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Name the scenarios.")

    func run() {
        let width = Scenario.all.map(\.name.count).max() ?? 0
        for scenario in Scenario.all {
            print(scenario.name + String(repeating: " ", count: width + 2 - scenario.name.count) + scenario.purpose)
        }
    }
}

extension Scenario {
    static func named(_ name: String) -> Scenario? { all.first { $0.name == name } }
}

extension Duration {
    /// Seconds with three digits behind the point.
    var thousandths: String {
        let milliseconds = components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
        let fraction = String(milliseconds % 1_000)
        return "\(milliseconds / 1_000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}
