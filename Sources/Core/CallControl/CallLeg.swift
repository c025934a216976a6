import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent

/// One side of a call: an INVITE, the dialog it makes, and what is negotiated in it (RFC 3261 sections 12 to 15, with
/// RFC 3262 reliable provisional responses, RFC 3311 UPDATE, RFC 4028 session timers, RFC 3326 reasons).
///
/// ```text
///  caller's leg                              callee's leg
///
///    invited ──refuse, CANCEL──────► over      calling ──3xx-6xx, failed──► over
///      │  │                           ▲          │   │
///      │  │ accept: 2xx held for PRACK│     2xx: │   └──cancel──► cancelling ──3xx-6xx, failed──► over
///      │  └──► answering ──no PRACK───┘     ACK  │                    │ 2xx: ACK, BYE
///      │ accept: 2xx  │ PRACK: 2xx               │                    ▼
///      ▼              ▼                          │                 closing
///  established ◄──────┴──────────────────────────┘
///    │    │
///    │    ├── hang up, session expired, re-INVITE failed, no ACK outstanding: BYE ──► closing ──answered, failed──► over
///    │    └── hang up, ACK outstanding ──► leaving ──ACK or none in 64*T1: BYE──► closing
///    └── BYE came, ACK missing: BYE ──► over, closing
/// ```
///
/// The leg negotiates for itself: what it tells the call (`LegEvent`) is that its media changed, not how. Its deadlines
/// are data (`nextDeadline`): repetition of a reliable provisional response, the session timer, and the wait after a
/// 491. All others are the transactions' own.
struct CallLeg: Sendable {
    enum State: Sendable, Equatable {
        case invited(ServerTransactionID)
        /// Accepted; the 2xx waits for the PRACK of a description that went ahead of it (RFC 3262 section 3).
        case answering(ServerTransactionID)
        case calling(ClientTransactionID)
        case cancelling(ClientTransactionID)
        case established
        case leaving
        case closing(ClientTransactionID)
        case over
    }

    /// Another one once the leg has gone into another call.
    var reference: LegReference
    /// Who is at the other end.
    let party: CallParty
    /// The user part of our Contact.
    let contactUser: String
    let localTag: String
    /// The INVITE that began the leg, received or sent; the last one if it had to be sent again.
    var invite: SIPRequest
    var flow: SIPFlow {
        didSet { media.follow(flow) }
    }
    var state: State
    /// Who the peer is told to be connected with (RFC 3325, P-Asserted-Identity).
    var connected: NameAddress?
    /// The dialog in use. Of a callee that still rings: the early one whose media count.
    var dialog: Dialog?
    /// The dialogs that the callee's telephones and proxies have made of our INVITE.
    var forks: DialogSet?
    var media: LegMedia
    /// Whose turn it is to describe the session in `dialog`.
    var exchange = OfferAnswerState()
    let timers: CallTimers

    // MARK: The INVITE that began the leg

    /// Reliable provisional responses to a caller who knows them.
    var provisionals: ReliableProvisionals?
    /// Reliable provisional responses of callees.
    var acknowledgements = ProvisionalAcknowledgements()
    /// The answer that the caller was given ahead of the 2xx.
    var earlyDescription: [UInt8] = []
    /// Session descriptions that callees sent ahead of their 2xx (RFC 3261 section 13.2.1), by dialog.
    var earlyAnswers: [EarlyAnswer] = []
    /// The dialog whose answer was acknowledged with PRACK: nothing that follows replaces it.
    var settledEarly: DialogID?
    /// The callee is to be heard already.
    var hasEarlyMedia = false
    var hasRung = false
    /// See `CallTarget.device`.
    var device: String?
    /// The callee has refused our first offer, and was made this one; nil once that is settled.
    var secondOffer: LegMedia.Offer?
    /// How often the INVITE was sent anew, as after a 422.
    var inviteRetries = 0
    /// A BYE for a fork that answered too late is on its way.
    var endedForks: [DialogID] = []

    /// When no more forks can answer (RFC 3261 section 13.2.2.4).
    var forksEnd: Instant?

    // MARK: The session

