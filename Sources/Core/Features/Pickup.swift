import Settings

/// Call pickup: the ringing call of a colleague, by extension, or of anybody in a common pickup group.
package struct Pickup: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        guard case .code(.pickup, let argument) = event, let caller = facts.caller else { return nil }
        guard argument.isEmpty else {
            return facts.colleague(argument) == nil ? .refuse(status: 404) : .act(.pickUp(from: [argument]))
        }
        let groups = caller.features.pickupGroups
        let ringing = facts.colleagues.filter { colleague in
            colleague.number != caller.number && colleague.isRinging
                && colleague.features.pickupGroups.contains { groups.contains($0) }
        }
        return ringing.isEmpty ? .refuse(status: 404) : .act(.pickUp(from: ringing.map(\.number)))
    }
}
