/// The features of the appliance, in the order in which they are asked.
package struct FeatureDesk: Sendable {
    private let policies: [any FeaturePolicy]

    package init(_ policies: [any FeaturePolicy] = FeatureDesk.standard) { self.policies = policies }

    /// Who comes first decides: what concerns the number, then what keeps a call away, then who rings.
    package static let standard: [any FeaturePolicy] = [
        EmergencyTest(), SpeedDialling(), Permissions(), CallerNumber(), HotDesk(), NightSwitch(), Parking(), Pickup(),
        HeldCalls(), Callback(), Intercom(), Doors(), Recording(), Screening(), Forwarding(), DoNotDisturb(),
        CallWaiting(), RingGroups(), Reaching(),
    ]

    /// Nil: no feature has anything to say, the call takes its plain course.
    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        for policy in policies {
            if let decision = policy.decide(event, facts) { return decision }
        }
        return nil
    }
}
