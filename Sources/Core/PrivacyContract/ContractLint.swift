/// Looks for what is unclear in the policies or contradicts itself in them, and for what is wrong in the contract made of
/// them. Every question that it finds has a decision, or a reason why none is needed; `open` are those that have neither.
package struct ContractLint: Sendable {
    private let statements: [PolicyStatement]
    private let flows: [Flow]
    private let promises: [RetentionPromise]
    private let resolutions: [LintResolution]

    package init(
        statements: [PolicyStatement] = Contract.statements, flows: [Flow] = Contract.flows,
        promises: [RetentionPromise] = Contract.retention, resolutions: [LintResolution] = Contract.resolutions
    ) {
        self.statements = statements
        self.flows = flows
        self.promises = promises
        self.resolutions = resolutions
    }

    /// Everything found, policies first, in the order of the rules and of the sentences.
    package var findings: [LintFinding] {
        let found =
            unclearWords + unclearActs + clocks + paths + servers
            + ContractRows(flows: flows, promises: promises).findings
        return found.map { finding in
            var finding = finding
            finding.resolution = resolutions.first { $0.settles(finding) }?.outcome
            return finding
        }
    }

    /// What nobody has decided.
    package var open: [LintFinding] { findings.filter { $0.resolution == nil } }

    /// Decisions that settle nothing of what was found: they should not be there.
    package var idleDecisions: [DecisionID] {
        let used = Set(decisions)
        return DecisionID.allCases.filter { !used.contains($0) }
    }

    /// The decisions that the findings call for, each once, in the order of their ids: the list of FLOWS.md section 6.
    package var decisions: [DecisionID] {
        let used = findings.compactMap { finding in
            if case .decided(let id)? = finding.resolution { id } else { nil }
        }
        return DecisionID.allCases.filter { used.contains($0) }
    }

    // MARK: Words

    private var unclearWords: [LintFinding] {
        var found: [LintFinding] = []
        for statement in statements {
            switch statement.claim {
            case .refers(let candidates) where candidates.count > 1:
                let names = candidates.map(\.rawValue).joined(separator: " or ")
                found.append(LintFinding(.ambiguousWord, candidates[0].rawValue, "'it' may be \(names)", [statement]))
            case .holds(let datum, nil):
                found.append(
                    LintFinding(.unspecifiedContent, datum.rawValue, "nothing says what is in it", [statement]))
            case .anonymises(let datum, nil):
                found.append(LintFinding(.unspecifiedMethod, datum.rawValue, "anonymised, but not how", [statement]))
            default: break
            }
        }
        let words = statements.compactMap { statement in
            if case .means(let word, let datum) = statement.claim { (word, datum, statement) } else { nil }
        }
        for (index, first) in words.enumerated() {
            for second in words[(index + 1)...] where second.0 == first.0 && second.1 != first.1 {
                let data = [first.1, second.1].map(\.rawValue).sorted().joined(separator: " or ")
                let text = "means the one here and the other there"
                found.append(LintFinding(.twoMeanings, "\(first.0): \(data)", text, [first.2, second.2]))
            }
        }
        return found
    }

    // MARK: Acts

    private var unclearActs: [LintFinding] {
        var found: [LintFinding] = []
        for statement in statements {
            switch statement.claim {
            case .checks(let datum, let criteria) where criteria.isEmpty:
                found.append(
                    LintFinding(.checkWithoutCriteria, datum.rawValue, "checked, but not for what", [statement]))
            case .makesAccount(let datum, let rights) where rights.isEmpty:
                found.append(
                    LintFinding(.accountWithoutRights, datum.rawValue, "nothing says what it may do", [statement]))
            case .erases(let data, nil):
                for datum in data where holders(of: datum).count > 1 {
                    let names = holders(of: datum).map(\.rawValue).joined(separator: " and ")
                    let text = "erased, but \(names) hold it and nothing says where, or whether one waits for the other"
                    found.append(LintFinding(.erasureWithoutPlace, datum.rawValue, text, [statement]))
                }
            case .switchesOff(let off, let stopped): found += flowsOutOfScope(of: off, stopped, statement)
            default: break
            }
        }
        return found
    }

    /// Both ends of every way that the datum takes.
    private func holders(of datum: Datum) -> [Party] {
        let ends = sent.filter { $0.datum == datum }.flatMap { [$0.path.first, $0.path.last].compactMap { $0 } }
        return Party.allCases.filter { ends.contains($0) }
    }

    /// Flows that are used through the party that a switch turns off, and of which its sentence says nothing.
    private func flowsOutOfScope(of off: Switch, _ stopped: [FlowID], _ statement: PolicyStatement) -> [LintFinding] {
        statements.compactMap { other in
            guard case .offers(let flow, let party) = other.claim, party.rawValue == off.rawValue,
                !stopped.contains(flow)
            else { return nil }
            let text = "nothing says whether \(off.rawValue) off stops it"
            return LintFinding(.switchWithoutScope, flow.rawValue, text, [statement, other])
        }
    }

    // MARK: Clocks

    private var clocks: [LintFinding] {
        let kept = statements.compactMap { statement in
            if case .keeps(let datum, let party, let clock) = statement.claim {
                (datum: datum, party: party, clock: clock, statement: statement)
            } else {
                nil
            }
        }
        var found: [LintFinding] = []
        for datum in Datum.allCases {
            let entries = kept.filter { $0.datum == datum }
            var different: [Clock] = []
            for clock in entries.compactMap(\.clock) where !different.contains(clock) { different.append(clock) }
            if different.count > 1 {
                let text = different.map(\.text).joined(separator: ", ")
                found.append(LintFinding(.twoClocks, datum.rawValue, text, entries.map(\.statement)))
            }
            for entry in entries where entry.clock == nil && entry.party.isServer {
                let text = "stored at \(entry.party.rawValue), nothing says for how long"
                found.append(LintFinding(.storedWithoutClock, datum.rawValue, text, [entry.statement]))
            }
        }
        return found
    }

    // MARK: Paths

    private typealias Sending = (datum: Datum, path: [Party], clients: ClientKind, statement: PolicyStatement)

    private var sent: [Sending] {
        statements.compactMap { statement in
            guard case .sends(let datum, let path, let clients) = statement.claim else { return nil }
            return (datum, path, clients, statement)
        }
    }

    private static func hops(_ path: [Party]) -> [Hop] { zip(path, path.dropFirst()).map { Hop($0, $1) } }

    private var paths: [LintFinding] {
        var found: [LintFinding] = []
        for statement in statements {
            switch statement.claim {
            case .secures(let hop, let owner) where owner != hop.from && owner != hop.to:
                let text = "secured with the certificate of \(owner.rawValue), which is no end of it"
                found.append(
                    LintFinding(.foreignCertificate, "\(hop.from.rawValue) to \(hop.to.rawValue)", text, [statement]))
            case .sendsOnly(let datum, let allowed):
                for sending in sent where sending.datum == datum {
                    for hop in Self.hops(sending.path) where !allowed.contains(hop) {
                        let text = "goes from \(hop.from.rawValue) to \(hop.to.rawValue) although that way is excluded"
                        found.append(
                            LintFinding(.excludedPath, datum.rawValue, text, [statement, sending.statement]))
                    }
                }
            case .serves(let party, let clients):
                for sending in sent where sending.path.contains(party) && sending.path.contains(.client) {
                    guard !clients.includes(sending.clients) else { continue }
                    let text = "passes \(party.rawValue) for clients that it is not there for"
                    found.append(LintFinding(.widerUse, sending.datum.rawValue, text, [statement, sending.statement]))
                }
            default: break
            }
        }
        return found + inbound + twiceForwarded
    }

    /// Somebody outside sends to the appliance, and nothing says who opens the connection.
    private var inbound: [LintFinding] {
        sent.compactMap { sending in
            guard sending.path.last == .appliance, let last = Self.hops(sending.path).last else { return nil }
            let isDialled = statements.contains { $0.claim == .dials(last.to, last.from) }
            guard !isDialled else { return nil }
            let text = "comes in from \(last.from.rawValue), and nothing says who opens the connection"
            return LintFinding(.nobodyDials, sending.datum.rawValue, text, [sending.statement])
        }
    }

    /// One datum of one client goes from one party to two servers.
    private var twiceForwarded: [LintFinding] {
        var found: [LintFinding] = []
        for (index, first) in sent.enumerated() {
            for second in sent[(index + 1)...] {
                guard first.datum == second.datum, first.path.count == 2, second.path.count == 2,
                    first.path[0] == second.path[0], first.path[1] != second.path[1],
                    first.path[1].isServer, second.path[1].isServer,
                    first.clients.includes(second.clients) || second.clients.includes(first.clients)
                else { continue }
                let text = "goes to \(first.path[1].rawValue) and to \(second.path[1].rawValue) for the same client"
                found.append(
                    LintFinding(.twoRecipients, first.datum.rawValue, text, [first.statement, second.statement]))
            }
        }
        return found
    }

    // MARK: Servers

    private var servers: [LintFinding] {
        var found: [LintFinding] = []
        let disclaimed = statements.compactMap { statement -> Party? in
            if case .disclaims(let party) = statement.claim { party } else { nil }
        }
        for party in Party.allCases where party.isServer {
            let users = sent.filter { $0.path.contains(party) }.map(\.statement)
            let places = statements.filter { $0.claim == .locates(party) }
            if disclaimed.contains(party), !users.isEmpty {
                found.append(LintFinding(.disclaimed, party.rawValue, "gets data, and is not the vendor's", users))
            } else if places.isEmpty, !users.isEmpty {
                found.append(LintFinding(.serverWithoutCountry, party.rawValue, "nothing says where it stands", users))
            }
            if !places.isEmpty, users.isEmpty {
                found.append(LintFinding(.serverWithoutFlow, party.rawValue, "listed, but nothing goes there", places))
            }
        }
        return found
    }
}
