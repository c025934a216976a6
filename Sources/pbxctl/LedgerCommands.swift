import ArgumentParser
import HALLinux
import OpenSSLCrypto
import Persistence
import Primitives
import PrivacyContract
import Vectors

struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger",
        abstract: "The owner's ledger: what left the appliance, to whom, which fields, how much.",
        subcommands: [Show.self, Verify.self, Export.self, Answer.self], defaultSubcommand: Show.self)

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "List the entries.")

        @Option(help: "Only entries after this one.")
        var after: UInt64 = 0
        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                remote.show(
                    try await remote.pages(
                        "/v1/ledger", "entries", after: after, cursorOf: "sequence")
                ) { entries in
                    var table = Table("Entry", "Time", "Flow", "Recipient", "Bytes", "Result", "Fields")
                    for entry in entries {
                        table.add(
                            entry["sequence"].shown, entry["time"].shown, entry["flow"].shown, entry["recipient"].shown,
                            entry["bytes"].shown, entry["result"].shown,
                            entry.first(of: ["fields", "fieldNames"]).shown)
                    }
                    return table.text(absent: "The ledger is empty: nothing has left the appliance.")
                }
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Compute the hash chain anew, here, check the device's signatures, and say whether all is as written."
        )

        @OptionGroup var source: LedgerSource

        func run() async throws {
            try await report {
                let json = source.remote.json
                let ledger = try await source.read()
                let verdict: LedgerVerdict
                do throws(LedgerDamage) { verdict = try source.judge(ledger) } catch {
                    if json { print(JSONValue.object(["ok": .bool(false), "damage": .text("\(error)")]).line) }
                    throw CommandFailure(.general, "\(error)")
                }
                print(json ? Self.json(verdict).line : Self.text(verdict, isTrusted: source.root != nil))
            }
        }

        private static func json(_ verdict: LedgerVerdict) -> JSONValue {
            .object([
                "ok": .bool(true), "entries": .integer(verdict.entryCount), "head": .text(Hex.encode(verdict.head)),
                "bytes": .integer(Int(verdict.byteCount)), "signedThrough": .integer(Int(verdict.signedThrough)),
                "signers": .list(verdict.signers.map { .text($0) }),
            ])
        }

        private static func text(_ verdict: LedgerVerdict, isTrusted: Bool) -> String {
            let count = verdict.entryCount == 1 ? "1 entry" : "\(verdict.entryCount) entries"
            var lines = ["The ledger holds: \(count), the last hash is \(Hex.encode(verdict.head))."]
            if let signer = verdict.signers.first {
                lines.append("The key of device \(signer) signed it up to entry \(verdict.signedThrough).")
                if !isTrusted {
                    lines.append(
                        "Whose key that is, only its own certificate says; --root FILE checks it up to the vendor.")
                }
            } else {
                lines.append("No entry is signed yet: the device signs ten minutes after the first one.")
            }
            if verdict.signedThrough > 0, verdict.unsignedCount > 0 {
                lines.append("The latest \(verdict.unsignedCount) wait for the next signature.")
            }
            lines.append("Keep this hash elsewhere; with it you can tell later that nothing before it was changed.")
            return lines.joined(separator: "\n")
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the whole ledger with the device's signatures, one JSON object per line.",
            discussion: "What it writes can be verified elsewhere: pbxctl ledger verify --file FILE --root FILE.")

        @Option(help: ArgumentHelp("Where to write; standard output otherwise.", valueName: "file"))
        var output: String?
        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                let ledger = try await LedgerFile.read(from: remote)
                guard let output else { return print(ledger.text, terminator: "") }
                do { try PrivateFile.replace(output, with: Array(ledger.text.utf8)) } catch {
                    throw CommandFailure(.general, "\(error)")
                }
                print("\(ledger.entries.count) entries and \(ledger.checkpoints.count) signatures are in \(output)")
            }
        }
    }

    struct Answer: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Answer a request for access: what has left the appliance, in words, English or German.")

        @Option(help: ArgumentHelp("en or de.", valueName: "language"))
        var language = "en"
        @OptionGroup var source: LedgerSource

        func run() async throws {
            try await report {
                guard let language = Language(rawValue: language) else {
                    throw CommandFailure(.usage, "--language is en or de")
                }
                let ledger = try await source.read()
                do throws(LedgerDamage) {
                    let verdict = try source.judge(ledger)
                    let answer = LedgerAnswer(
                        entries: ledger.entries, verdict: verdict, serial: ledger.serial, language: language)
                    print(answer.text(at: SystemClock().wallTime()), terminator: "")
                } catch {
                    throw CommandFailure(.general, "no answer is made from a ledger that does not hold: \(error)")
                }
            }
        }
    }
}
