import Settings

/// Busy-on-busy and call waiting: whether a user who speaks is called again.
package struct CallWaiting: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        switch event {
        case .code(.callWaitingOn, ""): facts.switching(\.callWaiting, to: true)
        case .code(.callWaitingOff, ""): facts.switching(\.callWaiting, to: false)
        case .reached where facts.user?.isBusy == true: .unavailable(.busy)
        case .dialled, .code, .reached, .unanswered: nil
        }
    }
}
