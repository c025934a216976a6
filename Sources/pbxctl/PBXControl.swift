import ArgumentParser

/// `pbxctl`: set-up, administration and test vectors of the appliance.
@main
struct PBXControl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pbxctl",
        abstract: "Administers a PBX appliance over its local socket, and prepares boards and certificates.",
        discussion: """
            Exit status: 0 done, 64 wrong usage, 69 pbxd does not run here, 75 try again later, 77 refused, 1 otherwise.
            """,
        groupedSubcommands: [
            CommandGroup(
                name: "Observe",
                subcommands: [
                    Status.self, Calls.self, Records.self, Privacy.self, LedgerCommand.self, Voicemail.self,
                    Recordings.self,
                    Queues.self,
                    Conferences.self,
                ]),
            CommandGroup(
                name: "Change",
                subcommands: [
                    SwitchCommand.self, Pair.self, Provision.self, Resync.self, Apply.self, BackupCommand.self,
                    Restore.self, UpdateCommand.self, CrashCommand.self, RemoteAccessCommand.self,
                ]),
            CommandGroup(name: "Prepare", subcommands: [PKI.self, Factory.self]),
            CommandGroup(name: "Test", subcommands: [VectorsCommand.self, SelfTest.self]),
        ])
}
