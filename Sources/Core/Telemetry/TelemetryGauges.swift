/// What the appliance itself adds to a `SystemSample`: counts, never who.
package struct TelemetryGauges: Sendable, Hashable {
    package var activeCalls: Int
    package var registrations: Int
    /// Mean opinion score 1...5 over the running calls; nil when nothing is measured.
    package var meanOpinionScore: Double?

    package init(activeCalls: Int, registrations: Int, meanOpinionScore: Double? = nil) {
        self.activeCalls = activeCalls
        self.registrations = registrations
        self.meanOpinionScore = meanOpinionScore
    }
}
