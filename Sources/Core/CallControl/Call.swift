import Applications
import CloudMessages
import Media
import MediaNegotiation
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent

/// A call: two parties joined by a media session, or one and a service of the appliance.
///
/// ```text
///            ports opened               a callee answers, or one takes its place (Replaces)
///  opening ───────────────► ringing ─────────────────────► talking ◄──┐
///     │  self: ─────────────────────────────────────────────► │ │     │ the new party answers; or nobody does, and
///     │ no ports: 503, 500     │ all refuse: best of them     │ └─────┘ the transferor is still there
///     │ 5 s: 503               │ 60 s: 480    CANCEL: 487     │ BYE, peer lost   (REFER; a fork rings)
///     └────────────────────────┴───────────┬──────────────────┘
///                                          ▼        media closed, or 5 s
///                                       ending ─────────────────────────► ended (record written)
/// ```
///
/// Both sides are bridged by the media workers; each leg negotiates for itself, led to the other's codec so that nothing
/// is transcoded without need. Whoever comes into a running call takes the port of the side that is left; whoever stays
/// keeps theirs. An ended call stays until its legs' last transactions have finished.
struct Call: Sendable {
    enum Phase: Sendable, Equatable {
        case opening(until: Instant)
        case ringing
        case talking
        case ending(until: Instant)
        case ended
    }

    /// What a call cannot do alone.
    enum Wish: Sendable {
        /// The transferor wants the other end connected with the other end of one of its other calls.
        case join(Replaces, uri: SIPURI)
        /// Something has happened to a caller in an application.
        case application(ApplicationEvent)
        /// The caller goes into an application.
        case enter(Application)
        /// Both ends speak with each other, and did not before.
        case talking
        /// Everybody knows: the user's call with that number is recorded.
        case record(user: String, with: String)
    }

    let id: UInt64
    var destination: DialPlan.Destination
    let ranks: [[CallTarget]]
    let timers: CallTimers
    let limits: Limits
    let domain: String
    let startDate: UnixTime
    let maxForwards: Int
    let callerIdentity: CallerIdentity
    let plan: RingPlan
    let isPrivate: Bool
    let isEmergency: Bool
    /// What the appliance does for the parties, when they are not joined with each other.
    var service: CallService?
    /// The call waits in an orbit.
    var parked: Parked?
    /// Somebody is being called back into the call.
    var recall: Recall?
    /// The appliance has made the call itself; leg 0 is then somebody whom it has called.
    var origination: Origination?
    /// At the dial tone, a key has been pressed.
    var hasDialled = false
    /// In a room, the party only listens.
    var isListener = false
    /// What watchers of the orbit were told last.
    var reportedOrbit: DialogState?

    var phase: Phase
    var legs: [CallLeg]
    /// As many as `legs`.
    var participants: [CallParticipant]
    /// What leg descriptions start from; the port is set once known.
    let localMedia: LocalMedia
    /// Users by whose rights the call was led outside; see `CallControl.routed`.
    var sponsors: [String] = []
    /// For legs whose target or invitation does not say otherwise.
    let telephoneMedia: MediaRules
    var ports: [MediaSide: UInt16] = [:]
    /// The legs that are joined.
    var bridge: [MediaSide: Int] = [.a: 0]
    /// The leg that is heard before one answers.
    var early: Int?
    /// What rings: for the call itself, then for its transfers.
    var fork: Fork?
    var transfer: Transfer?
    var transferCount = 0
    var subscriptions: [ReferSubscription] = []
    var questionCount = 0
    /// Taken out by whoever owns the calls after each input.
    var wishes: [Wish] = []
    /// Who took the call first.
    var answeredBy: CallParty?
    var talkingSince: Instant?
    var length = Duration.zero
    /// What the media workers were told last.
    var configured: [MediaSide: MediaStreamDescription] = [:]
    var hearing: [MediaSide: AudioProgram] = [:]
    let sounds: CallSounds
    /// The application that the caller is, or was, in.
    var application: ApplicationLeg?
    /// Where the call goes when nobody takes it.
    let fallback: CallFallback?
    var recording: CallRecording?
    /// The legs that speak with each other, as was seen last.
    var conversation: [MediaSide: Int] = [:]
    /// Codes may be pressed in the call.
    var takesKeys: Bool { sounds.takesCallKeys }

