import Settings

/// Forwarding: always, when busy, when nobody answers, when no telephone is registered; for calls of colleagues and from
/// outside apart, else for all. Follow-me numbers are tried before the last resort.
package struct Forwarding: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        switch event {
        case .code(let code, let argument): return switched(code, argument, facts)
        case .reached:
            guard let user = facts.user, let target = target(\.always, user, facts) else { return nil }
            return .forward(to: target, cause: 302)
        case .unanswered(let reason):
            guard let user = facts.user else { return nil }
            let target =
                switch reason {
                case .busy, .doNotDisturb: target(\.busy, user, facts)
                case .noAnswer: target(\.noAnswer, user, facts)
                case .unregistered:
                    target(\.unregistered, user, facts) ?? target(\.noAnswer, user, facts)
                }
            return target.map { .forward(to: $0, cause: reason.cause) }
        case .dialled: return nil
        }
    }

    private func target(
        _ condition: KeyPath<ForwardingTargets, String?>, _ user: MemberFacts, _ facts: FeatureFacts
    ) -> String? {
        let features = user.features
        let own = facts.isInternal ? features.internalForwarding : features.externalForwarding
        return own[keyPath: condition] ?? features.forwarding[keyPath: condition]
    }

    private func switched(_ code: FeatureCode, _ argument: String, _ facts: FeatureFacts) -> FeatureDecision? {
        guard var features = facts.caller?.features else { return nil }
        let number = argument.isEmpty ? nil : argument
        switch code {
        case .forwardAlwaysOn: features.forwarding.always = number
        case .forwardAlwaysOff: features.forwarding.always = nil
        case .forwardBusyOn: features.forwarding.busy = number
        case .forwardBusyOff: features.forwarding.busy = nil
        case .forwardNoAnswerOn: features.forwarding.noAnswer = number
        case .forwardNoAnswerOff: features.forwarding.noAnswer = nil
        case .forwardUnregisteredOn: features.forwarding.unregistered = number
        case .forwardUnregisteredOff: features.forwarding.unregistered = nil
        case .forwardingOff:
            features.forwarding = ForwardingTargets()
            features.internalForwarding = ForwardingTargets()
            features.externalForwarding = ForwardingTargets()
        default: return nil
        }
        if Self.needsNumber.contains(code) {
            guard let number, UserFeatures.isNumber(number), number != facts.caller?.number else {
                return .refuse(status: 484)
            }
        } else if number != nil {
            return .refuse(status: 404)
        }
        return .change(.features(features))
    }

    private static let needsNumber: [FeatureCode] = [
        .forwardAlwaysOn, .forwardBusyOn, .forwardNoAnswerOn, .forwardUnregisteredOn,
    ]
}
