import Foundation
import PrivacyContract
import Simulation
import Testing

/// docs/PRIVACY.md: what stands between its markers is made here, from the contract and from what the simulator captured, and
/// compared. After a change: `PBX_WRITE_DOCS=1 swift test --filter PrivacyDocumentTests` writes it anew.
struct PrivacyDocumentTests {
    private static let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let document = root.appending(path: "docs/PRIVACY.md")

    /// Which test shows that the flow works against the vendor cloud's own code: target and sentence.
    private static let works: [FlowID: (target: String, test: String)] = [
        .c1: ("CloudCoreTests", "adding an appliance makes an offer whose hash is that of the code shown"),
        .c2: ("CloudCoreTests", "an offer is delivered again and again, more slowly, until it is taken"),
        .c3: ("SimulationTests", "with its switches on a flow works against the cloud"),
        .c4: ("SimulationTests", "with its switches on a flow works against the cloud"),
        .c5: ("SimulationTests", "with its switches on a flow works against the cloud"),
        .c6: ("SimulationTests", "with its switches on a flow works against the cloud"),
        .c7: ("SimulationTests", "with its switches on a flow works against the cloud"),
        .c8: ("SimulationTests", "with its switches on a flow works against the cloud"),
        .c9: (
            "VendorCloudTests",
            "a backup goes up whole, is listed, fetched by its owner and the Control Center, and deleted"
        ),
        .c13: ("SimulationTests", "with its switches on a flow works against the cloud"),
        .s3: ("SimulationTests", "with its switches on a flow works against the cloud"),
        .s4: (
            "ProvisioningTests", "a stranger gets nothing but a line in the log, anonymised when written"
        ),
        .s5: ("SimulationTests", "with its switches on a flow works against the cloud"),
        .c10: ("SimulationTests", "with its switches on a flow works against the cloud"),
        .c11: ("VendorCloudTests", "add, offer, register, poll, call data, revoke"),
        .s2: ("SimulationTests", "with its switches on a flow works against the cloud"),
        .s10: ("SimulationTests", "with its switches on a flow works against the cloud"),
        .s6: (
            "VendorCloudTests", "a client of the public port talks TLS with the appliance through the relay"
        ),
    ]

    @Test func `the tables are those of the contract and of what was captured`() throws {
        let captures = try FlowProof.capture(seed: 7)
        let parts = [
            ("flows", flowTable(captures)), ("retention", retentionTable), ("questions", questionTable),
        ]
        var text = try String(contentsOf: Self.document, encoding: .utf8)
        let isWriting = ProcessInfo.processInfo.environment["PBX_WRITE_DOCS"] != nil
        for (name, table) in parts {
            let begin = try #require(text.range(of: "<!-- generated: \(name) -->\n"))
            let end = try #require(text.range(of: "<!-- end: \(name) -->"))
            if isWriting {
                text.replaceSubrange(begin.upperBound..<end.lowerBound, with: table)
            } else {
                #expect(
                    String(text[begin.upperBound..<end.lowerBound]) == table,
                    "docs/PRIVACY.md is out of date: PBX_WRITE_DOCS=1 swift test --filter PrivacyDocumentTests")
            }
        }
        if isWriting { try text.write(to: Self.document, atomically: true, encoding: .utf8) }
    }

    @Test(arguments: works.map { ($0.value.target, $0.value.test) })
    func `the tests that the table names exist`(target: String, test: String) throws {
        let folder = Self.root.appending(path: "Tests/\(target)")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let isThere = try files.contains {
            try $0.pathExtension == "swift" && String(contentsOf: $0, encoding: .utf8).contains("func `\(test)`")
        }
        #expect(isThere, "no test of \(target) is called '\(test)'")
    }

    // MARK: Tables

    private func flowTable(_ captures: [FlowCapture]) -> String {
        var lines = [
            "| flow | what | to | works against the cloud | fields on the wire | off switch tried | clause | decided by |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for flow in Contract.flows {
            let capture = captures.first { $0.flow == flow.id }
            let cells = [
                flow.id.rawValue, flow.title, recipient(flow), worksCell(flow), fieldsCell(flow, capture),
                offCell(flow, capture), flow.clauses.map(\.short).joined(separator: "; "),
                flow.decisions.map(\.rawValue).joined(separator: " "),
            ]
            lines.append("| " + cells.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func recipient(_ flow: Flow) -> String {
        guard let party = flow.recipient?.party else { return "-" }
        let via = flow.via.map(\.rawValue).joined(separator: ", ")
        return place(party) + (via.isEmpty ? "" : " via \(via)")
            + (flow.onward.isEmpty ? "" : ", on to " + flow.onward.map(place).joined(separator: ", "))
    }

    private func place(_ party: Party) -> String {
        party.isServer ? "\(party.rawValue) (\(party.country?.rawValue ?? "no country"))" : party.rawValue
    }

    private func worksCell(_ flow: Flow) -> String {
        if flow.direction == .sent, !flow.isImplemented { return "**no code sends it**" }
        guard let proof = Self.works[flow.id] else {
            return flow.basis == .none ? "denied: not ours" : "not the appliance's; no test here"
        }
        return "\(proof.target): \(proof.test)"
    }

    private func fieldsCell(_ flow: Flow, _ capture: FlowCapture?) -> String {
        let declared = flow.fields.count
        guard let capture else {
            if flow.id == .s6 { return "users' own data, passed on unread" }
            return flow.direction == .sent ? "\(declared) declared" : declared == 0 ? "-" : "\(declared) declared"
        }
        return capture.fields == flow.fields.sorted()
            ? "\(declared) of \(declared), captured"
            : "**DIFFER**: \(capture.fields.map(\.rawValue).joined(separator: ", "))"
    }

    private func offCell(_ flow: Flow, _ capture: FlowCapture?) -> String {
        let names = flow.switches.map(\.rawValue).joined(separator: ", ")
        if names.isEmpty { return flow.direction == .sent ? "none (see the questions)" : "-" }
        guard let bytes = capture?.bytesWhenOff else { return names }
        return bytes == 0 ? "\(names): zero bytes each" : "\(names): **\(bytes) BYTES**"
    }

    private var retentionTable: String {
        var lines = ["| id | what | how long | flows | clause |", "| --- | --- | --- | --- | --- |"]
        for promise in Contract.retention {
            let flows = Contract.flows.filter { $0.retention == promise.id }.map(\.id.rawValue).joined(separator: " ")
            let places = promise.clauses.map(\.short).joined(separator: "; ")
            lines.append(
                "| \(promise.id.rawValue) | \(promise.datum) | \(promise.clock.text) | \(flows) | \(places) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var questionTable: String {
        var lines = ["| decided by | question | about | clause |", "| --- | --- | --- | --- |"]
        for finding in ContractLint().findings {
            let answer =
                switch finding.resolution {
                case .decided(let id)?: "\(id.rawValue): \(id.text)"
                case .accepted(let reason)?: "accepted: \(reason)"
                case nil: "**OPEN**"
                }
            let places = finding.clauses.map(\.short).joined(separator: "; ")
            lines.append(
                "| \(answer) | \(finding.rule.rawValue): \(finding.text) | \(finding.subject) | \(places) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
