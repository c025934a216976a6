import ArgumentParser
import PrivacyContract
import Vectors

struct Privacy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What may leave the appliance: the contract, its switches as they stand, and what is unclear in it.",
        subcommands: [Show.self, Lint.self], defaultSubcommand: Show.self)

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Each flow with recipient, fields, trigger, retention, clause, decision and its switches as they stand.",
            discussion: "A clause is the place of a sentence in both policies: heading, paragraph.sentence.")

        @Argument(help: ArgumentHelp("Only this flow, F-C5 for example.", valueName: "flow"))
        var flow: String?
        @OptionGroup var remote: RemoteOptions

        func run() async throws {
            try await report {
                guard !remote.json else {
                    return try await remote.perform(.get, "/v1/privacy") { _ in }
                }
                let privacy = JSONValue.parse(try await remote.client.send(.get, "/v1/privacy")) ?? .null
                let status = JSONValue.parse(try await remote.client.send(.get, "/v1/status")) ?? .null
                let rows = Contract.flows.filter { flow == nil || $0.id.rawValue == flow?.uppercased() }
                guard !rows.isEmpty else { throw CommandFailure(.usage, "the contract has no flow \(flow ?? "")") }
                let switches = status["switches"].object ?? [:]
                let states = (privacy["flows"].list ?? []).reduce(into: [String: JSONValue]()) {
                    $0[$1["flow"].shown] = $1
                }
                print(strict(privacy["strict"]) + "\n")
                for row in rows { print(Self.text(row, states[row.id.rawValue] ?? .null, switches) + "\n") }
            }
        }

        private func strict(_ value: JSONValue) -> String {
            value == .bool(true)
                ? "Strict mode is on: no server without a country, no numbers in push diagnostics."
                : "Strict mode is off ('privacy: {strict: true}' switches it on)."
        }

        private static func text(_ flow: Flow, _ state: JSONValue, _ switches: [String: JSONValue]) -> String {
            var lines = ["\(flow.id.rawValue)  \(word(flow, state))  \(flow.title)"]
            func add(_ name: String, _ text: String) {
                if !text.isEmpty { lines.append("    " + name + String(repeating: " ", count: 12 - name.count) + text) }
            }
            add("to", [flow.recipient?.party].compactMap { $0 }.map(place).joined())
            add("through", flow.via.map { place($0.party) }.joined(separator: ", "))
            add("passed on", flow.onward.map(place).joined(separator: ", "))
            add("fields", flow.fields.map(\.rawValue).joined(separator: ", "))
            add("not strict", flow.droppedWhenStrict.map(\.rawValue).joined(separator: ", "))
            add("when", flow.triggers.map(\.rawValue).joined(separator: ", "))
            let stands = flow.switches.map { "\($0.rawValue) \(switches[$0.rawValue] == .bool(true) ? "on" : "off")" }
            add("switches", stands.isEmpty ? (flow.direction == .sent ? "none" : "") : stands.joined(separator: ", "))
            if let promise = flow.retention.flatMap(Contract.promise) {
                add("kept", "\(promise.id.rawValue), \(promise.datum): \(promise.clock.text)")
            }
            let places = flow.clauses.map(\.short).joined(separator: "; ")
            switch flow.basis {
            case .clause: add("clause", places)
            case .assumption(let reason): add("assumed", "\(reason); \(places)")
            case .incompleteClause(let missing): add("clause", "\(places); \(missing)")
            case .none: add("denied", "no clause makes it the appliance's; \(places)")
            }
            add("decisions", flow.decisions.map(\.rawValue).joined(separator: ", "))
            return lines.joined(separator: "\n")
        }

        private static func place(_ party: Party) -> String {
            guard party.isServer else { return party.rawValue }
            return "\(party.rawValue) (\(party.country?.rawValue ?? "country not known"))"
        }

        private static func word(_ flow: Flow, _ state: JSONValue) -> String {
            switch flow.direction {
            case .elsewhere: return "not ours"
            case .received: return "received"
            case .kept: return "kept here"
            case .sent: break
            }
            if state["isImplemented"] == .bool(false) { return "absent" }
            if state["isBlocked"] == .bool(true) { return "blocked" }
            return state["isOn"] == .bool(true) ? "on" : "off"
        }
    }

    struct Lint: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what the policies leave open or contradict, and how each question was decided.",
            discussion: "Needs no appliance. Exit status 1 when a question has no decision, or a decision no question.")

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws {
            let lint = ContractLint()
            for finding in lint.findings {
                print(json ? Self.json(finding).line : Self.text(finding))
            }
            let open = lint.open.count
            for id in lint.idleDecisions { Terminal.error("pbxctl: decision \(id.rawValue) answers nothing") }
            if open > 0 { Terminal.error("pbxctl: \(open) questions have no decision") }
            guard open == 0, lint.idleDecisions.isEmpty else { throw ExitCode(CommandFailure.Kind.general.rawValue) }
        }

        private static func text(_ finding: LintFinding) -> String {
            let answer =
                switch finding.resolution {
                case .decided(let id)?: "-> " + id.text
                case .accepted(let reason)?: "-> " + reason
                case nil: "-> nobody has decided"
                }
            return "\(finding)\n    \(finding.clauses.map(\.short).joined(separator: "; "))\n    \(answer)"
        }

        private static func json(_ finding: LintFinding) -> JSONValue {
            var fields: [String: JSONValue] = [
                "rule": .text(finding.rule.rawValue), "subject": .text(finding.subject), "text": .text(finding.text),
                "clauses": .list(finding.clauses.map { .text($0.description) }),
            ]
            switch finding.resolution {
            case .decided(let id)?: fields["decision"] = .text(id.rawValue)
            case .accepted(let reason)?: fields["accepted"] = .text(reason)
            case nil: break
            }
            return .object(fields)
        }
    }
}
