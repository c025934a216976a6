import ArgumentParser
import Vectors

extension BackupCommand {
    struct Prove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Decrypt a backup and restore it into a scratch copy that tests itself: only then it is green.",
            discussion: "Nothing is changed. The password is asked for: whoever types it knows it still.")

        @Argument(help: "The id of a backup; without it the newest one.")
        var id: String?
        @Option(help: "Read the backup's password from this file instead of asking.")
        var passwordFile: String?
        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                let password = try Terminal.password(file: passwordFile, prompt: "Password of the backup: ")
                var fields: [String: JSONValue] = ["password": .text(password)]
                if let id { fields["id"] = .text(id) }
                let body = JSONValue.object(fields)
                let bytes = try await Terminal.whileShowing(
                    "Fetching, decrypting and rehearsing", on: ApplianceClient.eventLoop
                ) {
                    try await remote.client.send(.post, "/v1/backups/proof", .json(body))
                }
                if remote.json {
                    print(String(decoding: bytes, as: UTF8.self))
                } else {
                    RemoteOptions.showMessage(JSONValue.parse(bytes) ?? .null)
                }
            }
        }
    }

    struct Plan: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show or change the schedule, what a backup holds, and when the password is asked for again.")

        @Option(help: "Make a backup every so many hours, counted from now; 0: none by itself.")
        var everyHours: Int?
        @Option(help: "What a backup holds, separated by commas: configuration, call-history.")
        var parts: String?
        @Option(help: "Ask for the password again after so many days; 0: never.")
        var reminderDays: Int?
        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                var fields: [String: JSONValue] = [:]
                if let everyHours { fields["everyHours"] = .integer(everyHours) }
                if let parts {
                    fields["parts"] = .list(parts.split(separator: ",").map { .text(String($0)) })
                }
                if let reminderDays { fields["reminderDays"] = .integer(reminderDays) }
                if fields.isEmpty {
                    try await remote.perform(.get, "/v1/backup/plan", show: Self.show)
                } else {
                    try await remote.perform(.put, "/v1/backup/plan", .json(.object(fields)), show: Self.show)
                }
            }
        }

        private static func show(_ plan: JSONValue) {
            if plan["everyHours"] == .null {
                print("Schedule: none")
            } else {
                print(
                    "Schedule: every \(plan["everyHours"].shown) h since \(plan["since"].shown), next \(plan["next"].shown)"
                )
            }
            print("Parts: \(plan["parts"].shown)")
            print(
                "Password: last typed \(plan["passwordSeenAt"].shown), asked for after \(plan["reminderDays"].shown) days"
            )
            if let reminder = plan["reminder"].text { print("Now: \(reminder)") }
        }
    }

    struct Sheet: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the recovery sheet: the encrypted key as a QR code and as lines to type.")

        @Option(help: "en or de.")
        var language = "en"
        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                let path = "/v1/backup/sheet?language=\(language == "de" ? "de" : "en")"
                print(String(decoding: try await remote.client.send(.get, path), as: UTF8.self))
            }
        }
    }
}
