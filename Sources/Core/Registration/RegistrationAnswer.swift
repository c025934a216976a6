package import Persistence
package import SIPMessage

/// What the registrar says to a REGISTER, and what became of the user's bindings.
package struct RegistrationAnswer: Sendable, Equatable {
    package enum Outcome: Sendable, Hashable {
        /// A refusal, a fetch, or a repeated request.
        case unchanged
        /// The same bindings live longer.
        case refreshed
        /// Bindings came, went or moved.
        case changed
    }

    package var status: Int
    package var reason: String
    /// Header fields for the response besides those every response copies.
    package var fields: [SIPHeaders.Field] = []
    package var outcome = Outcome.unchanged
    /// Bindings that gave way because the user had too many.
    package var evictedCount = 0

    package init(status: Int, reason: String, fields: [SIPHeaders.Field] = []) {
        self.status = status
        self.reason = reason
        self.fields = fields
    }
}

/// The whole binding set of an address of record, for the store.
package struct BindingChange: Sendable, Equatable {
    package var addressOfRecord: String
    package var bindings: [BindingRecord]
    /// Only times have changed: nobody who watches the registration needs to hear of it.
    package var isRefreshOnly: Bool
}
