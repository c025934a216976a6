package import Persistence
package import SIPMessage

/// What the registrar says to a REGISTER, and what became of the user's bindings.
package struct RegistrationAnswer: Sendable, Equatable {
    package var status: Int
    package var reason: String
    /// Header fields for the response besides those every response copies.
    package var fields: [SIPHeaders.Field] = []
    /// The user's whole new set when it changed; nil for a fetch and for a refusal.
    package var newBindings: [BindingRecord]?
    /// Bindings that gave way because the user had too many.
    package var evictedCount = 0

    package init(status: Int, reason: String, fields: [SIPHeaders.Field] = []) {
        self.status = status
        self.reason = reason
        self.fields = fields
    }
}

/// An address of record whose bindings changed without a REGISTER: they ran out, or their connection closed.
package struct BindingChange: Sendable, Equatable {
    package var addressOfRecord: String
    package var bindings: [BindingRecord]
}
