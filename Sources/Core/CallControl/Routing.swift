package import SIPMessage

/// Names a `RoutingRequest`.
package struct RoutingID: Hashable, Sendable {
    let call: UInt64
    let number: Int
}

/// A question to the owner of the dial plan: where does this URI lead? Answered by `CallControl.routed`.
package struct RoutingRequest: Sendable, Equatable {
    package enum Purpose: Sendable, Equatable {
        /// A telephone of `party` has answered 3xx and named the URI.
        case redirect
        /// `party` has asked by REFER to connect the other end with the URI.
        case transfer
        /// Nobody has answered at `party`, with that status as the best refusal: does the call go on from there?
        case unanswered(status: Int)
        /// `party` has dialled the URI with keys, at the dial tone.
        case dial
        /// `party` is called back into a call that stands: its own telephones alone.
        case recall
        /// An application connects its caller; `party` is whom that called. `mayLeave`: also with somebody outside.
        case application(mayLeave: Bool)
    }

    package var id: RoutingID
    package var uri: SIPURI
    /// On whose behalf, and by whose rights, the new call is made.
    package var party: CallParty
    /// Who will be heard at the new target: the caller of a redirected call, the transferee.
    package var caller: CallParty
    /// The caller does not want to be known at the new target (RFC 3323).
    package var isWithheld: Bool
    /// The line whose peer has answered 3xx: `party` is then whom it was called for, and has no rights here.
    package var line: LineID?
    package var purpose: Purpose
}

/// Where a URI leads: what the plan says of it, and whom to ring, rank by rank.
package struct Route: Sendable, Equatable {
    package var destination: DialPlan.Destination
    package var ranks: [[CallTarget]]
    package var plan: RingPlan
    /// The mailbox of who is rung.
    package var fallback: CallFallback?

    package init(destination: DialPlan.Destination, ranks: [[CallTarget]], plan: RingPlan = RingPlan()) {
        self.destination = destination
        self.ranks = ranks
        self.plan = plan
    }
}
