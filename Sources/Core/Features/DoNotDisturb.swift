import Settings

/// Do-not-disturb: the user's telephones stay silent; forwarding when busy applies.
package struct DoNotDisturb: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        switch event {
        case .code(.doNotDisturbOn, ""): facts.switching(\.doNotDisturb, to: true)
        case .code(.doNotDisturbOff, ""): facts.switching(\.doNotDisturb, to: false)
        case .reached where facts.user?.features.doNotDisturb == true: .unavailable(.doNotDisturb)
        case .dialled, .code, .reached, .unanswered: nil
        }
    }
}
