/// Why the gate lets nothing out.
package enum EgressRefusal: Error, Sendable, Hashable {
    case unknownFlow(FlowID)
    case notSentByAppliance(FlowID)
    case notAConnection(FlowID)
    case undeclaredRecipient(FlowID, Recipient)
    case undeclaredTrigger(FlowID, Trigger)
    case undeclaredField(FlowID, FieldName)
    case repeatedField(FlowID, FieldName)
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

extension EgressRefusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknownFlow(let flow): "flow \(flow.rawValue) is not in the contract; nothing was sent"
        case .notSentByAppliance(let flow): "flow \(flow.rawValue) is not the appliance's to send; nothing was sent"
        case .notAConnection(let flow): "flow \(flow.rawValue) is not a connection that can be held open"
        case .undeclaredRecipient(let flow, let recipient):
            "flow \(flow.rawValue) does not go to \(recipient.rawValue); see 'pbxctl privacy' for its recipient"
        case .undeclaredTrigger(let flow, let trigger):
            "flow \(flow.rawValue) is not set off by \(trigger.rawValue); see 'pbxctl privacy'"
        case .undeclaredField(let flow, let field):
            "flow \(flow.rawValue) does not carry '\(field)'; see 'pbxctl privacy' for its fields"
        case .repeatedField(let flow, let field): "flow \(flow.rawValue) carries '\(field)' once only"
        case .undeclaredContent(let flow, let field):
            "flow \(flow.rawValue): '\(field)' cannot hold a value of this kind; nothing was sent"
        case .undeclaredMetric(let flow, let name):
            "flow \(flow.rawValue): metric '\(name)', its unit or an attribute is not on the allow-list"
        case .switchedOff(let flow, let off):
            "flow \(flow.rawValue) is off; 'pbxctl switch \(off.rawValue) on' would allow it"
        case .strictMode(let flow, let reason): "flow \(flow.rawValue) is blocked in strict mode (\(reason))"
        case .ledgerFull(let flow, let limit):
            "flow \(flow.rawValue) waits: \(limit) ledger entries could not be stored yet; free storage space"
        case .draining(let flow): "flow \(flow.rawValue) waits for the next start: the appliance is shutting down"
        case .tooManyPending(let flow, let limit):
            "flow \(flow.rawValue) waits: \(limit) messages have no answer yet; look at the network"
        }
    }
}
