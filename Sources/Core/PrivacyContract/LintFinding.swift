/// A question that the policies or the contract leave open.
package struct LintFinding: Hashable, Sendable {
    package enum Rule: String, Hashable, Sendable, CaseIterable {
        // In the policies
        case ambiguousWord = "ambiguous-word"
        case twoMeanings = "two-meanings"
        case unspecifiedContent = "unspecified-content"
        case unspecifiedMethod = "unspecified-method"
        case checkWithoutCriteria = "check-without-criteria"
        case accountWithoutRights = "account-without-rights"
        case erasureWithoutPlace = "erasure-without-place"
        case switchWithoutScope = "switch-without-scope"
        case twoClocks = "two-clocks"
        case storedWithoutClock = "stored-without-clock"
        case foreignCertificate = "foreign-certificate"
        case excludedPath = "excluded-path"
        case widerUse = "wider-use"
        case nobodyDials = "nobody-dials"
        case twoRecipients = "two-recipients"
        case disclaimed
        case serverWithoutCountry = "server-without-country"
        case serverWithoutFlow = "server-without-flow"
        // In the contract
        case duplicateRow = "duplicate-row"
        case incompleteRow = "incomplete-row"
        case rowWithoutSwitch = "row-without-switch"
        case rowWithoutCountry = "row-without-country"
        case rowWithoutClock = "row-without-clock"
        case rowWithoutClause = "row-without-clause"
        case brokenDependency = "broken-dependency"
        case idlePromise = "idle-promise"
        case undeclaredStrictField = "undeclared-strict-field"
    }

    /// What becomes of a finding.
    package enum Outcome: Hashable, Sendable {
        case decided(DecisionID)
        /// Right as it is, for this reason.
        case accepted(String)
    }

    package let rule: Rule
    /// The datum, word, server or flow that it is about.
    package let subject: String
    package let text: String
    package let clauses: [Clause]
    package internal(set) var resolution: Outcome?

    init(_ rule: Rule, _ subject: String, _ text: String, _ statements: [PolicyStatement]) {
        self.init(rule, subject, text, clauses: statements.map(\.clause))
    }

    init(_ rule: Rule, _ subject: String, _ text: String, clauses: [Clause]) {
        self.rule = rule
        self.subject = subject
        self.text = text
        var seen: [Clause] = []
        for clause in clauses where !seen.contains(clause) { seen.append(clause) }
        self.clauses = seen
    }
}

/// What settles findings of one rule.
package struct LintResolution: Hashable, Sendable {
    package let rule: LintFinding.Rule
    /// Nil: whatever the finding is about.
    package let subject: String?
    package let outcome: LintFinding.Outcome

    package init(_ rule: LintFinding.Rule, _ subject: String? = nil, _ outcome: LintFinding.Outcome) {
        self.rule = rule
        self.subject = subject
        self.outcome = outcome
    }

    func settles(_ finding: LintFinding) -> Bool {
        rule == finding.rule && (subject == nil || subject == finding.subject)
    }
}

extension Contract {
    /// Which decision of FLOWS.md section 6 answers which question. What the policies may come to say anew is settled by
    /// none of these unless it is the same question about the same thing.
    package static let resolutions: [LintResolution] = [
        LintResolution(.checkWithoutCriteria, Datum.confirmationCode.rawValue, .decided(.q1)),
        LintResolution(.nobodyDials, Datum.confirmationCode.rawValue, .decided(.q3)),
        LintResolution(.accountWithoutRights, Datum.pairingUser.rawValue, .decided(.q4)),
        LintResolution(.switchWithoutScope, FlowID.c5.rawValue, .decided(.q5)),
        LintResolution(.switchWithoutScope, FlowID.c6.rawValue, .decided(.q5)),
        LintResolution(.switchWithoutScope, FlowID.c8.rawValue, .decided(.q5)),
        LintResolution(.switchWithoutScope, FlowID.c10.rawValue, .decided(.q5)),
        LintResolution(.erasureWithoutPlace, Datum.confirmationCode.rawValue, .decided(.q6)),
        LintResolution(.erasureWithoutPlace, Datum.pairingUser.rawValue, .decided(.q6)),
        LintResolution(.foreignCertificate, "monitoring to control-center", .decided(.q8)),
        LintResolution(.excludedPath, Datum.backup.rawValue, .decided(.q9)),
        LintResolution(.ambiguousWord, Datum.backup.rawValue, .decided(.q10)),
        LintResolution(.unspecifiedContent, Datum.backup.rawValue, .decided(.q11)),
        LintResolution(.twoClocks, Datum.accessLog.rawValue, .decided(.q12)),
        LintResolution(.unspecifiedMethod, Datum.accessLog.rawValue, .decided(.q13)),
        LintResolution(.unspecifiedMethod, Datum.crashReport.rawValue, .decided(.q13)),
        LintResolution(.twoClocks, Datum.clientAddress.rawValue, .decided(.q14)),
        LintResolution(.twoRecipients, Datum.pushToken.rawValue, .decided(.q16)),
        LintResolution(.widerUse, Datum.provisioningFile.rawValue, .decided(.q17)),
        LintResolution(.serverWithoutCountry, Party.crash.rawValue, .decided(.q18)),
        LintResolution(.rowWithoutCountry, FlowID.s10.rawValue, .decided(.q18)),
        LintResolution(.serverWithoutFlow, Party.voucherCenter.rawValue, .decided(.q19)),
        LintResolution(.serverWithoutFlow, Party.googleContacts.rawValue, .decided(.q19)),
        LintResolution(.disclaimed, Party.appStore.rawValue, .decided(.q19)),
        LintResolution(.twoMeanings, "call data: call records or signalling and media", .decided(.q20)),
        LintResolution(.storedWithoutClock, Datum.location.rawValue, .decided(.q21)),
        LintResolution(
            .rowWithoutSwitch, FlowID.c4.rawValue, .accepted("it is itself what switching off sends, once")),
        LintResolution(
            .rowWithoutSwitch, FlowID.s3.rawValue,
            .accepted("it answers the owner's own client, which has to identify itself; nothing is sent unasked")),
    ]
}

extension LintFinding: CustomStringConvertible {
    /// `Q14 two-clocks: address of a mobile client: …`, with the sentences' places on the line below.
    package var description: String {
        let mark =
            switch resolution {
            case .decided(let id)?: id.rawValue
            case .accepted?: "accepted"
            case nil: "OPEN"
            }
        return "\(mark) \(rule.rawValue): \(subject): \(text)"
    }
}
