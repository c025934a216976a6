import Settings

/// Door stations: who speaks with one opens by code, on a second line or in the call.
package struct Doors: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        guard case .code(.openDoor, let digits) = event else { return nil }
        return facts.office.doors.isEmpty ? .refuse(status: 404) : .act(.openDoor(digits: digits))
    }
}
