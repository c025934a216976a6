package import Primitives

/// Whose turn it is to describe the session, in one dialog (RFC 3264 section 4, RFC 3261 sections 13.2.1 and 14, RFC
/// 3262 section 5, RFC 3311, RFC 6337 table 1).
///
/// ```text
///                offer in INVITE, reliable 1xx, 2xx, PRACK, UPDATE
///  stable ─────────────────────────────────────────────────────────► offered(by, in)
///    ▲ │ INVITE without description                                     │
///    │ ▼                     offer in reliable 1xx or 2xx               │
///    │ offerDue(from UAS) ──────────────────────────────────────────────┤
///    └──────── answer in the one message that the table names, or failure: as before ─┘
/// ```
///
/// Every message of the dialog that may carry a description is told to it, in both directions, with or without one.
/// What it refuses from the peer has changed nothing. It never looks into a description.
package struct OfferAnswerState: Sendable, Equatable {
    package enum Side: Sendable, Equatable {
        case local, remote
        package var other: Side { self == .local ? .remote : .local }
    }
    /// A message which may carry a description. A `…Failure` is a final response of 300-699 or none at all.
    package enum Carrier: Sendable, Equatable, CaseIterable {
        case invite, provisional, reliableProvisional, inviteSuccess, inviteFailure, ack
        case prack, prackSuccess, prackFailure
        case update, updateSuccess, updateFailure
    }
    package enum Phase: Sendable, Equatable {
        /// No offer is open.
        case stable
        /// INVITE came without a description: the side that answers it will make the offer.
        case offerDue(from: Side)
        /// That side has offered, in this message.
        case offered(by: Side, in: Carrier)
    }
    package enum Meaning: Sendable, Equatable {
        /// It says nothing on the session.
        case none
        case offer
        /// The answer to the open offer; in an unreliable provisional response its preview, which counts as the answer.
        case answer
        /// A description which must be ignored: the answer is known already, or it has no place here.
        case ignored
        /// The answer should have been here: end the session, or refuse the PRACK.
        case missingAnswer
        /// The open offer is void, the session stays as it was before.
        case rolledBack
        /// We have an offer or INVITE open (RFC 3261 section 14.2, RFC 3311 section 5.2): answer 491.
        case requestPending
        /// The peer's own is still unanswered: answer 500 with `retryAfter(_:)`.
        case tooSoon
    }

    package private(set) var phase = Phase.stable
    /// Whose INVITE or re-INVITE has no final response yet.
    package private(set) var pendingInvite: Side?
    /// The answer has been seen in an unreliable provisional response.
    private var isPreviewed = false

    package init() {}

    /// True when we may begin with an offer in that request now: INVITE, UPDATE or PRACK.
    package func mayOffer(in carrier: Carrier) -> Bool {
        switch carrier {
        case .invite: phase == .stable && pendingInvite == nil
        case .update, .prack: phase == .stable
        default: phase == .offerDue(from: .local) && (carrier == .reliableProvisional || carrier == .inviteSuccess)
        }
    }

    /// Takes a message of the dialog from `side`, with or without a description.
    package mutating func take(_ carrier: Carrier, from side: Side, hasDescription: Bool) -> Meaning {
        switch carrier {
        case .invite: return takeInvite(from: side, hasDescription: hasDescription)
        case .update:
            guard hasDescription else { return .none }
            if let refusal { return side == .remote ? refusal : .ignored }
            phase = .offered(by: side, in: .update)
            return .offer
        case .provisional: return takePreview(from: side, hasDescription: hasDescription)
        case .reliableProvisional: return takeReliable(from: side, hasDescription: hasDescription)
        case .inviteSuccess:
            guard pendingInvite == side.other else { return hasDescription ? .ignored : .none }
            let meaning = takeSuccess(from: side, hasDescription: hasDescription)
            pendingInvite = nil
            isPreviewed = false
            return meaning
        case .inviteFailure:
            guard pendingInvite == side.other else { return .none }
            pendingInvite = nil
            isPreviewed = false
            return rollBack { $0 == .invite || $0 == .reliableProvisional }
        case .ack: return takeAnswer(of: .inviteSuccess, from: side, hasDescription: hasDescription)
        case .prack:
            if case .offered(by: side.other, in: .reliableProvisional) = phase {
                return takeAnswer(of: .reliableProvisional, from: side, hasDescription: hasDescription)
            }
            guard hasDescription else { return .none }
            guard phase == .stable else { return .ignored }
            phase = .offered(by: side, in: .prack)
            return .offer
        case .prackSuccess: return takeAnswer(of: .prack, from: side, hasDescription: hasDescription)
        case .updateSuccess: return takeAnswer(of: .update, from: side, hasDescription: hasDescription)
        case .prackFailure: return rollBack { $0 == .prack }
        case .updateFailure: return rollBack { $0 == .update }
        }
    }

    /// How long to wait after a 491 before the request is tried again (RFC 3261 section 14.1), in steps of 10 ms:
    /// 2.1 to 4 s for the side that made the Call-ID, 0 to 2 s for the other.
    package static func glareDelay(ownsCallID: Bool, entropy: inout Entropy) -> Duration {
        let steps = ownsCallID ? 210 + entropy.next() % 191 : entropy.next() % 201
        return .milliseconds(10 * Int64(steps))
    }

    /// The Retry-After of a 500, 0 to 10 s (RFC 3261 section 14.2, RFC 3311 section 5.2).
    package static func retryAfter(_ entropy: inout Entropy) -> Int { Int(entropy.next() % 11) }

    /// What to say to an offer of the peer while something is open; nil when nothing is.
    private var refusal: Meaning? {
        switch phase {
        case .stable: nil
        case .offered(by: .local, in: _), .offerDue(from: .remote): .requestPending
        case .offered(by: .remote, in: _), .offerDue(from: .local): .tooSoon
        }
    }

    private mutating func takeInvite(from side: Side, hasDescription: Bool) -> Meaning {
        if pendingInvite == nil, phase == .stable {
            pendingInvite = side
            isPreviewed = false
            phase = hasDescription ? .offered(by: side, in: .invite) : .offerDue(from: side.other)
            return hasDescription ? .offer : .none
        }
        guard side == .remote else { return .ignored }
        return switch pendingInvite {
        case .local: .requestPending
        case .remote: .tooSoon
        case nil: refusal ?? .tooSoon
        }
    }

    private mutating func takePreview(from side: Side, hasDescription: Bool) -> Meaning {
        guard hasDescription else { return .none }
        guard phase == .offered(by: side.other, in: .invite), !isPreviewed else { return .ignored }
        isPreviewed = true
        return .answer
    }

    private mutating func takeReliable(from side: Side, hasDescription: Bool) -> Meaning {
        guard hasDescription else { return .none }
        switch phase {
        case .offered(by: side.other, in: .invite):
            phase = .stable
            return isPreviewed ? .ignored : .answer
        case .offerDue(from: side):
            phase = .offered(by: side, in: .reliableProvisional)
            return .offer
        default: return .ignored
        }
    }

    private mutating func takeSuccess(from side: Side, hasDescription: Bool) -> Meaning {
        switch phase {
        case .offered(by: side.other, in: .invite):
            phase = .stable
            if isPreviewed { return hasDescription ? .ignored : .none }
            return hasDescription ? .answer : .missingAnswer
        case .offerDue(from: side):
            guard hasDescription else {
                phase = .stable
                return .missingAnswer
            }
            phase = .offered(by: side, in: .inviteSuccess)
            return .offer
        default: return hasDescription ? .ignored : .none
        }
    }

    private mutating func takeAnswer(of carrier: Carrier, from side: Side, hasDescription: Bool) -> Meaning {
        guard phase == .offered(by: side.other, in: carrier) else { return hasDescription ? .ignored : .none }
        phase = .stable
        return hasDescription ? .answer : .missingAnswer
    }

    private mutating func rollBack(_ isVoid: (Carrier) -> Bool) -> Meaning {
        switch phase {
        case .offered(by: _, in: let carrier) where isVoid(carrier): break
        case .offerDue where isVoid(.invite): break
        default: return .none
        }
        phase = .stable
        return .rolledBack
    }
}
