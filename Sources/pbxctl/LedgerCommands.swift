import ArgumentParser
import OpenSSLCrypto
import Persistence
import Primitives
import PrivacyContract
import Vectors

struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger",
        abstract: "The owner's ledger: what left the appliance, to whom, which fields, how much.",
        subcommands: [Show.self, Verify.self], defaultSubcommand: Show.self)

    static func entries(after cursor: UInt64, _ remote: RemoteOptions) async throws -> [JSONValue] {
        try await remote.pages("/v1/ledger", "entries", after: cursor, cursorOf: "sequence")
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "List the entries.")

        @Option(help: "Only entries after this one.")
        var after: UInt64 = 0
        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                remote.show(try await LedgerCommand.entries(after: after, remote)) { entries in
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
            abstract: "Compute the hash chain anew, here, and say whether the ledger is what was written.")

        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                let entries = try await LedgerCommand.entries(after: 0, remote).map(LedgerEntry.init)
                if let damage = Ledger.verify(entries, hashes: OpenSSLHashes()) {
                    if remote.json { print(JSONValue.object(["ok": .bool(false), "damage": .text("\(damage)")]).line) }
                    throw CommandFailure(.general, "\(damage)")
                }
                let head = Hex.encode(entries.last?.hash ?? Ledger.genesis)
                if remote.json {
                    let verdict: [String: JSONValue] = [
                        "ok": .bool(true), "entries": .integer(entries.count), "head": .text(head),
                    ]
                    print(JSONValue.object(verdict).line)
                } else {
                    let count = entries.count == 1 ? "1 entry" : "\(entries.count) entries"
                    print("The ledger holds: \(count), the last hash is \(head).")
                    print("Keep this hash elsewhere; with it you can tell later that nothing before it was changed.")
                }
            }
        }
    }
}

extension LedgerEntry {
    /// An entry from the appliance's JSON; throws when something is missing that the hash covers.
    fileprivate init(_ value: JSONValue) throws {
        guard let sequence = value["sequence"].cursor, let milliseconds = value["timeMilliseconds"].integer,
            let flow = value["flow"].text.flatMap(FlowID.init),
            let recipient = value["recipient"].text.flatMap(Recipient.init),
            let fields = value.first(of: ["fields", "fieldNames"]).list, let bytes = value["bytes"].integer,
            let result = value["result"].text, let hash = value["hash"].text.flatMap({ Hex.decode($0) })
        else {
            throw CommandFailure(
                .general, "ledger entry \(value["sequence"].shown) cannot be read; pbxctl and pbxd differ in version")
        }
        let time = UnixTime(milliseconds: Int64(milliseconds))
        // What people read has to be what the hash covers.
        guard value["time"].text.map({ $0 == time.rfc3339 }) ?? true else {
            throw CommandFailure(.general, "the two times of ledger entry \(sequence) differ; it was changed")
        }
        self.init(
            sequence: sequence, time: time, flow: flow, recipient: recipient,
            fieldNames: fields.compactMap(\.text).map { FieldName($0) }, bytes: Int64(bytes), result: result, hash: hash
        )
    }
}
