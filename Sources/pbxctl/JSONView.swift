import Vectors

/// Reading answers of the appliance without knowing all of their fields; what is missing shows as `-`.
extension JSONValue {
    subscript(_ name: String) -> JSONValue { object?[name] ?? .null }

    /// The first of these fields that is there: names differ between the appliance's and the vendor's records.
    func first(of names: [String]) -> JSONValue { names.lazy.map { self[$0] }.first { $0 != .null } ?? .null }

    /// A record with what is added to it, `{"record":{…},"quality":[…]}`, as one object.
    var flattened: JSONValue {
        guard let fields = object, let record = fields["record"]?.object else { return self }
        return .object(record.merging(fields.filter { $0.key != "record" }) { own, _ in own })
    }

    /// Decimal digits or a number.
    var cursor: UInt64? { text.flatMap { UInt64($0) } ?? integer.flatMap { UInt64(exactly: $0) } }

    /// For people.
    var shown: String {
        switch self {
        case .null: "-"
        case .bool(let flag): flag ? "yes" : "no"
        case .integer(let number): "\(number)"
        case .number(let number): Self.rounded(number)
        case .text(let text): text.isEmpty ? "-" : Self.printable(text)
        case .list(let values): values.map(\.shown).joined(separator: " ")
        case .object: line
        }
    }

    /// To hundredths.
    private static func rounded(_ number: Double) -> String {
        guard number.isFinite, abs(number) < 1e15 else { return "\(number)" }
        return "\((number * 100).rounded() / 100)"
    }

    /// Without control and formatting characters: names come from telephones, and must not steer the terminal.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}

/// Rows of text in columns.
struct Table {
    private let headings: [String]
    private var rows: [[String]] = []

    init(_ headings: String...) {
        self.headings = headings
    }

    mutating func add(_ cells: String...) { rows.append(cells) }

    /// Numbers stand to the right. `absent` when there are no rows.
    func text(absent: String) -> String {
        guard !rows.isEmpty else { return absent }
        let widths = headings.indices.map { column in
            ([headings] + rows).map { $0[column].count }.max() ?? 0
        }
        let isNumeric = headings.indices.map { column in
            rows.allSatisfy { row in row[column] == "-" || Double(row[column]) != nil }
        }
        return ([headings] + rows).map { row in
            let line = row.indices.map { column in
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                return isNumeric[column] ? padding + row[column] : row[column] + padding
            }.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}
