import Settings

/// Incoming screening: callers whom a user does not take calls from are refused with 603 (RFC 3261 section 21.6.2), and
/// nothing rings, forwards or records. A call that reaches the user through a group is the group's.
package struct Screening: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        guard case .reached = event, let user = facts.user, let origin = facts.origin else { return nil }
        let isHidden = origin == "anonymous" || facts.wishes.hidesNumber == true
        let isRejected = user.features.rejectedCallers.contains { rejected in
            if rejected == "anonymous" { return isHidden }
            return rejected.hasSuffix("*") ? origin.hasPrefix(rejected.dropLast()) : origin == rejected
        }
        return isRejected ? .refuse(status: 603) : nil
    }
}