    var unacknowledged: UnacknowledgedInvite?
    /// The ACKs of the INVITEs that we sent, for repeated 2xx; the last few.
    var sentAcks: [SentAck] = []
    /// Requests of ours inside the dialog that wait for their final response.
    var requests: [SentRequest] = []
    var sessionTimer: SessionTimer
    /// A change of the session that could not be offered yet.
    var wantsRenegotiation = false
    /// When an offer is tried again after a 491 or a 500 with Retry-After.
    var retry: Instant?
    var retries = 0
    var digitRate = DigitRate()
    /// What the peer said it understands.
    var peer = PeerCapabilities()
    /// Why the leg ended, as the other side said (RFC 3326).
    var endReasons: [ReasonValue] = []
    /// How a callee refused the INVITE, and why.
    var refusal: Refusal?
    /// What the BYE will say that waits for an ACK.
    var leaveReasons: [ReasonValue] = []

    /// The caller's leg: its INVITE waits for an answer.
    init(
        callerOf invitation: Invitation, dialog: Dialog, reference: LegReference, media: LegMedia,
        timers: CallTimers = CallTimers(), context: inout CallContext
    ) {
        self.reference = reference
        self.media = media
        self.timers = timers
        party = invitation.caller
        contactUser = invitation.destination.party.number
        self.dialog = dialog
        localTag = dialog.id.localTag
        invite = invitation.request
        flow = invitation.flow
        state = .invited(invitation.server)
        flow = dialog.flow(over: invitation.flow, sentBy: try? invitation.request.topVia())
        sessionTimer = SessionTimer(policy: timers.session(over: invitation.line))
        self.media.reach(over: flow, entropy: &context.agent.entropy)
        begin(context: &context)
        context.directory.enter(invitation.server, for: reference)
        context.directory.enter(tag: localTag, for: reference)
    }

    /// A callee's leg: sends the INVITE with our offer.
    init(
        calling target: CallTarget, from caller: CallerIdentity, history: [DivertedTarget], domain: String,
        maxForwards: Int, reference: LegReference, media: LegMedia, timers: CallTimers = CallTimers(),
        context: inout CallContext
    ) {
        self.reference = reference
        self.media = media
        self.timers = timers
        party = target.party
        contactUser = caller.contactUser(towards: target)
        localTag = context.makeTag()
        flow = target.flow
        var from = caller.from(towards: target, in: domain)
        from.tag = localTag
        let to = caller.to(target, in: domain)
        var request = SIPRequest(method: .invite, uri: target.uri)
        let contact = target.flow.contact(user: contactUser, scheme: target.uri.scheme == .sips ? .sips : .sip)
        request.headers = SIPHeaders([
            .init(.maxForwards, String(maxForwards)), .init(.from, from.description), .init(.to, to.description),
            .init(.callID, context.agent.entropy.hexToken(bytes: 16)), .init(.cseq, "1 INVITE"),
            .init(.contact, NameAddress(uri: contact).description),
            .init(.allow, SIPCapabilities.allow), .init(.supported, SIPCapabilities.supported),
            .init(.accept, SIPCapabilities.accept), .init(.userAgent, SIPCapabilities.product),
            .init(.contentType, SIPCapabilities.sessionDescription),
        ])
        for field in caller.fields(towards: target, history: history, in: domain) {
            request.headers.append(field.name, field.value)
        }
        self.media.reach(over: target.flow, entropy: &context.agent.entropy)
        device = target.device
        request.body = self.media.makeFirstOffer(
            isPlain: context.protectionRefusals.contains(device, at: context.now))
        sessionTimer = SessionTimer(policy: timers.session(over: target.line))
        invite = request
        state = .over
        sendInvite(&context)
        context.directory.enter(tag: localTag, for: reference)
    }

    var isOver: Bool { state == .over }

    /// Still waiting for the person or the telephone to decide.
    var isRinging: Bool {
        switch state {
        case .invited, .calling: true
        case .answering, .cancelling, .established, .leaving, .closing, .over: false
        }
    }

    var isEstablished: Bool { state == .established }

    /// A 2xx was sent or received, or is only held back, and the session has not ended.
    var isAnswered: Bool {
        switch state {
        case .answering, .established: true
        case .invited, .calling, .cancelling, .leaving, .closing, .over: false
        }
    }

    /// True of the leg whose INVITE we sent.
    var isCallee: Bool { forks != nil }
}
