import ArgumentParser
import Fleet
import Glibc
import Logging
import Primitives
import Settings

/// `pbxsim fleet`: many appliances in one process against a running vendor cloud, over sockets and in real time.
struct FleetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet",
        abstract: "A thousand appliances pair, report and back up against one vendor cloud, over real sockets.",
        discussion: """
            Prints one JSON line for each chapter. After 'ready-for-restart' it waits until every appliance has lost its \
            relay and found it again: restart the vendor cloud then. 'scripts/fleet.py' does all of it.
            """)

    @Option(help: "How many appliances.")
    var appliances = 1_000
    @Option(help: "Directory of the development PKI, with its issuing key.")
    var pki: String
    @Option(help: "Directory for prepared uploads.")
    var data: String
    @Option(help: "The relay's address.")
    var relay: String
    @Option(help: "The Control Center's address for appliances.")
    var controlCenter: String
    @Option(help: "The backup server's address.")
    var backup: String
    @Option(help: "The monitoring server's address.")
    var monitoring: String
    @Option(help: "The Control Center's page.")
    var web: String
    @Option(help: "Who adds the appliances; the password is read from standard input.")
    var login: String
    @Option(help: "Seconds between two reports of an appliance.")
    var interval = 10
    @Option(help: "Seconds that each chapter may take.")
    var patience: Int64 = 600
    @Flag(help: "End without waiting for a restart.")
    var noRestart = false

    func validate() throws {
        guard (1...5_000).contains(appliances) else { throw ValidationError("--appliances is not in 1...5000") }
        guard (1...3_600).contains(interval) else { throw ValidationError("--interval is not in 1...3600") }
    }

    func run() async throws {
        guard let password = readLine(strippingNewline: true) else {
            throw ValidationError("the password is expected as one line on standard input")
        }
        var cloud = CloudSettings()
        cloud.relay = relay
        cloud.controlCenter = "https://\(controlCenter)"
        cloud.backup = "https://\(backup)"
        cloud.monitoring = "https://\(monitoring)"
        cloud.monitoringInterval = .seconds(interval)
        let options = ApplianceFleet.Options(
            appliances: appliances, pkiDirectory: pki, directory: data, cloud: cloud, web: web, login: login,
            password: password)
        var logger = Logger(label: "fleet")
        logger.logLevel = .error
        let fleet = try ApplianceFleet(options, logger: logger)
        say("made", ["appliances": "\(appliances)"])
        do {
            try await play(fleet)
        } catch {
            await fleet.end()
            print("FAILED: \(error)")
            throw ExitCode.failure
        }
        await fleet.end()
    }

    private func play(_ fleet: ApplianceFleet) async throws {
        let patience = Duration.seconds(patience)
        say("connected", ["seconds": (try await fleet.connect(within: patience)).thousandths])
        say("paired", ["seconds": (try await fleet.pair(within: patience)).thousandths])
        say("online", ["seconds": (try await fleet.online(within: patience)).thousandths])
        say("reported", ["seconds": (try await fleet.report(times: 2, within: patience)).thousandths])
        let (time, bytes) = try await fleet.backUp()
        say("backed-up", ["seconds": time.thousandths, "bytes": "\(bytes)"])
        if !noRestart {
            say("ready-for-restart")
            let reconnection = try await fleet.reconnect(within: patience)
            let back = reconnection.back.map {
                "\($0.components.seconds * 1_000 + $0.components.attoseconds / 1_000_000_000_000_000)"
            }
            say(
                "reconnected",
                ["dials": "\(reconnection.dials)", "milliseconds": "[\(back.joined(separator: ","))]"])
            say("online", ["seconds": (try await fleet.online(within: patience)).thousandths])
            say("reported", ["seconds": (try await fleet.report(times: 1, within: patience)).thousandths])
        }
        let (accepted, refused) = try await fleet.totals()
        say("totals", ["accepted": Self.object(accepted), "refused": Self.object(refused)])
    }

    private static func object(_ counts: [String: Int]) -> String {
        "{" + counts.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    private func say(_ event: String, _ values: KeyValuePairs<String, String> = [:]) {
        print("{\"event\":\"\(event)\"" + values.map { ",\"\($0.key)\":\($0.value)" }.joined() + "}")
        fflush(nil)
    }
}
