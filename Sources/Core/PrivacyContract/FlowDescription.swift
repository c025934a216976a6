/// One row of the contract: what a flow may carry, to whom, why, and what stops it.
package struct Flow: Sendable, Equatable {
    /// Who moves the data, seen from the appliance.
    package enum Direction: String, Sendable, Hashable {
        /// The appliance sends it: the gate may permit it.
        case sent
        /// Others send it to the appliance.
        case received
        /// Written by the appliance for its owner; leaves nothing.
        case kept
        /// Between others; nothing that the appliance could allow.
        case elsewhere
    }

    /// Why the flow is in the contract.
    package enum Basis: Sendable, Hashable {
        /// Sentences of the policies describe it: `Flow.clauses`.
        case clause
        /// A policy names the server but describes no flow, for this reason assumed; Q19 marks it.
        case assumption(String)
        /// A clause describes it, but the policy leaves out what strict mode asks for, this namely (Q18).
        case incompleteClause(String)
        /// No clause makes it the appliance's: denied (Q19).
        case none
    }

    package var id: FlowID
    package var title: String
    /// Nil where the recipient is not one of the appliance's.
    package var recipient: Recipient?
    /// Who passes the data on, first hop first; empty: a direct connection.
    package var via: [Recipient]
    package var fields: [FieldName]
    package var triggers: [Trigger]
    /// All of them have to be on; empty: the flow has no switch.
    package var switches: [Switch]
    package var retention: RetentionID?
    package var basis: Basis
    /// The sentences that describe it, the ruling one first; empty for what no policy describes.
    package var clauses: [Clause]
    /// The decisions without which the clauses could not be followed.
    package var decisions: [DecisionID]
    /// To whom the recipient passes it on.
    package var onward: [Party]
    /// Declared fields that strict mode does not let go (Q14).
    package var droppedWhenStrict: [FieldName]
    package var direction: Direction
    /// False where the contract describes what no code here sends yet.
    package var isImplemented: Bool

    package init(
        _ id: FlowID, _ title: String, to recipient: Recipient?, via: [Recipient] = [], onward: [Party] = [],
        fields: [FieldName] = [], droppedWhenStrict: [FieldName] = [], on triggers: [Trigger] = [],
        switches: [Switch] = [], retention: RetentionID? = nil, basis: Basis = .clause, _ clauses: [Clause],
        decisions: [DecisionID] = [], _ direction: Direction, isImplemented: Bool = true
    ) {
        self.id = id
        self.title = title
        self.recipient = recipient
        self.via = via
        self.onward = onward
        self.fields = fields
        self.droppedWhenStrict = droppedWhenStrict
        self.triggers = triggers
        self.switches = switches
        self.retention = retention
        self.basis = basis
        self.clauses = clauses
        self.decisions = decisions
        self.direction = direction
        self.isImplemented = isImplemented
    }

    /// The sentences' places, or that there are none: what a refusal names.
    package var clauseText: String {
        let places = clauses.map(\.description).joined(separator: "; ")
        return switch basis {
        case .clause: places
        case .assumption(let reason): "no clause of its own (Q19): \(reason)" + (places.isEmpty ? "" : "; \(places)")
        case .incompleteClause(let missing): "\(places); \(missing)"
        case .none: "no clause makes it the appliance's (Q19)" + (places.isEmpty ? "" : "; \(places)")
        }
    }

    /// What it may carry in the given mode.
    package func fields(isStrict: Bool) -> [FieldName] {
        isStrict ? fields.filter { !droppedWhenStrict.contains($0) } : fields
    }

    /// True when strict mode lets nothing of it out: its clause is incomplete (Q18).
    package var isBlockedWhenStrict: Bool {
        if case .incompleteClause = basis { true } else { false }
    }

    /// True when every switch of the flow is on; an absent switch is off.
    package func isOn(_ settings: [Switch: Bool]) -> Bool { switches.allSatisfy { settings[$0] == true } }
}

/// What may set a flow off (FLOWS.md section 2, column "trigger").
package enum Trigger: String, Hashable, Sendable, CaseIterable {
    case codeAccepted = "code-accepted"
    case switchedOff = "switched-off"
    case monitoringInUse = "monitoring-in-use"
    case usedInControlCenter = "used-in-control-center"
    case beforeBackup = "before-backup"
    case administrator
    case schedule
    case clientStart = "client-start"
    case uplink
    case remoteClientCall = "remote-client-call"
    case incomingCall = "incoming-call"
    case afterCrash = "after-crash"
}

/// The retention promises of FLOWS.md section 3.
package enum RetentionID: String, Hashable, Sendable, CaseIterable {
    case r2 = "R2"
    case r3 = "R3"
    case r5 = "R5"
    case r6 = "R6"
    case r7 = "R7"
    case r8 = "R8"
    case r9 = "R9"
    case r10 = "R10"
    case r11 = "R11"
}
