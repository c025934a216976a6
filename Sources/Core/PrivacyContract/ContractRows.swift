/// What is wrong in the contract itself, row by row.
struct ContractRows {
    let flows: [Flow]
    let promises: [RetentionPromise]

    var findings: [LintFinding] {
        flows.indices.flatMap { row(at: $0) } + dependencies + idlePromises
    }

    private func row(at index: Int) -> [LintFinding] {
        let flow = flows[index]
        var found: [LintFinding] = []
        func report(_ rule: LintFinding.Rule, _ text: String) {
            found.append(LintFinding(rule, flow.id.rawValue, text, clauses: flow.clauses))
        }
        if flows[..<index].contains(where: { $0.id == flow.id }) { report(.duplicateRow, "has two rows") }
        if flow.clauses.isEmpty { report(.rowWithoutClause, "names no sentence of a policy") }
        if flow.droppedWhenStrict.contains(where: { !flow.fields.contains($0) }) {
            report(.undeclaredStrictField, "strict mode drops a field that is not declared")
        }
        if let id = flow.retention, !promises.contains(where: { $0.id == id }) {
            report(.rowWithoutClock, "is kept under \(id.rawValue), which is no promise")
        }
        if flow.direction == .kept, flow.retention == nil { report(.rowWithoutClock, "is kept without a clock") }
        guard flow.direction == .sent else { return found }
        if flow.recipient == nil || flow.fields.isEmpty || flow.triggers.isEmpty {
            report(.incompleteRow, "is sent without recipient, field or trigger")
        }
        if Set(flow.fields).count != flow.fields.count { report(.incompleteRow, "declares a field twice") }
        if flow.switches.isEmpty { report(.rowWithoutSwitch, "has no off switch") }
        let reached = [flow.recipient].compactMap { $0?.party } + flow.via.map(\.party) + flow.onward
        if reached.contains(where: { $0.isServer && $0.country == nil }) {
            report(.rowWithoutCountry, "reaches a server whose country is not known")
        }
        return found
    }

    /// Q5: what depends on the Control Center is off with it.
    private var dependencies: [LintFinding] {
        flows.compactMap { flow in
            guard flow.switches.contains(where: { Contract.controlCenterDependents.contains($0) }),
                !flow.switches.contains(.controlCenter)
            else { return nil }
            let text = "goes on when the Control Center is off"
            return LintFinding(.brokenDependency, flow.id.rawValue, text, clauses: flow.clauses)
        }
    }

    private var idlePromises: [LintFinding] {
        promises.filter { promise in !flows.contains { $0.retention == promise.id } }
            .map { LintFinding(.idlePromise, $0.id.rawValue, "is promised of no flow", clauses: $0.clauses) }
    }
}
