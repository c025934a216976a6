import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent

/// One side of a call: an INVITE, the dialog it makes, and what is negotiated in it (RFC 3261 sections 12 to 15).
///
/// ```text
///  caller's leg                          callee's leg
///
///    invited ──refuse, CANCEL──► over      calling ──3xx-6xx, failed──► over
///       │                                   │   │
///       │ accept: 2xx                  2xx: │   └──cancel──► cancelling ──3xx-6xx, failed──► over
///       ▼                              ACK  │                    │ 2xx: ACK, BYE
///  established ◄────────────────────────────┘                    ▼
///    │    │                                                   closing
///    │    ├── hang up, no ACK outstanding: BYE ──► closing ──answered or failed──► over
///    │    └── hang up, ACK outstanding ──► leaving ──ACK or none in 64*T1: BYE──► closing
///    └── BYE came, ACK missing: BYE ──► over, closing
/// ```
///
/// The leg negotiates for itself: what it tells the call (`LegEvent`) is that its media changed, not how. Deadlines are
/// the transactions' own; the call bounds the rest.
struct CallLeg: Sendable {
    enum State: Sendable, Equatable {
        case invited(ServerTransactionID)
        case calling(ClientTransactionID)
        case cancelling(ClientTransactionID)
        case established
        case leaving
        case closing(ClientTransactionID)
        case over
    }

    /// An INVITE answered with 2xx whose ACK has not come.
    struct UnacknowledgedInvite: Sendable, Equatable {
        let server: ServerTransactionID
        let cseq: UInt32
    }

    let reference: LegReference
    /// Who is at the other end.
    let party: CallParty
    /// The user part of our Contact.
    let contactUser: String
    let localTag: String
    /// The INVITE that began the leg, received or sent.
    let invite: SIPRequest
    var flow: SIPFlow
    var state: State
    var dialog: Dialog?
    var media: LegMedia
    var unacknowledged: UnacknowledgedInvite?
    /// The ACK of the INVITE we sent, for repeated 2xx.
    var acknowledgement: SIPRequest?
    /// A session description that came ahead of the 2xx (RFC 3261 section 13.2.1).
    var earlyAnswer: [UInt8] = []
    /// An OPTIONS that asks whether the peer still lives.
    var probe: ClientTransactionID?
    var hasRung = false

    /// The caller's leg: its INVITE waits for an answer.
    init(
        callerOf invitation: Invitation, dialog: Dialog, reference: LegReference, media: LegMedia,
        context: inout CallContext
    ) {
        self.reference = reference
        self.media = media
        party = invitation.caller
        contactUser = invitation.destination.party.number
        self.dialog = dialog
        localTag = dialog.id.localTag
        invite = invitation.request
        flow = invitation.flow
        state = .invited(invitation.server)
        flow = dialog.flow(over: invitation.flow, sentBy: try? invitation.request.topVia())
        context.directory.enter(invitation.server, for: reference)
        context.directory.enter(tag: localTag, for: reference)
    }

    /// A callee's leg: sends the INVITE with our offer.
    init(
        calling target: CallTarget, from caller: CallParty, domain: String, maxForwards: Int, reference: LegReference,
        media: LegMedia, context: inout CallContext
    ) {
        self.reference = reference
        self.media = media
        party = target.party
        contactUser = caller.number
        localTag = context.makeTag()
        flow = target.flow
        var from = NameAddress(displayName: caller.name, uri: SIPURI(user: caller.number, host: domain))
        from.tag = localTag
        let to = NameAddress(uri: SIPURI(user: target.party.number, host: domain))
        var request = SIPRequest(method: .invite, uri: target.uri)
        request.headers = SIPHeaders([
            .init(.maxForwards, String(maxForwards)), .init(.from, from.description), .init(.to, to.description),
            .init(.callID, context.agent.entropy.hexToken(bytes: 16)), .init(.cseq, "1 INVITE"),
            .init(.contact, NameAddress(uri: Self.contact(user: caller.number, on: target.flow)).description),
            .init(.allow, SIPCapabilities.allow), .init(.userAgent, SIPCapabilities.product),
            .init(.contentType, SIPCapabilities.sessionDescription),
        ])
        request.body = self.media.makeOffer()
        invite = request
        state = .over
        state = .calling(context.send(request, over: target.flow, for: reference))
        context.directory.enter(tag: localTag, for: reference)
    }

    var isOver: Bool { state == .over }

    /// Still waiting for the person or the telephone to decide.
    var isRinging: Bool {
        switch state {
        case .invited, .calling: true
        case .cancelling, .established, .leaving, .closing, .over: false
        }
    }

    var isEstablished: Bool { state == .established }

    /// `sip:100@192.0.2.1:5060;transport=tcp`
    static func contact(user: String, on flow: SIPFlow) -> SIPURI {
        var uri = SIPURI(user: user, host: flow.local.hostText, port: flow.local.port)
        if flow.transport != .udp { uri.parameters.set("transport", flow.transport.rawValue.lowercased()) }
        return uri
    }
}

extension Dialog {
    /// Where requests inside the dialog go: to the first proxy, which is where the peer's message came from, or straight
    /// to the peer's Contact.
    func flow(over source: SIPFlow, sentBy via: Via?) -> SIPFlow {
        routeSet.isEmpty ? source.reaching(remoteTarget, sentBy: via) : source
    }
}

extension Endpoint {
    /// The address as a URI's host: IPv6 in brackets.
    fileprivate var hostText: String { address.isV4 ? "\(address)" : "[\(address)]" }
}

/// What a leg tells its call.
enum LegEvent: Sendable, Equatable {
    /// A callee's telephone rings.
    case ringing
    /// A callee has answered; the ACK is on its way and the media are negotiated.
    case answered
    /// A callee will not answer, with this status.
    case refused(status: Int)
    /// The caller has given up.
    case cancelled
    /// The negotiated media differ from before.
    case mediaChanged
    /// An established leg has ended from the other side, or is lost.
    case hungUp
}
