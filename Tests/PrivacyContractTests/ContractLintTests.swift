import Foundation
import PrivacyContract
import Testing

struct ContractLintTests {
    @Test func `the list of FLOWS section 6 follows from the data, no more and no less`() throws {
        let text = try String(contentsOf: repository.appending(path: "docs/FLOWS.md"), encoding: .utf8)
        let section = try #require(text.components(separatedBy: "\n## ").first { $0.hasPrefix("6.") })
        let listed = section.split(separator: "\n").compactMap { line -> String? in
            guard line.hasPrefix("| Q") else { return nil }
            return line.dropFirst(2).split(separator: " ").first.map { String($0) }
        }
        #expect(listed.count == 18)
        #expect(ContractLint().decisions.map(\.rawValue) == listed)
        #expect(DecisionID.allCases.map(\.rawValue) == listed)
    }

    @Test func `nothing is left open, and no decision is idle`() {
        let lint = ContractLint()
        #expect(lint.open.isEmpty, "\(lint.open)")
        #expect(lint.idleDecisions.isEmpty)
    }

    @Test func `what needs no decision has a reason`() {
        let accepted = ContractLint().findings.compactMap { finding -> String? in
            guard case .accepted(let reason)? = finding.resolution else { return nil }
            #expect(reason.count > 20)
            return "\(finding.rule.rawValue) \(finding.subject)"
        }
        #expect(accepted == ["row-without-switch F-C4", "row-without-switch F-S3"])
    }

    @Test(arguments: DecisionID.allCases)
    func `a question is asked only while the sentences raise it`(decision: DecisionID) {
        // Without the sentences that a question names, nobody asks it: it comes from the data, not from a list.
        let asked = ContractLint().findings.filter { $0.resolution == .decided(decision) }
        #expect(!asked.isEmpty)
        #expect(asked.allSatisfy { !$0.clauses.isEmpty }, "each question names its sentences")
        let places = Set(asked.flatMap(\.clauses))
        let others = ContractLint(
            statements: Contract.statements.filter { !places.contains($0.clause) },
            flows: Contract.flows.filter { $0.id != .s10 })
        #expect(!others.decisions.contains(decision))
    }

    @Test(arguments: DecisionID.allCases)
    func `without its decision a question is open`(decision: DecisionID) {
        let lint = ContractLint(resolutions: Contract.resolutions.filter { $0.outcome != .decided(decision) })
        #expect(!lint.open.isEmpty)
        #expect(lint.idleDecisions == [decision])
    }

    @Test func `a sentence that says more settles the question`() {
        let settled: [(Claim, Claim, DecisionID)] = [
            (.checks(.confirmationCode, []), .checks(.confirmationCode, ["serial", "expiry"]), .q1),
            (.makesAccount(.pairingUser, rights: []), .makesAccount(.pairingUser, rights: ["read the state"]), .q4),
            (
                .erases([.confirmationCode, .pairingUser], at: nil),
                .erases([.confirmationCode, .pairingUser], at: .appliance), .q6
            ),
            (.holds(.backup, nil), .holds(.backup, ["users", "groups"]), .q11),
            (.refers([.backup, .backupPassword]), .refers([.backupPassword]), .q10),
            (.keeps(.location, at: .relay, nil), .keeps(.location, at: .relay, .untilReplaced), .q21),
            (.serves(.relay, .mobile), .serves(.relay, .all), .q17),
        ]
        for (vague, clear, decision) in settled {
            let statements = Contract.statements.map { statement in
                statement.claim == vague ? PolicyStatement(statement.clause, clear) : statement
            }
            #expect(statements != Contract.statements)
            #expect(ContractLint(statements: statements).idleDecisions == [decision])
        }
    }

    @Test func `a new contradiction is open until somebody decides it`() {
        let place = Clause.cc(.use, 9, 9)
        let added: [(Claim, LintFinding.Rule)] = [
            (.keeps(.pushDiagnostics, at: .push, .months(1)), .twoClocks),
            (.keeps(.monitoringValues, at: .monitoring, nil), .storedWithoutClock),
            (.holds(.monitoringValues, nil), .unspecifiedContent),
            (.sends(.serial, [.browser, .appStore]), .twoRecipients),
            (.sends(.adminSession, [.remoteAccess, .appliance]), .nobodyDials),
            (.secures(Hop(.push, .googlePush), certificateOf: .relay), .foreignCertificate),
            (.means("call data", .pushDiagnostics), .twoMeanings),
        ]
        for (claim, rule) in added {
            let lint = ContractLint(statements: Contract.statements + [PolicyStatement(place, claim)])
            #expect(lint.open.contains { $0.rule == rule && $0.clauses.contains(place) }, "\(rule)")
        }
    }

    @Test func `a row that is wrong is found`() throws {
        func rules(_ change: (inout Flow) -> Void, of id: FlowID = .c5) throws -> Set<LintFinding.Rule> {
            var flows = Contract.flows
            let index = try #require(flows.firstIndex { $0.id == id })
            change(&flows[index])
            return Set(ContractLint(flows: flows).open.map(\.rule))
        }
        #expect(try rules { $0.switches = [] } == [.rowWithoutSwitch])
        #expect(try rules { $0.switches = [.monitoring] } == [.brokenDependency])
        #expect(try rules { $0.clauses = [] } == [.rowWithoutClause])
        #expect(try rules { $0.fields = [] } == [.incompleteRow])
        #expect(try rules { $0.recipient = nil } == [.incompleteRow])
        #expect(try rules { $0.triggers = [] } == [.incompleteRow])
        #expect(try rules { $0.recipient = .crash } == [.rowWithoutCountry])
        #expect(try rules { $0.retention = nil } == [.idlePromise])
        #expect(try rules({ $0.id = .c6 }) == [.duplicateRow])
        #expect(try rules({ $0.retention = nil }, of: .s4) == [.idlePromise, .rowWithoutClock])
        #expect(try rules { $0.droppedWhenStrict = [.caller] } == [.undeclaredStrictField])
        let promises = Contract.retention.filter { $0.id != .r11 }
        #expect(ContractLint(promises: promises).open.map(\.rule) == [.rowWithoutClock])
    }
}

/// The root of the sources.
let repository = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent()
