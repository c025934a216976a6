import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction

/// The subscription that a REFER makes: how the transfer goes, told in NOTIFY requests (RFC 3515 section 2.4, RFC 6665).
///
/// One NOTIFY at a time: what comes while one waits for its answer follows it, the last state alone.
struct ReferSubscription: Sendable {
    /// Where the NOTIFY requests travel.
    enum Carrier: Sendable {
        /// In the dialog of that leg, which the REFER came in.
        case leg(Int)
        /// In the dialog that the REFER itself made.
        case own(Dialog, SIPFlow)
    }

    /// The transferor's leg.
    let leg: Int
    var carrier: Carrier
    let event: EventHeader
    /// Seconds that the subscription lasts.
    let expires: Int
    /// The leg is to be hung up once the last NOTIFY is through.
    var dismissesLeg = false
    /// False once the last NOTIFY is through, or nobody listens.
    private(set) var isOpen: Bool
    private(set) var outstanding: ClientTransactionID?
    private var last = 0
    private var next: Int?
    /// The peer wants to hear no more after the next NOTIFY.
    private var isEnding = false
    /// What it has been told last is to be told once more.
    private var repeats = false

    /// `isSilent`: the REFER asked for no subscription (RFC 4488).
    init(leg: Int, carrier: Carrier, event: EventHeader, expires: Int, isSilent: Bool) {
        self.leg = leg
        self.carrier = carrier
        self.event = event
        self.expires = expires
        isOpen = !isSilent
    }

    /// The status to send now; nil: it waits, says nothing new, or nobody listens.
    mutating func note(_ status: Int) -> Int? {
        guard isOpen, !isEnding, last < 200, status != last else { return nil }
        guard outstanding == nil else {
            if (next ?? 0) < 200 { next = status }
            return nil
        }
        last = status
        return status
    }

    mutating func sent(as client: ClientTransactionID) { outstanding = client }

    /// The outstanding NOTIFY has met an answer, or will never. Gives the status to send next.
    mutating func answered(isAccepted: Bool) -> Int? {
        outstanding = nil
        guard isAccepted, last < 200, !isEnding || repeats else {
            isOpen = false
            return nil
        }
        if repeats {
            repeats = false
            last = next ?? last
            next = nil
            return last
        }
        guard let status = next else { return nil }
        next = nil
        return note(status)
    }

    /// True when a SUBSCRIBE with that event, in the dialog of that leg, is about this one.
    func isCarried(by leg: Int, as event: EventHeader) -> Bool {
        guard isOpen, !isEnding, case .leg(leg) = carrier else { return false }
        return event.matches(self.event)
    }

    /// The peer has asked for it once more, or for its end. Gives the status to send now; nil: it follows the NOTIFY
    /// that waits for its answer.
    mutating func renew(isEnding: Bool) -> Int? {
        self.isEnding = isEnding
        guard outstanding == nil else {
            repeats = last < 200
            return nil
        }
        return last
    }

    mutating func close() { isOpen = false }

    /// What the NOTIFY says of the subscription: over with a final status (RFC 3515 section 2.4.5), or when the peer
    /// has ended it (RFC 6665 section 4.4.1).
    func state(for status: Int) -> SubscriptionState {
        if status >= 200 { return SubscriptionState(.terminated, reason: .noResource) }
        return isEnding
            ? SubscriptionState(.terminated, reason: .timeout) : SubscriptionState(.active, expires: expires)
    }

    /// `message/sipfrag`: the status line (RFC 3420).
    static func fragment(_ status: Int) -> [UInt8] {
        Array("SIP/2.0 \(status) \(SIPResponse.reasonPhrase(status))\r\n".utf8)
    }
}

/// A transfer that is under way (RFC 5589).
struct Transfer: Sendable {
    /// The leg that asked for it.
    let transferor: Int
    /// By which the owner's answer is known.
    let question: Int
    /// As the new callee is told it.
    let referredBy: NameAddress
}
