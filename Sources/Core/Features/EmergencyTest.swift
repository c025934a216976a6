import Settings

/// The test number: goes the way of a call for help as far as to find a line, and says whether there is one.
package struct EmergencyTest: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        guard case .dialled(let number) = event, number == facts.office.emergencyTest, !facts.isPassedOn else {
            return nil
        }
        return .act(.testEmergency)
    }
}
