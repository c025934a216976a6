import Foundation
import Primitives
import Testing

@Suite struct LimitsTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private struct Row {
        var name: String
        var value: String
        var test: String
    }

    private static func rows() throws -> [Row] {
        let text = try String(contentsOf: root.appendingPathComponent("docs/features/LIMITS.md"), encoding: .utf8)
        return text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            return Row(name: cells[0].filter { $0 != "`" }, value: cells[1], test: cells[2])
        }
    }

    @Test func `the list of limits names every limit with its value, in order`() throws {
        let limits = Mirror(reflecting: Limits()).children.map { ($0.label ?? "", "\($0.value)") }
        let rows = try Self.rows()
        #expect(rows.map(\.name) == limits.map(\.0))
        for (row, limit) in zip(rows, limits) { #expect(row.value == limit.1, "\(row.name)") }
    }

    /// Limits that no test reaches may become fewer, not more.
    @Test func `every test that the list names is there`() throws {
        let rows = try Self.rows()
        let unreached = rows.filter { $0.test == "none yet" }
        for row in unreached { print("NO TEST REACHES \(row.name)") }
        #expect(unreached.count <= 1)
        for row in rows where row.test != "none yet" {
            let parts = row.test.split(separator: "`: ", maxSplits: 1).map(String.init)
            let file = try #require(parts.first).filter { $0 != "`" }
            let source = try String(
                contentsOf: Self.root.appendingPathComponent("Tests").appendingPathComponent(file), encoding: .utf8)
            #expect(source.contains("func `\(parts.last ?? "")`"), "\(row.name): \(row.test)")
        }
    }
}
