/// What `ConnectedServices` may know of telephony: numbers, no names.
package struct TelephonyFacts: Sendable, Equatable {
    package var registrations: Int
    package var calls: Int
    package var users: Int
    /// Mean opinion score over the legs of the running calls, for a sample; nil when nothing is measured.
    package var meanOpinion: Double?
    /// Telephony's counters, shown in the status.
    package var counters: [Counter]

    package init(registrations: Int, calls: Int, users: Int, counters: [Counter] = []) {
        self.registrations = registrations
        self.calls = calls
        self.users = users
        self.counters = counters
    }
}
