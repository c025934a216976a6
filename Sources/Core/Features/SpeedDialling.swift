import Settings

/// Speed dial: a short number of the administrator's stands for a long one, whatever the permission of who dials.
package struct SpeedDialling: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        guard case .dialled(let number) = event,
            let entry = facts.office.speedDials.first(where: { $0.short == number }), entry.number != number
        else { return nil }
        var wishes = CallWishes()
        wishes.isPermitted = true
        return .route(to: entry.number, wishes)
    }
}
