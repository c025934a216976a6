import CloudMessages
import Media
import MediaNegotiation
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent

/// A call: the caller's leg joined to the callee's that answers first, or to the echo feature.
///
/// ```text
///            ports opened               a callee answers
///  opening ───────────────► ringing ─────────────────────► talking
///     │  echo: ─────────────────────────────────────────────► │
///     │ no ports: 503, 500     │ all refuse: best of them     │ BYE, peer lost
///     │ 5 s: 503               │ 60 s: 480    CANCEL: 487     │
///     └────────────────────────┴───────────┬──────────────────┘
///                                          ▼        media closed, or 5 s
///                                       ending ─────────────────────────► ended (record written)
/// ```
///
/// Both sides are bridged by the media workers; each leg negotiates for itself, led to the other's codec so that nothing
/// is transcoded without need. An ended call stays until its legs' last transactions have finished.
struct Call: Sendable {
    enum Phase: Sendable, Equatable {
        case opening(until: Instant)
        case ringing(until: Instant)
        case talking
        case ending(until: Instant)
        case ended
    }

    let id: UInt64
    let destination: DialPlan.Destination
    private let targets: [CallTarget]
    private let timers: CallTimers
    private let domain: String
    private let startDate: UnixTime
    private let maxForwards: Int

    private(set) var phase: Phase
    private(set) var legs: [CallLeg]
    /// What leg descriptions start from; the port is set once known.
    private let localMedia: LocalMedia
    private var portB: UInt16 = 0
    private var outcome = ForkOutcome()
    /// The callee's leg that is bridged.
    private var winner: Int?
    /// The callee's leg that is heard before one answers.
    private var early: Int?
    private var talkingSince: Instant?
    private var length = Duration.zero
    private var statistics: [MediaSide: StreamStatistics] = [:]
    /// What the media workers were told last.
    private var configured: [MediaSide: MediaStreamDescription] = [:]

    /// Takes up an INVITE whose description can be answered, and asks for media ports.
    init(
        _ invitation: Invitation, dialog: Dialog, id: UInt64, localMedia: LocalMedia, domain: String,
        timers: CallTimers, context: inout CallContext
    ) {
        self.id = id
        self.timers = timers
        self.domain = domain
        self.localMedia = localMedia
        destination = invitation.destination
        targets = invitation.targets
        startDate = context.wall
        maxForwards = max(0, ((try? invitation.request.maxForwards()) ?? nil ?? 70) - 1)
        legs = [
            CallLeg(
                callerOf: invitation, dialog: dialog, reference: LegReference(call: id, leg: 0),
                media: LegMedia(local: localMedia), timers: timers, context: &context)
        ]
        phase = .opening(until: context.now + timers.media)
        context.effects.append(.media(.open(MediaSessionID(id))))
    }

    /// When `deadline` next has work to do.
    var nextDeadline: Instant? {
        var next = phaseDeadline
        for leg in legs {
            guard let due = leg.nextDeadline else { continue }
            next = next.map { min($0, due) } ?? due
        }
        return next
    }

