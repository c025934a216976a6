import Settings

/// What is done with calls on hold by dialling on a second line: transfer, and a conference with all of them.
package struct HeldCalls: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        switch event {
        case .code(.transfer, let number):
            number.isEmpty ? .refuse(status: 484) : .act(.transferHeld(to: number))
        case .code(.conference, ""): .act(.conference)
        case .dialled, .code, .reached, .unanswered: nil
        }
    }
}
