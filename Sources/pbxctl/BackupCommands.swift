import ArgumentParser
import Glibc
import OpenSSLCrypto
import Vectors

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Encrypted backups at the vendor's backup server.",
        subcommands: [
            SetPassword.self, DeletePassword.self, Now.self, List.self, Prove.self, Plan.self, Sheet.self,
        ])

    /// One backup in a line.
    static func summary(_ backup: JSONValue) -> String {
        let state = backup["uploaded"] == .bool(false) ? ", not at the server yet" : ""
        return "\(backup["id"].shown), \(backup["createdAt"].shown), \(backup["sizeBytes"].shown) bytes\(state)"
    }

    struct SetPassword: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set or change the password to which backups are encrypted. Without it nobody can read them.",
            aliases: ["password"])

        @Option(help: "Read it from this file instead of asking.")
        var passwordFile: String?
        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                let password = try Terminal.password(file: passwordFile, prompt: "New backup password: ", isNew: true)
                let body = JSONValue.object(["password": .text(password)])
                try await remote.perform(.put, "/v1/backup/password", .json(body), show: RemoteOptions.showMessage)
            }
        }
    }

    struct DeletePassword: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Erase the backup key. Backups made with it cannot be read any more without their password.")

        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                try await remote.perform(.delete, "/v1/backup/password", show: RemoteOptions.showMessage)
            }
        }
    }

    struct Now: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a backup now and upload it.")

        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                let bytes = try await Terminal.whileShowing(
                    "Making and uploading a backup", on: ApplianceClient.eventLoop
                ) { try await remote.client.send(.post, "/v1/backups") }
                if remote.json {
                    print(String(decoding: bytes, as: UTF8.self))
                } else {
                    print("Backup " + BackupCommand.summary(JSONValue.parse(bytes) ?? .null))
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the backups that this appliance made.")

        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                remote.show(try await remote.entries("/v1/backups", "backups")) { backups in
                    var table = Table("Backup", "Made", "Bytes", "State", "Proved", "Key")
                    for backup in backups {
                        table.add(
                            backup["id"].shown, backup["createdAt"].shown, backup["sizeBytes"].shown,
                            backup["state"].shown, backup["drilledAt"].shown,
                            backup.first(of: ["keyId", "keyID"]).shown)
                    }
                    return table.text(absent: "No backups.")
                }
            }
        }
    }
}

struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Replace configuration and data by those of a backup, and restart.",
        discussion:
            "The backup is checked as a whole before anything is touched; with a wrong password nothing changes.")

    @Argument(help: "A backup file on this machine, or the id of a backup at the server.")
    var source: String
    @Option(help: "Read the backup's password from this file instead of asking.")
    var passwordFile: String?
    @OptionGroup var remote: RemoteOptions

    func run() async throws {
        try await report {
            let place: (key: String, value: String) = try Self.filePath(source).map { ("path", $0) } ?? ("id", source)
            let password = try Terminal.password(file: passwordFile, prompt: "Password of the backup: ")
            let body = JSONValue.object([place.key: .text(place.value), "password": .text(password)])
            let bytes = try await Terminal.whileShowing(
                "Fetching and checking the backup", on: ApplianceClient.eventLoop
            ) {
                try await remote.client.send(.post, "/v1/restore", .json(body))
            }
            if remote.json {
                print(String(decoding: bytes, as: UTF8.self))
            } else {
                RemoteOptions.showMessage(JSONValue.parse(bytes) ?? .null)
            }
        }
    }

    /// The absolute path of a file; nil when the text is an id. pbxd may work in another directory.
    private static func filePath(_ text: String) throws -> String? {
        guard let resolved = realpath(text, nil) else {
            guard !text.contains("/") else {
                throw CommandFailure(.general, "cannot read \(text): \(String(cString: strerror(errno)))")
            }
            return nil
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
