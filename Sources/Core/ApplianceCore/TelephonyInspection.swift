package import CallControl

/// What telephony keeps, for invariant checkers: a value to look at, of which nothing else makes use.
package struct TelephonyInspection: Sendable, Equatable {
    /// The oldest first; those being wound up too.
    package var calls: [CallInspection]
    /// Since the start.
    package var begunCalls: UInt64
    /// Of those that were not begun, the ones that have a record all the same: there was nobody to ring.
    package var unreachedCalls: UInt64
    /// Records written since the start.
    package var records: UInt64
    /// What does not fit together, in words; empty when all is well.
    package var contradictions: [String]
    package var serverTransactions: Int
    package var clientTransactions: Int
    /// Effects that have not been taken; none between two inputs.
    package var pendingEffects: Int
}
