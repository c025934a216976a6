import Settings

/// Call completion (RFC 6910 in effect, by code): who was busy, or did not answer, is called again as soon as they can be
/// reached, and the caller first.
package struct Callback: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        switch event {
        case .code(.callbackOn, let number):
            guard facts.colleague(number) != nil, number != facts.caller?.number else {
                return .refuse(status: number.isEmpty ? 484 : 404)
            }
            return .act(.callBack(number))
        case .code(.callbackOff, ""): return .act(.forgetCallBacks)
        case .dialled, .code, .reached, .unanswered: return nil
        }
    }
}
