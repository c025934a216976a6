import ArgumentParser
import Glibc
import HAL
import HALLinux
import Logging
import OpenSSLCrypto
import Primitives
import Reactor

/// `pbxd`: the appliance.
@main
struct PBXDaemon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pbxd",
        abstract: "The PBX appliance.",
        version: Firmware.version,
        subcommands: [Run.self], defaultSubcommand: Run.self)
}

extension PBXDaemon {
    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "run",  // said, because finding it out takes a twentieth of the start
            abstract: "Serve in the foreground until SIGTERM.",
            discussion: """
                Prints one JSON line on standard output when it serves; logs go to standard error.
                Exit status: 0 after a drained end, 64 wrong usage, 69 hardware or address not usable,
                74 database or directory not usable, 75 another pbxd serves this directory, 78 configuration not valid.
                """)

        @Option(
            help: ArgumentHelp(
                "A configuration file (YAML), applied when it differs from the database.", valueName: "file"))
        var config: String?

        @Option(help: ArgumentHelp("Database, administration socket and prepared backups.", valueName: "dir"))
        var data = "data"

        @Option(
            help: ArgumentHelp(
                "Stands for the flash: factory and configuration partitions (default: the data directory).",
                valueName: "dir"))
        var hal: String?

        @Option(help: ArgumentHelp("What devices the board has (/etc/pbx/board of its image).", valueName: "file"))
        var board: String?
        @Option(help: ArgumentHelp("Spoken prompts, one directory per language (make prompts).", valueName: "dir"))
        var prompts: String?

        @Option(
            help: ArgumentHelp(
                "A password with which 'pbxctl self-test' on this machine may call an echo.", valueName: "file"))
        var selfTest: String?

        enum Verbosity: String, ExpressibleByArgument, CaseIterable { case trace, debug, info, notice, warning, error }

        @Option(help: "How much is logged on standard error.")
        var logLevel = Verbosity.info

        func run() async throws {
            var logger = Logger(label: "pbxd") { StreamLogHandler.standardError(label: $0) }
            logger.logLevel = Logger.Level(rawValue: logLevel.rawValue) ?? .info
            do throws(ApplianceError) {
                let description = try describe(logger)
                let hardware = try open(description, logger)
                var options = ApplianceOptions(dataDirectory: data, hal: hardware, configurationPath: config)
                options.firmwareVersion = description?.firmwareVersion ?? options.firmwareVersion
                options.updateDirectory = description?.updateDirectory
                options.boardName = description?.name ?? options.boardName
                options.restart = { Restart.executeSelf() }
                options.selfTestPassword = try selfTest.map(password(in:))
                if let prompts { options.promptDirectory = prompts }
                let notifier = ServiceNotifier.fromEnvironment()
                let process = ApplianceProcess(options: options, logger: logger) { state in _ = notifier?.send(state) }
                try await process.run()
            } catch {
                complain("\(error)")
                throw ExitCode(error.exitCode)
            }
        }

        /// The board; without a factory partition, a development identity that no vendor server knows.
        private func open(_ board: BoardDescription?, _ logger: Logger) throws(ApplianceError) -> ProcessHAL {
            do {
                if let board { return try ProcessHAL.open(directory: hal ?? data, board: board) }
                let hardware = try ProcessHAL.developmentIdentity(directory: hal ?? data)
                if !hardware.isProvisioned {
                    logger.notice("no factory partition: development identity \(hardware.identity.serial)")
                }
                return hardware
            } catch {
                throw .hardware(error)
            }
        }

        /// What the image says of the board; nil for a local process.
        private func describe(_ logger: Logger) throws(ApplianceError) -> BoardDescription? {
            guard let board else { return nil }
            do {
                let description = try BoardDescription.load(board)
                logger.info("board \(description.name), firmware \(description.firmwareVersion ?? Firmware.version)")
                return description
            } catch {
                throw .hardware(error)
            }
        }

        private func password(in path: String) throws(ApplianceError) -> Secret {
            do {
                return Secret(try PrivateFile.read(path, limit: 200).filter { $0 > 0x20 && $0 < 0x7F })
            } catch {
                throw .hardware(.readFailed(path: path, reason: error.reason))
            }
        }

        private func complain(_ text: String) {
            for line in text.split(separator: "\n") {
                let bytes = Array("pbxd: \(line)\n".utf8)
                _ = write(STDERR_FILENO, bytes, bytes.count)
            }
        }
    }
}
