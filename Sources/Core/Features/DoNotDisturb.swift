import Settings

/// Do-not-disturb: the user's telephones stay silent; forwarding when busy applies.
package struct DoNotDisturb: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        switch event {
        case .code(.doNotDisturbOn, ""): switched(true, facts)
        case .code(.doNotDisturbOff, ""): switched(false, facts)
        case .reached where facts.user?.features.doNotDisturb == true: .unavailable(.doNotDisturb)
        case .dialled, .code, .reached, .unanswered: nil
        }
    }

    private func switched(_ isOn: Bool, _ facts: FeatureFacts) -> FeatureDecision? {
        facts.caller.map { caller in
            var features = caller.features
            features.doNotDisturb = isOn
            return .change(.features(features))
        }
    }
}
