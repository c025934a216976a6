/// Leave to send one message, or to hold one connection, of one flow. Only `EgressGate` makes one.
package struct Permit: Sendable, Equatable {
    package let flow: FlowID
    package let recipient: Recipient
    package let fieldNames: [FieldName]

    /// Module-internal: code outside the contract cannot make a permit.
    init(flow: FlowID, recipient: Recipient, fieldNames: [FieldName]) {
        self.flow = flow
        self.recipient = recipient
        self.fieldNames = fieldNames
    }
}
