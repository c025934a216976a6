/// Why the gate lets nothing out.
package enum EgressRefusal: Error, Sendable, Hashable {
    case unknownFlow(FlowID)
    case notSentByAppliance(FlowID)
    case notAConnection(FlowID)
    case undeclaredRecipient(FlowID, Recipient)
    case undeclaredTrigger(FlowID, Trigger)
    case undeclaredField(FlowID, FieldName)
    case repeatedField(FlowID, FieldName)
    /// Q14: declared, but dropped in strict mode.
    case strictField(FlowID, FieldName)
    /// The field is declared, but not for a value of this kind.
    case undeclaredContent(FlowID, FieldName)
    case undeclaredMetric(FlowID, String)
    case switchedOff(FlowID, Switch)
    /// Q18: the clause lacks something.
    case strictMode(FlowID, String)
    /// What cannot be written into the ledger does not leave.
    case ledgerFull(FlowID, limit: Int)
    case tooManyPending(FlowID, limit: Int)
    /// The appliance is going down.
    case draining(FlowID)

    /// A stable name for counters and the ledger.
    package var kind: String {
        switch self {
        case .unknownFlow: "unknown-flow"
        case .notSentByAppliance: "not-ours"
        case .notAConnection: "not-a-connection"
        case .undeclaredRecipient: "recipient"
        case .undeclaredTrigger: "trigger"
        case .undeclaredField: "field"
        case .repeatedField: "repeated-field"
        case .strictField: "strict-field"
        case .undeclaredContent: "content"
        case .undeclaredMetric: "metric"
        case .switchedOff: "switched-off"
        case .strictMode: "strict-mode"
        case .ledgerFull: "ledger-full"
        case .tooManyPending: "too-many-pending"
        case .draining: "draining"
        }
    }
}

extension EgressRefusal {
    /// The flow that was held back.
    package var flow: FlowID {
        switch self {
        case .unknownFlow(let flow), .notSentByAppliance(let flow), .notAConnection(let flow),
            .undeclaredRecipient(let flow, _), .undeclaredTrigger(let flow, _), .undeclaredField(let flow, _),
            .repeatedField(let flow, _), .strictField(let flow, _), .undeclaredContent(let flow, _),
            .undeclaredMetric(let flow, _), .switchedOff(let flow, _), .strictMode(let flow, _),
            .ledgerFull(let flow, _), .tooManyPending(let flow, _), .draining(let flow):
            flow
        }
    }

    /// The place of the sentences that allow what the flow is, and no more.
    package var clause: String { Contract.flow(flow)?.clauseText ?? "no clause describes it (Q19)" }
}

extension EgressRefusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknownFlow(let flow): "flow \(flow.rawValue) is not in the contract; nothing was sent (\(clause))"
        case .notSentByAppliance(let flow):
            "flow \(flow.rawValue) is not the appliance's to send; nothing was sent (\(clause))"
        case .notAConnection(let flow):
            "flow \(flow.rawValue) is not a connection that can be held open (\(clause))"
        case .undeclaredRecipient(let flow, let recipient):
            "flow \(flow.rawValue) does not go to \(recipient.rawValue) (\(clause)); see 'pbxctl privacy'"
        case .undeclaredTrigger(let flow, let trigger):
            "flow \(flow.rawValue) is not set off by \(trigger.rawValue) (\(clause)); see 'pbxctl privacy'"
        case .undeclaredField(let flow, let field):
            "flow \(flow.rawValue) does not carry '\(field)' (\(clause)); see 'pbxctl privacy'"
        case .repeatedField(let flow, let field):
            "flow \(flow.rawValue) carries '\(field)' once only (\(clause))"
        case .strictField(let flow, let field):
            "flow \(flow.rawValue) does not carry '\(field)' in strict mode (\(clause))"
        case .undeclaredContent(let flow, let field):
            "flow \(flow.rawValue): '\(field)' cannot hold a value of this kind; nothing was sent (\(clause))"
        case .undeclaredMetric(let flow, let name):
            "flow \(flow.rawValue): metric '\(name)', its unit or an attribute is not on the allow-list (\(clause))"
        case .switchedOff(let flow, let off):
            "flow \(flow.rawValue) is off; 'pbxctl switch \(off.rawValue) on' would allow it"
        case .strictMode(let flow, let reason):
            "flow \(flow.rawValue) is blocked in strict mode: \(reason); 'privacy: {strict: false}' would allow it"
        case .ledgerFull(let flow, let limit):
            "flow \(flow.rawValue) waits: \(limit) ledger entries could not be stored yet; free storage space"
        case .draining(let flow): "flow \(flow.rawValue) waits for the next start: the appliance is shutting down"
        case .tooManyPending(let flow, let limit):
            "flow \(flow.rawValue) waits: \(limit) messages have no answer yet; look at the network"
        }
    }
}