    /// Takes up an INVITE whose description can be answered, and asks for media ports.
    init(
        _ invitation: Invitation, dialog: Dialog, id: UInt64, localMedia: LocalMedia, telephoneMedia: MediaRules,
        sounds: CallSounds, domain: String, timers: CallTimers, limits: Limits, context: inout CallContext
    ) {
        self.id = id
        self.timers = timers
        self.limits = limits
        self.domain = domain
        self.localMedia = localMedia
        self.telephoneMedia = telephoneMedia
        self.sounds = sounds
        destination = invitation.destination
        ranks = invitation.ranks
        plan = invitation.plan
        isPrivate = invitation.isPrivate
        isEmergency = invitation.isEmergency
        if let sponsor = invitation.plan.sponsor { sponsors = [sponsor] }
        if case .service(_, let service) = invitation.destination { self.service = service }
        fallback = invitation.fallback
        startDate = context.wall
        maxForwards = max(0, ((try? invitation.request.maxForwards()) ?? nil ?? 70) - 1)
        callerIdentity = CallerIdentity(
            party: invitation.caller,
            isAnonymous: invitation.hidesCaller ?? CallerIdentity.isHidden(in: invitation.request))
        let reference = LegReference(call: id, leg: 0)
        if let credentials = invitation.credentials { context.authenticate(reference, with: credentials) }
        legs = [
            CallLeg(
                callerOf: invitation, dialog: dialog, reference: reference,
                media: LegMedia(local: localMedia, rules: invitation.media ?? telephoneMedia),
                timers: timers, context: &context)
        ]
        participants = [
            CallParticipant(
                side: .a, target: nil, line: invitation.line, history: [], dialogID: "\(id)-0", began: context.wall,
                isAnonymous: callerIdentity.isAnonymous)
        ]
        phase = .opening(until: context.now + timers.media)
        let session = MediaSessionID(id)
        context.effects.append(.media(invitation.isEmergency ? .openForHelp(session) : .open(session)))
        reportDialogs(&context)
    }

    // MARK: Time

    /// When `deadline` next has work to do.
    var nextDeadline: Instant? {
        var deadline = phaseDeadline.orEarlier(isActive ? application?.nextDeadline : nil)
        for index in legs.indices { deadline = deadline.orEarlier(legs[index].nextDeadline) }  // without copies of legs
        return deadline
    }

    private var phaseDeadline: Instant? {
        switch phase {
        case .opening(let until), .ending(let until): until
        case .ringing, .talking: (fork?.nextDeadline).orEarlier(parked?.until).orEarlier(recording?.until)
        case .ended: nil
        }
    }

    mutating func deadline(_ context: inout CallContext) {
        for index in legs.indices { withLeg(index, &context) { $0.deadline(&$1) } }
        applicationDeadline(&context)
        guard let due = phaseDeadline, context.now >= due else { return }
        switch phase {
        case .opening:
            context.count("media.timeout")
            refuseCaller(503, fields: [.init(.retryAfter, "5")], &context)
            end(&context)
        case .ringing, .talking:
            forkDeadline(&context)
            parkDeadline(&context)
            recordingDeadline(&context)
        case .ending: finish(&context)
        case .ended: break
        }
    }

    /// True while the call uses a place among `Limits.calls`.
    var isActive: Bool {
        switch phase {
        case .opening, .ringing, .talking: true
        case .ending, .ended: false
        }
    }

    /// True when nothing is left to wait for.
    var isOver: Bool { phase == .ended && legs.allSatisfy(\.isOver) && subscriptions.isEmpty }

    // MARK: Legs

    /// Lets one leg handle something, then acts on what it reports.
    mutating func withLeg(
        _ index: Int, _ context: inout CallContext, _ body: (inout CallLeg, inout CallContext) -> [LegEvent]
    ) {
        guard legs.indices.contains(index) else { return }
        for event in body(&legs[index], &context) { handle(event, from: index, &context) }
    }

    /// A response to a request of a leg, or of a subscription in its dialog; `client` as the leg knows it.
    mutating func received(
        _ response: SIPResponse, to client: ClientTransactionID, for index: Int, _ context: inout CallContext
    ) {
        guard legs.indices.contains(index) else { return }
        if response.isFinal, meetsChallenge(response, to: client, of: index, &context) { return }
        if response.isFinal { context.finished(client, with: response, of: legs[index].reference) }
        if notified(client, response: response, &context) { return }
        note(response, to: client, of: index)
        withLeg(index, &context) { $0.received(response, to: client, &$1) }
    }

    mutating func failed(
        _ client: ClientTransactionID, _ reason: TransactionFailure, for index: Int, _ context: inout CallContext
    ) {
        guard legs.indices.contains(index) else { return }
        context.finished(client, with: nil, of: legs[index].reference)
        if notified(client, response: nil, &context) { return }
        withLeg(index, &context) { $0.failed(client, reason, &$1) }
    }

    private mutating func meetsChallenge(
        _ response: SIPResponse, to client: ClientTransactionID, of index: Int, _ context: inout CallContext
    ) -> Bool {
        guard [401, 407].contains(response.status), legs[index].wouldRepeat(client),
            let number = legs[index].nextNumber(after: response),
            let request = context.meetChallenge(
                response, to: client, of: legs[index].reference, cseq: number, over: legs[index].flow)
        else { return false }
        legs[index].sentAgain(request, as: client)
        return true
    }

