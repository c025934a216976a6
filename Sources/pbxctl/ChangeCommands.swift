import ArgumentParser
import OpenSSLCrypto
import PrivacyContract
import Vectors

extension Switch: ExpressibleByArgument {
    package init?(argument: String) { self.init(rawValue: argument) }
}

struct SwitchCommand: AsyncParsableCommand {
    enum State: String, ExpressibleByArgument, CaseIterable { case on, off }

    static let configuration = CommandConfiguration(
        commandName: "switch", abstract: "Switch a service on or off. A flow whose switch is off sends nothing.")

    @Argument(help: "One of: \(Switch.allCases.map(\.rawValue).joined(separator: ", ")).")
    var name: Switch
    @Argument(help: "on or off.")
    var state: State
    @OptionGroup var remote: RemoteOptions

    func run() async throws {
        let body = JSONValue.object(["on": .bool(state == .on)])
        try await report {
            try await remote.perform(
                .put, "/v1/switches/\(name.rawValue)", .json(body), show: RemoteOptions.showMessage)
        }
    }
}

struct Pair: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Confirm the pairing with the code that the Control Center shows.")

    @Option(help: "The code, as in XXXX-XXXX-XXXX; asked for when left out.")
    var code: String?
    @OptionGroup var remote: RemoteOptions

    func run() async throws {
        try await report {
            let typed = try code ?? Terminal.line(prompt: "Code shown in the Control Center: ")
            let body = JSONValue.object(["code": .text(typed)])
            try await remote.perform(.post, "/v1/pairing/code", .json(body), show: RemoteOptions.showMessage)
        }
    }
}

struct Provision: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a token with which a softphone fetches the configuration of an extension.")

    @Argument(help: "The user's extension.")
    var `extension`: String
    @OptionGroup var remote: RemoteOptions

    func run() async throws {
        let body = JSONValue.object(["extension": .text(`extension`)])
        try await report {
            try await remote.perform(.post, "/v1/provisioning/tokens", .json(body)) { answer in
                print("Token for extension \(answer["extension"].shown): \(answer["token"].shown)")
                if let path = answer["path"].text { print("Path on this appliance's HTTPS: \(path)") }
                print("It is shown only now; give it to the softphone of this user alone.")
            }
        }
    }
}

struct Resync: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask the registered telephones of an extension to fetch their configuration again.")

    @Argument(help: "The user's extension.")
    var `extension`: String
    @Flag(help: "They restart to do so.") var reboot = false
    @OptionGroup var remote: RemoteOptions

    func run() async throws {
        let body = JSONValue.object(["extension": .text(`extension`), "reboot": .bool(reboot)])
        try await report {
            try await remote.perform(.post, "/v1/telephones/resync", .json(body)) { print($0["message"].shown) }
        }
    }
}

struct Apply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Apply a configuration file (YAML), or show what it would change.")

    /// What the appliance takes.
    static let fileLimit = 1_048_576

    @Argument(help: "The file.")
    var file: String
    @Flag(help: "Change nothing, show the difference.")
    var dryRun = false
    @OptionGroup var remote: RemoteOptions

    func run() async throws {
        try await report {
            let yaml: [UInt8]
            do { yaml = try PrivateFile.read(file, limit: Self.fileLimit) } catch {
                throw CommandFailure(.general, "\(error)")
            }
            try await remote.perform(.put, "/v1/settings\(dryRun ? "?dry-run=1" : "")", .yaml(yaml)) { answer in
                let changes = answer["changes"].list ?? []
                for change in changes { print(change.shown) }
                switch (changes.isEmpty, dryRun) {
                case (true, _): print("Nothing \(dryRun ? "would change" : "changed").")
                case (false, true): print("\(changes.count) would change; nothing was applied.")
                case (false, false): print("\(changes.count) changed.")
                }
            }
        }
    }
}
