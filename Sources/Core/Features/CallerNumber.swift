import Settings

/// CLIR for one call, and private calls, whose record keeps no number.
package struct CallerNumber: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        guard case .code(let code, let number) = event, [.hideNumber, .showNumber, .privateCall].contains(code) else {
            return nil
        }
        guard !number.isEmpty else { return .refuse(status: 484) }
        var wishes = CallWishes()
        switch code {
        case .hideNumber: wishes.hidesNumber = true
        case .showNumber: wishes.hidesNumber = false
        default: wishes.isPrivate = true
        }
        return .route(to: number, wishes)
    }
}