    /// Keeps what the call wants to know of a response to our INVITE.
    private mutating func note(_ response: SIPResponse, to client: ClientTransactionID, of index: Int) {
        guard case .calling(client) = legs[index].state else { return }
        if !participants[index].isHeard {
            participants[index].isHeard = true
            if participants[index].target?.line != nil { fork?.keepRank() }
        }
        guard response.status > 100 else { return }
        if CallerIdentity.isHidden(in: response) { participants[index].isAnonymous = true }
        if response.status >= 300 {
            participants[index].refusal = response
        } else if participants[index].earlyTag == nil {
            participants[index].earlyTag = (try? response.to())?.tag
        }
    }

    private mutating func handle(_ event: LegEvent, from index: Int, _ context: inout CallContext) {
        switch event {
        case .ringing: rang(index, &context)
        case .earlyMedia: heardEarly(index, &context)
        case .answered: answered(by: index, &context)
        case .refused(let status): refused(by: index, status, &context)
        case .cancelled: if bridge[participants[index].side] == index { end(&context) }
        case .hungUp: hungUp(index, &context)
        case .mediaChanged: configureMedia(&context)
        case .offerRefused: break  // the session goes on as it was
        case .digits(let digit):
            if !press(digit, from: index, &context) { pass(digit, from: index, &context) }
        case .referred(let request, let server): referred(request, server, by: index, carriedBy: .leg(index), &context)
        case .resubscribed(let request, let event, let server):
            resubscribed(request, to: event, server, by: index, &context)
        }
    }

    private mutating func hungUp(_ index: Int, _ context: inout CallContext) {
        if participants[index].event == nil { participants[index].event = .localBye }
        let side = participants[index].side
        guard phase == .talking, bridge[side] == index else { return }  // one who was on the way out already
        if transfer?.transferor == index {  // what it asked for goes on without it (RFC 5589 section 6.1)
            bridge[side] = nil
            configureMedia(&context)
            return
        }
        end(&context)
    }

    /// A final refusal to the caller.
    mutating func refuseCaller(_ status: Int, fields: [SIPHeaders.Field] = [], _ context: inout CallContext) {
        if legs[0].isRinging {
            participants[0].event = .rejected
            participants[0].code = status
        }
        legs[0].refuse(status, fields: fields + reasonFields(of: status), &context)
    }

    // MARK: Questions

    /// Asks the owner where `uri` leads; `routed` gets the answer under the number that is given back.
    ///
    /// - Parameters:
    ///   - party: on whose behalf and by whose rights.
    ///   - caller: who will be heard there, and whether that may be shown.
    ///   - number: one that `takeQuestion` has given; nil: a new one.
    @discardableResult
    mutating func ask(
        _ purpose: RoutingRequest.Purpose, for uri: SIPURI, by party: CallParty,
        for caller: (party: CallParty, isWithheld: Bool), over line: LineID? = nil, as number: Int? = nil,
        _ context: inout CallContext
    ) -> Int {
        let number = number ?? takeQuestion()
        context.effects.append(
            .routing(
                RoutingRequest(
                    id: RoutingID(call: id, number: number), uri: uri, party: party, caller: caller.party,
                    isWithheld: caller.isWithheld, line: line, purpose: purpose)))
        return number
    }

    /// The number of a question that will be asked.
    mutating func takeQuestion() -> Int {
        questionCount += 1
        return questionCount - 1
    }

    /// Who is at that leg, as the owner is told.
    func known(_ index: Int) -> (party: CallParty, isWithheld: Bool) {
        (legs[index].party, participants[index].isAnonymous)
    }

    // MARK: Ending

    /// Ends every leg that still stands and asks for the statistics.
    mutating func end(_ context: inout CallContext) {
        guard isActive else { return }
        if let talkingSince { length = context.now - talkingSince }
        leaveApplication()
        if transfer != nil {
            transfer = nil
            notify(487, of: subscriptions.count - 1, &context)
        }
        fork = nil
        recall = nil
        parked = nil
        recording = nil  // the workers end it with the session
        phase = .ending(until: context.now + timers.media)
        let reasons = endReasons
        for index in legs.indices where !dismissesLater(index) { legs[index].hangUp(because: reasons, &context) }
        context.effects.append(.media(.close(MediaSessionID(id))))
    }

    mutating func finish(_ context: inout CallContext) {
        if isActive { end(&context) }  // the workers closed by themselves
        guard case .ending = phase else { return }
        phase = .ended
        if isRecorded { context.effects.append(.ended(record)) }
    }

    /// A code that was dialled is no call, nor is what an announcement is heard with.
    var isRecorded: Bool {
        if case .service(_, .tone) = destination { false } else { !isListener }
    }
}