    private var phaseDeadline: Instant? {
        switch phase {
        case .opening(let until), .ringing(let until), .ending(let until): until
        case .talking, .ended: nil
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
    var isOver: Bool { phase == .ended && legs.allSatisfy(\.isOver) }

    // MARK: Legs

    /// Lets one leg handle something, then acts on what it reports.
    mutating func withLeg(
        _ index: Int, _ context: inout CallContext, _ body: (inout CallLeg, inout CallContext) -> [LegEvent]
    ) {
        guard legs.indices.contains(index) else { return }
        for event in body(&legs[index], &context) { handle(event, from: index, &context) }
    }

    private mutating func handle(_ event: LegEvent, from index: Int, _ context: inout CallContext) {
        switch event {
        case .ringing:
            if case .ringing = phase { legs[0].ring(&context) }
        case .answered: answered(by: index, &context)
        case .earlyMedia: heardEarly(index, &context)
        case .refused(let status): refused(by: index, status, &context)
        case .cancelled: end(&context)
        case .hungUp: end(&context)
        case .mediaChanged: configureMedia(&context)
        case .offerRefused: break  // the session goes on as it was
        case .digits(let digit):
            if let other = index == 0 ? winner : 0, phase == .talking { legs[other].relay(digit, &context) }
        }
    }

    /// The first callee that lets itself be heard before it answers is heard, until one answers.
    private mutating func heardEarly(_ index: Int, _ context: inout CallContext) {
        guard case .ringing = phase, early == nil else { return }
        early = index
        legs[0].progress(preferring: legs[index].media.stream.map { [$0.codec] } ?? [], &context)
        configureMedia(&context)
    }

    private mutating func answered(by index: Int, _ context: inout CallContext) {
        guard case .ringing = phase, winner == nil else {  // cannot be: its CANCEL was on the way
            legs[index].hangUp(&context)
            return
        }
        winner = index
        for other in legs.indices.dropFirst() where other != index {
            legs[other].hangUp(because: [.completedElsewhere], &context)
        }
        guard legs[0].accept(preferring: legs[index].media.stream.map { [$0.codec] } ?? [], &context) else {
            legs[0].refuse(488, fields: [SessionBody.warning], &context)
            end(&context)
            return
        }
        talk(&context)
    }

    private mutating func talk(_ context: inout CallContext) {
        phase = .talking
        talkingSince = context.now
        configureMedia(&context)
    }

    private mutating func refused(by index: Int, _ status: Int, _ context: inout CallContext) {
        outcome.note(status)
        if early == index { early = legs.indices.first { $0 != index && legs[$0].isRinging && legs[$0].hasEarlyMedia } }
        guard case .ringing = phase else { return }
        if status >= 600 {  // the person refuses on all of their telephones (RFC 3261 section 16.7 step 5)
            for other in legs.indices.dropFirst() where legs[other].party == legs[index].party {
                legs[other].hangUp(&context)
            }
        }
        guard !legs.dropFirst().contains(where: \.isRinging) else { return }
        legs[0].refuse(outcome.finalStatus, &context)
        end(&context)
    }

    // MARK: Media

    mutating func media(_ event: MediaEvent, _ context: inout CallContext) {
        switch event {
        case .opened(_, let portA, let portB): opened(portA, portB, &context)
        case .failed(_, let failure): mediaFailed(failure, &context)
        case .silent(_, let side):
            context.count("media.silent")
            if let index = side == .a ? 0 : winner, phase == .talking { legs[index].sendProbe(&context) }
        case .closed(_, let a, let b):
            statistics = [.a: a, .b: b]
            finish(&context)
        }
    }

    private mutating func opened(_ portA: UInt16, _ portB: UInt16, _ context: inout CallContext) {
        guard case .opening = phase else { return }
        legs[0].media.bind(port: portA)
        if case .echo = destination {
            guard legs[0].accept(preferring: [], &context) else {
                legs[0].refuse(488, fields: [SessionBody.warning], &context)
                end(&context)
                return
            }
            context.effects.append(.media(.setEcho(MediaSessionID(id))))
            talk(&context)
            return
        }
        phase = .ringing(until: context.now + timers.ringing)
        let offered = LegMedia.codecs(offeredIn: legs[0].invite.body, local: localMedia)
        for target in targets {
            var media = LegMedia(local: localMedia)
            media.bind(port: portB)
            media.prefer(offered)
            media.renewSession(context.agent.entropy.next())
            legs.append(
                CallLeg(
                    calling: target, from: legs[0].party, domain: domain, maxForwards: maxForwards,
                    reference: LegReference(call: id, leg: legs.count), media: media, timers: timers,
                    context: &context))
        }
    }

    private mutating func mediaFailed(_ failure: MediaFailure, _ context: inout CallContext) {
        context.count("media.failed")
        switch failure {
        case .noPortFree, .tooManySessions: legs[0].refuse(503, fields: [.init(.retryAfter, "5")], &context)
        case .codecUnavailable, .socket: legs[0].refuse(500, &context)
        }
        switch phase {
        case .opening:  // nothing was opened, so nothing is to be closed
            phase = .ending(until: context.now)
            finish(&context)
        case .ringing, .talking: end(&context)
        case .ending, .ended: finish(&context)
        }
    }

    /// Tells the media workers what has changed.
    private mutating func configureMedia(_ context: inout CallContext) {
        switch phase {
        case .talking: break
        case .ringing where early != nil: break
        case .opening, .ringing, .ending, .ended: return
        }
        for (side, index) in [(MediaSide.a, 0), (MediaSide.b, winner ?? early)] {
            guard let index, let stream = legs[index].media.stream, configured[side] != stream else { continue }
            configured[side] = stream
            context.effects.append(.media(.configure(MediaSessionID(id), side, stream)))
        }
        // A later offer of one side is answered with the other's codec, if it has it.
        guard let winner else { return }
        if let codec = legs[winner].media.stream?.codec { legs[0].media.prefer([codec]) }
        if let codec = legs[0].media.stream?.codec { legs[winner].media.prefer([codec]) }
    }

    // MARK: Ending

    /// Ends every leg that still stands and asks for the statistics.
    mutating func end(_ context: inout CallContext) {
        guard isActive else { return }
        if let talkingSince { length = context.now - talkingSince }
        phase = .ending(until: context.now + timers.media)
        let reasons = legs.first { !$0.endReasons.isEmpty }?.endReasons ?? []
        for index in legs.indices { legs[index].hangUp(because: reasons, &context) }
        context.effects.append(.media(.close(MediaSessionID(id))))
    }

    private mutating func finish(_ context: inout CallContext) {
        if isActive { end(&context) }  // the workers closed by themselves
        guard case .ending = phase else { return }
        phase = .ended
        context.effects.append(.ended(record))
    }

    mutating func deadline(_ context: inout CallContext) {
        for index in legs.indices { withLeg(index, &context) { $0.deadline(&$1) } }
        guard let due = phaseDeadline, context.now >= due else { return }
        switch phase {
        case .opening:
            context.count("media.timeout")
            legs[0].refuse(503, fields: [.init(.retryAfter, "5")], &context)
            end(&context)
        case .ringing:
            legs[0].refuse(outcome.finalStatus, &context)
            end(&context)
        case .ending: finish(&context)
        case .talking, .ended: break
        }
    }

    // MARK: Views

    private var record: CallRecord {
        var record = CallRecord(callDataID: 0, startDate: startDate, lengthSeconds: Int(length.components.seconds))
        record.set(caller: legs[0].party, destination: destination, answeredBy: winner.map { legs[$0].party })
        record.success = talkingSince != nil
        record.quality = MediaSide.allCases.compactMap { side in
            guard let stream = configured[side], let figures = statistics[side] else { return nil }
            return CallLegQuality(
                codec: stream.codec.rawValue, packetsReceived: figures.packetsReceived,
                packetsSent: figures.packetsSent,
                packetsLost: figures.packetsLost, jitterMilliseconds: figures.jitterMilliseconds)
        }
        return record
    }

    func snapshot(at now: Instant) -> CallSnapshot {
        let state =
            switch phase {
            case .opening: "setup"
            case .ringing: legs[0].hasRung ? "ringing" : "setup"
            case .talking: "talking"
            case .ending, .ended: "ending"
            }
        return CallSnapshot(
            caller: legs[0].party.number, callee: (winner.map { legs[$0].party } ?? destination.party).number,
            state: state,
            codecs: MediaSide.allCases.compactMap { configured[$0]?.codec.rawValue }.joined(separator: "-"),
            seconds: Int((talkingSince.map { now - $0 } ?? .zero).components.seconds))
    }
}
