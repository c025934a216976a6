import SIPMessage
import SIPTransaction

/// What a leg tells its call.
enum LegEvent: Sendable, Equatable {
    /// A callee's telephone rings.
    case ringing
    /// A callee is to be heard before it answers: `media.stream` is known.
    case earlyMedia
    /// A callee has answered; the ACK is on its way and the media are negotiated.
    case answered
    /// A callee will not answer, with this status.
    case refused(status: Int)
    /// The caller has given up, or never acknowledged what had to be.
    case cancelled
    /// The negotiated media differ from before.
    case mediaChanged
    /// The peer refused an offer of ours inside the dialog; the session is as it was.
    case offerRefused(status: Int)
    /// Keys came in an INFO (`application/dtmf-relay`, `application/dtmf`).
    case digits(DigitRelay)
    /// The peer asks for a transfer; the REFER is yet to be answered.
    case referred(SIPRequest, ServerTransactionID)
    /// The peer refreshes or ends the subscription that a REFER of its made; the SUBSCRIBE is yet to be answered.
    case resubscribed(SIPRequest, EventHeader, ServerTransactionID)
    /// An established leg has ended from the other side, or is lost; why stands in `endReasons`.
    case hungUp
}
