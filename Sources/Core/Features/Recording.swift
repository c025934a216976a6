import Settings

/// Recording by code: the user's call is recorded from then on, or not any more, if the user may.
package struct Recording: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        guard event == .code(.record, argument: ""), let caller = facts.caller else { return nil }
        return caller.features.recording == .never ? .refuse(status: 403) : .act(.record)
    }
}
