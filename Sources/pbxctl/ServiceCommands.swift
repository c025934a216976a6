import ArgumentParser
import Vectors

struct UpdateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Look for a newer version, and install it.",
        subcommands: [Status.self, Check.self, Install.self, Automatic.self], defaultSubcommand: Status.self)

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what is known of newer versions, and what is being done.")

        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                try await remote.perform(.get, "/v1/update") { status in
                    print("State: \(status["phase"].shown)")
                    if let version = status["version"].text {
                        let held = status["heldBack"] == .bool(true) ? ", not released to this installation yet" : ""
                        print("Version: \(version), \(status["sizeBytes"].shown) bytes\(held)")
                        if let notes = status["notes"].text, !notes.isEmpty { print("Notes: \(notes)") }
                    }
                    print("Last asked: \(status["checkedAt"].shown)")
                    if let outcome = status["outcome"].text { print("Outcome: \(outcome)") }
                    print("Looked for once a day: \(status["automatic"] == .bool(true) ? "yes" : "no")")
                }
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask the update server now (F-S2); needs the switch 'updates'.")

        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                try await remote.perform(.post, "/v1/update/check", show: RemoteOptions.showMessage)
            }
        }
    }

    struct Install: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetch the newer version and hand it to the installer; a board restarts with it.")

        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                try await remote.perform(.post, "/v1/update/install", show: RemoteOptions.showMessage)
            }
        }
    }

    struct Automatic: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Whether newer versions are looked for once a day; they are never installed by themselves.")

        @Argument(help: "on or off.")
        var state: SwitchCommand.State
        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            let body = JSONValue.object(["automatic": .bool(state == .on)])
            try await report {
                try await remote.perform(.put, "/v1/update", .json(body), show: RemoteOptions.showMessage)
            }
        }
    }
}

struct CrashCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crash", abstract: "Reports of crashes: what they say, and whether they are sent.",
        subcommands: [List.self, Show.self, Delete.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the reports that are kept.")

        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                try await remote.perform(.get, "/v1/crash-reports") { answer in
                    for entry in answer["reports"].list ?? [] {
                        let fields = entry["fields"]
                        print("\(entry["id"].shown)  \(fields["appName"].shown) \(fields["appVersion"].shown)")
                    }
                    print("Reports are \(answer["sending"].shown).")
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a report: every field, as it would be sent.")

        @Argument(help: "The report's name, as 'pbxctl crash list' shows it.")
        var id: String
        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                let answer = JSONValue.parse(try await remote.client.send(.get, "/v1/crash-reports")) ?? .null
                guard let entry = answer["reports"].list?.first(where: { $0["id"].text == id }) else {
                    throw CommandFailure(.general, "no crash report \(id); see 'pbxctl crash list'")
                }
                if remote.json { return print(entry.line) }
                for (name, value) in (entry["fields"].object ?? [:]).sorted(by: { $0.key < $1.key }) {
                    print("\(name): \(value.shown)")
                }
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Delete a report without sending it.")

        @Argument(help: "The report's name.")
        var id: String
        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                try await remote.perform(.delete, "/v1/crash-reports/\(id)", show: RemoteOptions.showMessage)
            }
        }
    }
}

struct RemoteAccessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remote-access",
        abstract: "Let the Control Center configure this appliance for some hours, or end that at once.",
        subcommands: [Status.self, On.self, Off.self], defaultSubcommand: Status.self)

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show whether it is open, until when, and who is in.")

        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                try await remote.perform(.get, "/v1/remote-access") { status in
                    print("Remote access: \(status["state"].shown) (\(status["detail"].shown))")
                    if let until = status["until"].text { print("Until: \(until)") }
                    print("Sessions: \(status["sessions"].shown)")
                }
            }
        }
    }

    struct On: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Open it; it ends by itself.")

        @Option(help: "For so many hours, 168 at most.")
        var hours: Double = 4
        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            let body = JSONValue.object(["on": .bool(true), "hours": .number(hours)])
            try await report {
                try await remote.perform(.put, "/v1/remote-access", .json(body), show: RemoteOptions.showMessage)
            }
        }
    }

    struct Off: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End it at once: sessions are cut off.")

        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            let body = JSONValue.object(["on": .bool(false)])
            try await report {
                try await remote.perform(.put, "/v1/remote-access", .json(body), show: RemoteOptions.showMessage)
            }
        }
    }
}
