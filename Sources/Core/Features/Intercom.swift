import Settings

/// Intercom: the called telephone answers by itself, if its user lets it and is free.
package struct Intercom: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        guard case .code(.intercom, let number) = event else { return nil }
        guard let colleague = facts.colleague(number) else { return .refuse(status: number.isEmpty ? 484 : 404) }
        guard colleague.features.intercom else { return .refuse(status: 403) }
        guard colleague.busyTelephones == 0 else { return .refuse(status: 486) }
        var wishes = CallWishes()
        wishes.isAutoAnswered = true
        return .route(to: number, wishes)
    }
}
