package import CallControl

/// What telephony keeps, for invariant checkers: a value to look at, of which nothing else makes use.
package struct TelephonyInspection: Sendable, Equatable {
    /// Those to which something has happened since one looked last, the oldest first; those being wound up too.
    package var calls: [CallInspection]
    /// The numbers of all calls that are kept, ascending.
    package var keptCalls: [UInt64]
    /// Those of the appliance's own calls that will begin once their media are open, ascending.
    package var openingCalls: [UInt64]
    /// What to ask with the next time.
    package var revision: UInt64
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
