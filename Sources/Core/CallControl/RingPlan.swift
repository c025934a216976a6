package import SIPMessage

/// How targets are rung, besides who they are: what call features wish of a call that they have led somewhere.
package struct RingPlan: Sendable, Equatable {
    /// How long each rank rings, in the order of the ranks; nil, or none: as `CallTimers` say.
    package var patience: [Duration?] = []
    /// Whom the owner is asked about when nobody has answered (`RoutingRequest.Purpose.unanswered`); nil: nobody.
    package var station: CallParty?
    /// The numbers that led here, from the one that was dialled to the one that rings; empty when these are the same.
    package var history: [DivertedTarget] = []
    /// What the caller is told when there is nobody to ring.
    package var refusal = 480
    /// By whose rights the call goes outside, when the caller's are not meant: it counts as that user's too.
    package var sponsor: String?

    /// The call is one for help: no limit of its caller's holds it up.
    package var isEmergency = false

    package init() {}
}

/// A station of a call that was redirected (RFC 7044).
package struct DivertedTarget: Sendable, Equatable {
    package var uri: SIPURI
    /// The status with which it sent the call on; nil for the last station.
    package var cause: Int?

    package init(uri: SIPURI, cause: Int? = nil) {
        self.uri = uri
        self.cause = cause
    }
}
