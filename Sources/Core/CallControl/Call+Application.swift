import Applications
import Media
import Primitives
import SIPMessage

/// A caller in an application: what an `ApplicationCommand` means for the call, and what happens to the call for the
/// application. Events go to the owner of the calls as wishes.
extension Call {
    // MARK: In and out

    /// Who is on that side (nil: where the application before was, else the caller's), has been answered, and goes into an
    /// application. From then on `application` is there.
    mutating func enter(_ application: Application, on side: MediaSide? = nil, _ context: inout CallContext) {
        let side = side ?? self.application?.side ?? .a
        if self.application?.side != side || self.application?.isConnected == true {
            context.effects.append(.media(.collect(MediaSessionID(id), side, ApplicationLeg.allKeys)))
        }
        self.application = ApplicationLeg(on: side)
        wishes.append(.enter(application))
    }

    /// Not yet connected with somebody.
    var isInApplication: Bool { application?.isConnected == false }

    /// The leg that is in the application.
    var applicationIndex: Int { application.flatMap { bridge[$0.side] } ?? 0 }

    /// One end leaves, the other one comes into the application: a transfer to the appliance's own number.
    mutating func enterByTransfer(_ application: Application, _ context: inout CallContext) {
        guard let transfer else { return }
        self.transfer = nil
        notify(200, of: subscriptions.count - 1, &context)
        let side = participants[transfer.transferor].side
        leave(transfer.transferor, &context)
        enter(application, on: side.other, &context)
        configureMedia(&context)
    }

    /// The call ends.
    mutating func leaveApplication() {
        guard application != nil else { return }
        wishes.append(.application(.left))
    }

    /// Nobody has taken the call, and there is a mailbox for it: true.
    mutating func fallBack(_ status: Int, _ context: inout CallContext) -> Bool {
        guard phase == .ringing, let fallback, legs[0].isRinging else { return false }
        let isRung = fork?.legs.isEmpty == false
        stopFork(&context)
        guard legs[0].accept(preferring: [], &context) else { return false }
        talk(&context)
        enter(.deposit(box: fallback.box, because: Self.reason(of: status, isRung: isRung)), &context)
        return true
    }

    private static func reason(of status: Int, isRung: Bool) -> Application.DepositReason {
        [486, 600, 603].contains(status) ? .busy : isRung ? .noAnswer : .unreachable
    }

    // MARK: Hearing

    /// What the caller hears of its application; nil: what it would hear without.
    func applicationProgram(for side: MediaSide) -> AudioProgram? {
        guard let application, side == application.side, !application.isConnected else { return nil }
        guard application.connection?.hearing == .ringback, fork != nil else { return application.program }
        return early == nil ? .playing(sounds.ringback, then: .peer) : .peer
    }

    private mutating func hear(_ program: AudioProgram, _ context: inout CallContext) {
        guard phase == .talking, let side = application?.side, application?.isConnected == false else { return }
        application?.program = program
        hearing[side] = program
        context.effects.append(.media(.hear(MediaSessionID(id), side, program)))
    }

    mutating func play(_ playlist: Playlist, _ context: inout CallContext) {
        guard application != nil else { return }
        application?.isLoading = false
        application?.playsUntil = playlist.duration.map { context.now + $0 }
        hear(.playing(playlist, then: .silence), &context)
    }

    /// What is to be played is not there yet; meanwhile no key is missed.
    mutating func awaitSounds(_ context: inout CallContext) {
        guard application != nil else { return }
        application?.isLoading = true
        application?.playsUntil = nil
        hear(.silence, &context)
    }

    mutating func join(_ room: RoomID, _ participation: RoomParticipation, _ context: inout CallContext) {
        application?.playsUntil = nil
        hear(.room(room, participation), &context)
    }

    /// Something of the media workers' about the caller.
    mutating func applicationMedia(_ event: MediaEvent, _ context: inout CallContext) {
        guard let application, !application.isConnected, isActive else { return }
        switch event {
        case .played(_, application.side):
            guard let until = application.playsUntil, context.now + ApplicationLeg.tolerance >= until else { return }
            self.application?.playsUntil = nil
            awaitKeys(context.now)
            wishes.append(.application(.played))
        case .digit(_, application.side, let digit, _): press(digit, &context)
        case .collected(_, application.side, _):
            context.effects.append(.media(.collect(MediaSessionID(id), application.side, ApplicationLeg.allKeys)))
        default: break
        }
    }

    // MARK: Keys

    mutating func collect(_ rules: DigitRules?, at now: Instant) {
        application?.awaited = rules
        application?.collector = nil
        if application?.playsUntil == nil, application?.isLoading == false { awaitKeys(now) }
    }

    private mutating func awaitKeys(_ now: Instant) {
        guard let rules = application?.awaited, application?.collector == nil else { return }
        application?.collector = DigitCollector(rules, at: now)
    }

