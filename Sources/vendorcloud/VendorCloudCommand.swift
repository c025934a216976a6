import ArgumentParser
import Glibc
import Logging
import Primitives
import ServiceLifecycle
import UnixSignals
import VendorCloud

/// `vendorcloud run --pki DIR --data DIR`: the vendor's servers for development and tests.
@main
struct VendorCloudCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vendorcloud",
        abstract:
            "The vendor's servers: relay, Control Center, monitoring, backup, update, crash reports, remote access.",
        subcommands: [Run.self, AddAccount.self, Publish.self], defaultSubcommand: Run.self)
}

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve in the foreground until SIGTERM or SIGINT. Port 0 lets the system pick one.")

    @Option(help: "Directory of the development PKI ('pbxctl pki').")
    var pki: String
    @Option(help: "Directory for backups, logs of received messages, and the Control Center's list.")
    var data: String
    @Option(help: "Address to listen on.")
    var bind = "127.0.0.1"
    @Option(help: "Appliances connect here (uplink).")
    var relayPort: UInt16 = 7443
    @Option(help: "Clients of appliances connect here (TLS with SNI).")
    var publicPort: UInt16 = 7440
    @Option(help: "Backup server.")
    var backupPort: UInt16 = 7444
    @Option(help: "Monitoring server.")
    var monitoringPort: UInt16 = 7445
    @Option(help: "Control Center, for appliances.")
    var controlCenterPort: UInt16 = 7446
    @Option(help: "Relay, for the vendor's own servers.")
    var relayServicePort: UInt16 = 7447
    @Option(help: "The Control Center uses the relay of another process, by that one's relay service address.")
    var relayService: String?
    @Option(help: "Control Center's web page, plain HTTP.")
    var webPort: UInt16 = 7480
    @Option(help: "Update server (default 7448; any, when --relay-port is 0).")
    var updatePort: UInt16?
    @Option(help: "Crash-report server (default 7449).")
    var crashPort: UInt16?
    @Option(help: "Remote access, for appliances (default 7450).")
    var remoteAccessPort: UInt16?
    @Option(help: "Remote access, for the Control Center (default 7451).")
    var remoteAccessServicePort: UInt16?
    @Option(help: "Appliances with an older firmware are shown as needing maintenance.")
    var minimumFirmware = "0.0.0"
    @Option(help: "Log level: trace, debug, info, notice, warning, error.")
    var logLevel = "notice"

    func validate() throws {
        guard IPAddress(bind) != nil else { throw ValidationError("--bind '\(bind)' is not an IP address") }
        if let relayService, Endpoint(relayService) == nil {
            throw ValidationError("--relay-service '\(relayService)' is not an IP address with a port")
        }
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level '\(logLevel)' is unknown")
        }
    }

    func run() async throws {
        let level = Logger.Level(rawValue: logLevel) ?? .notice
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        let logger = Logger(label: "vendorcloud")
        var options = VendorCloudOptions(pkiDirectory: pki, dataDirectory: data)
        options.bindAddress = IPAddress(bind) ?? .loopbackV4
        options.minimumFirmware = minimumFirmware
        options.relayService = relayService.flatMap { Endpoint($0) }
        options.ports = [
            .relay: relayPort, .publicPort: publicPort, .backup: backupPort, .monitoring: monitoringPort,
            .controlCenter: controlCenterPort, .relayService: relayServicePort, .web: webPort,
        ]
        let further: [(VendorCloudOptions.Listener, UInt16?)] = [
            (.update, updatePort),
            (.crash, crashPort),
            (.remoteAccess, remoteAccessPort),
            (.remoteAccessService, remoteAccessServicePort),
        ]
        // Whoever lets the system pick the relay's port has no use for fixed ones beside it.
        for (listener, port) in further { options.ports[listener] = port ?? (relayPort == 0 ? 0 : nil) }
        do {
            let server = try VendorCloudServer(options: options, logger: logger)
            let services = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: [
                        .init(
                            service: CloudService(server: server), successTerminationBehavior: .gracefullyShutdownGroup)
                    ],
                    cancellationSignals: [.sigterm, .sigint], logger: logger))
            try await services.run()
        } catch is CancellationError {
            return
        } catch {
            FileHandleOutput.standardError("vendorcloud: \(error)\n")
            throw ExitCode.failure
        }
    }
}

/// Runs the servers, and says on standard output when they serve.
private struct CloudService: Service {
    let server: VendorCloudServer

    func run() async throws {
        try await server.run { ready in FileHandleOutput.standardOutput(ready.jsonLine + "\n") }
    }
}

/// Unbuffered text output.
enum FileHandleOutput {
    static func standardOutput(_ text: String) { write(text, to: STDOUT_FILENO) }
    static func standardError(_ text: String) { write(text, to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}
