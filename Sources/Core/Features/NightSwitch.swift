import Settings

/// The night switch, by code.
package struct NightSwitch: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        switch event {
        case .code(.nightOn, ""): .change(.night(true))
        case .code(.nightOff, ""): .change(.night(false))
        case .dialled, .code, .reached, .unanswered: nil
        }
    }
}
