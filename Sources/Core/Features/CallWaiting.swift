import Settings

/// Busy-on-busy and call waiting: whether a user who speaks is called again.
package struct CallWaiting: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        switch event {
        case .code(.callWaitingOn, ""): switched(true, facts)
        case .code(.callWaitingOff, ""): switched(false, facts)
        case .reached where facts.user?.isBusy == true: .unavailable(.busy)
        case .dialled, .code, .reached, .unanswered: nil
        }
    }

    private func switched(_ isOn: Bool, _ facts: FeatureFacts) -> FeatureDecision? {
        facts.caller.map { caller in
            var features = caller.features
            features.callWaiting = isOn
            return .change(.features(features))
        }
    }
}
