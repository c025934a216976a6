import Settings

/// Who rings when a user is called: the user's telephones, with the mobile number beside them, then the follow-me numbers.
package struct Reaching: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        guard event == .reached, let user = facts.user else { return nil }
        let features = user.features
        guard user.isRegistered || features.mobile != nil || !features.followMe.isEmpty else {
            return .unavailable(.unregistered)
        }
        var first: [RingStep.Member] = user.isRegistered ? [.user(user.number)] : []
        if let mobile = features.mobile, !facts.wishes.isAutoAnswered { first.append(.number(mobile)) }
        let own = facts.isInternal ? features.internalForwarding : features.externalForwarding
        let hasNext = !features.followMe.isEmpty || (own.noAnswer ?? features.forwarding.noAnswer) != nil
        var steps: [RingStep] = []
        if !first.isEmpty { steps.append(RingStep(first, seconds: hasNext ? features.ringSeconds : nil)) }
        if !facts.wishes.isAutoAnswered {
            for number in features.followMe { steps.append(RingStep([.number(number)], seconds: features.ringSeconds)) }
        }
        return .ring(steps)
    }
}
