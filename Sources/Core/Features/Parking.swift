import Settings

/// Park orbits: a transfer to one, or the code, leaves a call there; dialling it takes the call up.
package struct Parking: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        switch event {
        case .dialled(let number) where facts.office.parkOrbits.contains(number):
            let isOccupied = facts.occupiedOrbits.contains(number)
            if facts.isPassedOn { return isOccupied ? .refuse(status: 486) : .act(.park(orbit: number)) }
            return isOccupied ? .act(.retrieve(orbit: number)) : .refuse(status: 404)
        case .code(.park, let argument):
            let free = facts.office.parkOrbits.filter { !facts.occupiedOrbits.contains($0) }
            guard !argument.isEmpty else { return free.first.map { .act(.park(orbit: $0)) } ?? .refuse(status: 486) }
            guard facts.office.parkOrbits.contains(argument) else { return .refuse(status: 404) }
            return free.contains(argument) ? .act(.park(orbit: argument)) : .refuse(status: 486)
        case .dialled, .code, .reached, .unanswered: return nil
        }
    }
}
