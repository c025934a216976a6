import Settings

/// Permission classes: how far a user may call out, by day and by night.
package struct Permissions: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        guard case .dialled = event, !facts.wishes.isPermitted, let caller = facts.caller,
            let wanted = facts.numberClass?.permission
        else { return nil }
        let night = facts.isNight ? caller.features.nightPermission : nil
        let granted = night ?? caller.features.permission
        let order = PermissionClass.allCases
        guard let limit = order.firstIndex(of: granted), let rank = order.firstIndex(of: wanted), rank > limit else {
            return nil
        }
        return .refuse(status: 403)
    }
}

extension NumberClass {
    /// The least class that may call it.
    var permission: PermissionClass {
        switch self {
        case .internal: .internal
        case .local: .local
        case .national: .national
        case .international: .international
        case .premium: .premium
        }
    }
}