    /// A key by INFO: true when it was meant for the application.
    mutating func press(_ relay: DigitRelay, from index: Int, _ context: inout CallContext) -> Bool {
        guard let application, !application.isConnected, bridge[application.side] == index else { return false }
        if let digit = Digit(relay.key) { press(digit, &context) }
        return true
    }

    private mutating func press(_ digit: Digit, _ context: inout CallContext) {
        guard application?.awaited != nil else { return }
        awaitKeys(context.now)
        if application?.playsUntil != nil || application?.isLoading == true {  // who knows what is said need not wait
            application?.playsUntil = nil
            application?.isLoading = false
            hear(.silence, &context)
        }
        if let outcome = application?.collector?.take(digit, at: context.now) { collected(outcome) }
    }

    mutating func applicationDeadline(_ context: inout CallContext) {
        guard isActive else { return }
        if let outcome = application?.collector?.handleDeadline(at: context.now) { collected(outcome) }
    }

    private mutating func collected(_ outcome: DigitCollector.Outcome) {
        application?.collector = nil
        application?.awaited = nil
        wishes.append(.application(.digits(outcome.digits, outcome.reason)))
    }

    // MARK: Connecting

    /// Asks where the numbers lead.
    mutating func connect(_ connection: Connection, _ context: inout CallContext) {
        guard application != nil, phase == .talking, fork == nil else { return }
        collect(nil, at: context.now)
        application?.connection = connection
        application?.routes = []
        application?.fallback = nil
        for number in connection.numbers {
            let question = ask(
                .application(mayLeave: connection.mayLeave), for: SIPURI(user: number, host: domain),
                by: destination.party, for: known(applicationIndex), &context)
            application?.questions.append(question)
        }
    }

    /// The owner's answer; true when the question was one of an application.
    mutating func routedForApplication(_ number: Int, _ route: Route?, _ context: inout CallContext) -> Bool {
        guard let place = application?.questions.firstIndex(of: number) else { return false }
        application?.questions.remove(at: place)
        if let route { application?.routes.append(route) }
        guard let application, application.questions.isEmpty, let connection = application.connection,
            phase == .talking
        else { return true }
        guard let first = application.routes.first else {
            unanswered(.unknown, &context)
            return true
        }
        if case .service(_, let service) = first.destination {
            pass(to: service, &context)
            return true
        }
        self.application?.fallback = connection.takesMailbox ? first.fallback : nil
        var ranks: [[CallTarget]] = []
        for route in application.routes { ranks.merge(route.ringable) }
        guard !ranks.isEmpty else {
            applicationFailed(480, &context)
            return true
        }
        var patience = Duration.seconds(connection.patienceSeconds)
        if let fallback = self.application?.fallback { patience = min(patience, fallback.after) }
        let who = applicationIndex
        let identity =
            who == 0
            ? callerIdentity
            : CallerIdentity(party: legs[who].party, isAnonymous: participants[who].isAnonymous)
        ring(
            Fork(
                side: application.side.other, identity: identity, ranks: ranks, dialled: first.destination.party.number,
                until: context.now + patience), &context)
        configureHearing(&context)
        return true
    }

    /// Whom the application wanted to connect has sent the caller on to a service.
    mutating func pass(to service: CallService, _ context: inout CallContext) {
        switch service {
        case .application(let application): enter(application, &context)
        case .conference(let room): join(room, RoomParticipation(), &context)
        default: unanswered(.unknown, &context)
        }
    }

    mutating func stopConnecting(_ context: inout CallContext) {
        stopFork(&context)
        application?.connection = nil
        application?.questions = []
        configureHearing(&context)
    }

    /// Somebody has answered whom the application rang.
    mutating func applicationAnswered(by index: Int, _ context: inout CallContext) {
        guard let side = application?.side else { return }
        bridge[side.other] = index
        fork = nil
        early = nil
        if case .application? = service { service = nil }  // a call like others now
        answeredBy = legs[index].party
        application?.connection = nil
        application?.collector = nil
        application?.awaited = nil
        application?.isConnected = true
        context.effects.append(.media(.stopCollecting(MediaSessionID(id), side)))
        configured[side.other] = nil
        rejoin(side.other, &context)
        wishes.append(.application(.answered(by: legs[index].party.number)))
    }

    /// Nobody has answered whom the application rang.
    mutating func applicationFailed(_ status: Int, _ context: inout CallContext) {
        let isRung = fork?.legs.isEmpty == false
        let isTooLate = fork.map { context.now >= $0.until } ?? false
        stopFork(&context)
        if let fallback = application?.fallback {
            enter(.deposit(box: fallback.box, because: Self.reason(of: status, isRung: isRung)), &context)
            return
        }
        let why: ApplicationEvent.Unanswered =
            switch status {
            case 486, 600, 603: .busy
            case _ where isTooLate: .noAnswer
            case 404, 484, 604: .unknown
            default: .unreachable
            }
        unanswered(why, &context)
    }

    private mutating func unanswered(_ why: ApplicationEvent.Unanswered, _ context: inout CallContext) {
        application?.connection = nil
        configureHearing(&context)
        wishes.append(.application(.unanswered(why)))
    }
}
