import ArgumentParser
import Vectors

struct Calls: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the running calls, how their legs sound, and who is not heard.",
        discussion: """
            Below the calls stands each leg: loss, jitter and opinion score (MOS, 1 to 4.5, calculated by ITU-T G.107) of what \
            comes from the party, then the same of what the party hears, as far as it reports.
            """)

    @OptionGroup var remote: RemoteOptions

    func run() async throws {
        try await report { remote.show(try await remote.entries("/v1/calls", "calls"), as: Self.text) }
    }

    private static func text(_ calls: [JSONValue]) -> String {
        var table = Table("Call", "From", "To", "State", "Codecs", "Seconds")
        var legs = LegTable("Call")
        var trouble: [String] = []
        for (index, call) in calls.enumerated() {
            let number = "\(index + 1)"
            table.add(
                number, call["caller"].shown, call["callee"].shown, call["state"].shown, call["codecs"].shown,
                call["seconds"].shown)
            for leg in call["legs"].list ?? [] { legs.add(leg, of: number) }
            trouble += (call["trouble"].list ?? []).map { "Call \(number): \($0.shown)." }
        }
        let parts = [table.text(absent: "No calls."), legs.text, trouble.joined(separator: "\n")]
        return parts.filter { !$0.isEmpty }.joined(separator: "\n\n")
    }
}

struct Records: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The records of past calls.", subcommands: [ListRecords.self, ExportRecords.self],
        defaultSubcommand: ListRecords.self)
}

/// `pbxctl records export`: the table for spreadsheets and billing.
struct ExportRecords: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Print the records of past calls as a table with commas (CSV, RFC 4180).")

    @Flag(help: "As a table with commas; there is no other form yet.")
    var csv = false
    @Option(help: "Only records after this one.")
    var after: UInt64 = 0
    @Option(help: "Hide so many last digits of the outside party's number, and its name.")
    var hideDigits = 0
    @OptionGroup var remote: RemoteOptions

    func validate() throws {
        guard (0...15).contains(hideDigits) else { throw ValidationError("--hide-digits is 0 to 15") }
    }

    func run() async throws {
        try await report {
            var cursor = after
            var isFirst = true
            while true {
                let path = "/v1/call-records.csv?after=\(cursor)&hide=\(hideDigits)"
                let page = String(decoding: try await remote.client.send(.get, path), as: UTF8.self)
                let lines = page.split(separator: "\r\n")
                for line in lines.dropFirst(isFirst ? 0 : 1) { print(line, terminator: "\r\n") }
                isFirst = false
                guard lines.count > 1, let last = lines.last else { return }
                guard let next = UInt64(last.prefix { $0 != "," }), next > cursor else {
                    throw CommandFailure(
                        .general, "the appliance's answer has no order; pbxctl and pbxd differ in version")
                }
                cursor = next
            }
        }
    }
}

struct ListRecords: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the records of past calls, with how their legs sounded.")

    @Option(help: "Only records after this one.")
    var after: UInt64 = 0
    @Flag(help: "Show each leg with all that was measured, and what kept a party from being heard.")
    var legs = false
    @OptionGroup var remote: RemoteOptions

    func run() async throws {
        try await report {
            let records = try await remote.pages(
                "/v1/call-records", "records", after: after, cursorOf: "CallDataId", "callDataID", "callDataId")
            remote.show(records) { records in
                [Self.table(records), legs ? Self.legs(records) : ""].filter { !$0.isEmpty }.joined(separator: "\n\n")
            }
        }
    }

    private static func number(of record: JSONValue) -> String {
        record.first(of: ["CallDataId", "callDataID", "callDataId"]).shown
    }

    private static func table(_ records: [JSONValue]) -> String {
        var table = Table("Record", "Start", "Direction", "User", "With", "Seconds", "Success", "Media")
        for record in records {
            let other = record.first(of: ["connectedUserNumber", "externalPhoneNumber"])
            let partner = other.text?.isEmpty == false ? other : record["externalPhoneNumber"]
            let media = (record["quality"].list ?? []).map { leg in
                "\(leg["codec"].shown) lost \(leg["packetsLost"].shown)/\(leg["packetsReceived"].shown)"
                    + " jitter \(leg["jitterMilliseconds"].shown) ms MOS \(leg["mosReceived"].shown)"
                    + (leg["trouble"] == .null ? "" : " (unheard)")
            }
            table.add(
                number(of: record), record["startDate"].shown,
                record["direction"].shown, record["userNumber"].shown, partner.shown,
                record.first(of: ["length", "lengthSeconds"]).shown, record["success"].shown,
                media.isEmpty ? "-" : media.joined(separator: "; "))
        }
        return table.text(absent: "No call records.")
    }

    private static func legs(_ records: [JSONValue]) -> String {
        var table = LegTable("Record")
        var trouble: [String] = []
        for record in records {
            for leg in record["quality"].list ?? [] {
                table.add(leg, of: number(of: record))
                guard let what = leg["trouble"].text else { continue }
                let isOver = ["heard", "held"].contains(leg["audioPath"].text)
                trouble.append(
                    "Record \(number(of: record)): \(leg["party"].shown) \(isOver ? "was for a time" : "was") not heard:"
                        + " it \(what).")
            }
        }
        return [table.text, trouble.joined(separator: "\n")].filter { !$0.isEmpty }.joined(separator: "\n\n")
    }
}

/// Legs of calls with what was measured of them.
private struct LegTable {
    private var table: Table
    private var isEmpty = true

    init(_ owner: String) {
        table = Table(
            owner, "Leg", "Codec", "Received", "Loss %", "Late", "Jitter ms", "Round trip ms", "MOS", "Hears loss %",
            "Late %", "Jitter ms", "MOS", "Audio")
    }

    mutating func add(_ leg: JSONValue, of owner: String) {
        isEmpty = false
        table.add(
            owner, leg["party"].shown, leg["codec"].shown, leg["packetsReceived"].shown, leg["lossPercent"].shown,
            leg["packetsDiscarded"].shown,
            leg["jitterMilliseconds"].shown, leg["roundTripMilliseconds"].shown, leg["mosReceived"].shown,
            leg["peerLossPercent"].shown, leg["peerDiscardPercent"].shown, leg["peerJitterMilliseconds"].shown,
            leg["mosSent"].shown,
            leg["audioPath"].shown)
    }

    /// Empty without legs.
    var text: String { isEmpty ? "" : table.text(absent: "") }
}
