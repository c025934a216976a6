import Applications
package import Media
import MediaNegotiation
package import Primitives
import SIPDialog
package import SIPMessage
package import SIPTransaction
import SIPUserAgent
package import Settings

/// All calls of the appliance: a back-to-back user agent (RFC 3261 section 6) between its users' telephones.
///
/// Finds the call and the leg that an event belongs to, holds the number of calls to `Limits.calls`, and keeps a call
/// until its last transaction has ended. The `CallContext` is handed in with every event and is always the same one.
package struct CallControl: Sendable {
    let limits: Limits
    let timers: CallTimers
    /// The host of the users' addresses of record.
    private(set) var domain: String
    private(set) var mediaAddress: IPAddress
    private var security: MediaSecurity
    private(set) var sounds: CallSounds
    /// How many calls at once.
    private(set) var callsLimit: Int
    /// Whether the media workers can make a conference; rtpengine cannot. What they are is chosen at the start.
    let mixes: Bool
    /// What the edition allows; nil: the owner has said how many, or the edition does not.
    private(set) var editionCalls: Int?
    /// Whether comfort noise is offered and taken.
    package private(set) var comfortNoise: Bool
    /// Of the media workers, for DTLS.
    package var mediaCertificate: CertificateFingerprint?
    private(set) var calls: [UInt64: Call] = [:]
    private(set) var deadlines = DeadlineQueue<UInt64>()
    /// Counts what happens to calls; and when something last happened to each, for who looks at what has changed.
    private(set) var revision: UInt64 = 0
    private(set) var revisions: [UInt64: UInt64] = [:]
    /// So many calls have begun that have a record, or will have one unless they turn out to need none.
    package var begunCount: UInt64 {
        lastID - UInt64(originations.count) - abandonedCount - unrecordedCount
    }
    /// The number of the last call.
    private var lastID: UInt64 = 0
    /// Calls that found nobody to ring: they have a record and nothing else.
    package internal(set) var unreachedCount: UInt64 = 0
    /// Calls that are over and have no record.
    private var unrecordedCount: UInt64 = 0
    /// Calls of the appliance's own for which no ports came.
    var abandonedCount: UInt64 = 0
    /// Calls of the appliance's own whose ports are being opened.
    var originations: [UInt64: Origination] = [:]
    /// Calls that have just left a conference room.
    private var emptied: [Call] = []
    var applications: ApplicationServer
    var prompts = PromptLibrary()
    var recordings: CallRecordings
    private(set) var recordingRules: RecordingRules
    /// Callers who wait for sounds.
    var loading: [CallerID: PromptLoad] = [:]
    /// What was missed and told already.
    var missingPrompts: Set<String> = []

    /// Calls that use a place among `Limits.calls`; those that are only being wound up do not.
    package private(set) var activeCount = 0

    package init(
        settings: ApplianceSettings, limits: Limits, timers: CallTimers = CallTimers(), at now: Instant = .origin
    ) {
        self.limits = limits
        self.timers = timers
        domain = settings.sip.realm
        mediaAddress = settings.media.advertised ?? settings.media.address
        security = settings.media.security
        sounds = CallSounds(settings)
        callsLimit = settings.sip.calls ?? limits.calls
        editionCalls = settings.sip.calls == nil ? settings.edition.limits.calls : nil
        comfortNoise = settings.media.comfortNoise
        mixes = settings.media.backend == .builtin
        recordingRules = RecordingRules(settings)
        recordings = CallRecordings(retentionDays: recordingRules.retentionDays)
        applications = ApplicationServer(
            settings.applications, extensions: settings.numbersInside, roomPlaces: limits.roomParticipants,
            isNight: settings.features.office.isNight, agents: settings.agents, at: now)
    }

    /// For calls that begin from now on. `agents`: users who have come to, or left, their queues by code.
    package mutating func adopt(
        _ settings: ApplianceSettings, agents: [String: AgentState] = [:], _ context: inout CallContext
    ) {
        domain = settings.sip.realm
        mediaAddress = settings.media.advertised ?? settings.media.address
        security = settings.media.security
        sounds = CallSounds(settings)
        callsLimit = settings.sip.calls ?? limits.calls
        editionCalls = settings.sip.calls == nil ? settings.edition.limits.calls : nil
        comfortNoise = settings.media.comfortNoise
        missingPrompts = []
        recordingRules = RecordingRules(settings)
        recordings.adopt(retentionDays: recordingRules.retentionDays)
        applications.adopt(
            settings.applications, extensions: settings.numbersInside, agents: agents, at: context.now)
        runApplications(&context)
    }

    /// What telephones are offered and may ask for.
    var telephoneMedia: MediaRules {
        MediaRules(security, certificate: mediaCertificate, comfortNoise: comfortNoise)
    }

    /// True when no call is left, not even one being wound up.
    package var isIdle: Bool { calls.isEmpty && originations.isEmpty }

    package var nextDeadline: Instant? {
        deadlines.first.orEarlier(applications.nextDeadline).orEarlier(recordings.nextDeadline)
    }

    /// The calls that an administrator would count, the oldest first.
    package func snapshots(at now: Instant) -> [CallSnapshot] {
        calls.values.filter(\.isActive).sorted { $0.id < $1.id }.map { $0.snapshot(at: now) }
    }

    /// The dialogs of a user that stand, the oldest call first: what a new watcher is told.
    package func dialogs(of number: String) -> [DialogState] {
        calls.keys.sorted().flatMap { calls[$0]?.dialogs(of: number) ?? [] }
    }

    /// How many calls use that line: its channels in use.
    package func legCount(using line: LineID) -> Int { calls.values.reduce(0) { $0 + $1.legCount(using: line) } }

    /// How many running calls that user has begun, or led outside by forwarding or transfer: their part of
    /// `Limits.callsPerUser`. Calls that others have begun, and that ring at or were answered by the user, are those
    /// others'.
    package func callCount(chargedTo user: String, besides id: UInt64? = nil) -> Int {
        calls.count { $0.key != id && $0.value.isCharged(to: user) }
    }

    /// From now on the call counts as that user's too.
    mutating func charge(_ id: UInt64, to user: String) {
        guard calls[id]?.sponsors.contains(user) == false else { return }
        calls[id]?.sponsors.append(user)
    }

    /// What the media workers could not do once the call is answered.
    func isBeyondMedia(_ destination: DialPlan.Destination) -> Bool {
        guard case .service(_, let service) = destination else { return false }
        switch service {
        case .conference, .application: return !mixes
        case .echo, .tone, .orbit, .dialTone: return false
        }
    }

    /// A conference room in which nobody else finds a place.
    func isFull(_ destination: DialPlan.Destination) -> Bool {
        guard case .service(_, let service) = destination, case .conference = service else { return false }
        return calls.values.count { $0.isActive && $0.service == service } >= limits.roomParticipants
    }

    // MARK: Events

    /// True when the tag is that of one of our legs.
    package func hasDialog(localTag: String, _ context: CallContext) -> Bool {
        context.directory.leg(tag: localTag) != nil
    }

    /// A request with a To tag. False, and nothing answered, when it belongs to no call.
    package mutating func received(
        _ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow, _ context: inout CallContext
    ) -> Bool {
        guard let tag = (try? request.to())?.tag, let leg = context.directory.leg(tag: tag) else { return false }
        withLeg(leg, &context) { $0.received(request, server, over: flow, &$1) }
        return true
    }

    /// An ACK to a 2xx. False when it belongs to no call.
    package mutating func acknowledged(
        by ack: SIPRequest, over flow: SIPFlow, _ context: inout CallContext
    ) -> Bool {
        guard let tag = (try? ack.to())?.tag, let leg = context.directory.leg(tag: tag) else { return false }
        withLeg(leg, &context) { $0.acknowledged(by: ack, over: flow, &$1) }
        return true
    }

    package mutating func cancelled(_ server: ServerTransactionID, _ context: inout CallContext) {
        guard let leg = context.directory.leg(of: server) else { return }
        withLeg(leg, &context) { $0.cancelled(&$1) }
    }

    package mutating func ackMissing(_ server: ServerTransactionID, _ context: inout CallContext) {
        guard let leg = context.directory.leg(of: server) else { return }
        context.count("calls.ack-missing")
        withLeg(leg, &context) { $0.ackMissing(server, &$1) }
        context.directory.forget(server)
    }

    package mutating func received(
        _ response: SIPResponse, to client: ClientTransactionID, _ context: inout CallContext
    ) {
        guard let leg = context.directory.leg(of: client) else { return }
        let known = context.directory.known(client)
        withCall(leg.call, &context) { $0.received(response, to: known, for: leg.leg, &$1) }
        // The 2xx of an INVITE comes again; the leg says when that does not matter any more.
        if response.isFinal, !response.isSuccess || (try? response.cseq())?.method != .invite {
            context.directory.forget(client)
        }
    }

    package mutating func failed(
        _ client: ClientTransactionID, _ reason: TransactionFailure, _ context: inout CallContext
    ) {
        guard let leg = context.directory.leg(of: client) else { return }
        let known = context.directory.known(client)
        withCall(leg.call, &context) { $0.failed(known, reason, for: leg.leg, &$1) }
        context.directory.forget(client)
    }

    package mutating func media(_ event: MediaEvent, _ context: inout CallContext) {
        guard let session = event.session, !originated(event, &context) else { return }
        withCall(session.value, &context) { $0.media(event, &$1) }
    }

    /// Does what is due.
    package mutating func deadline(_ context: inout CallContext) {
        for id in deadlines.popDue(at: context.now) {
            abandon(id, &context)
            withCall(id, &context) { $0.deadline(&$1) }
        }
        applicationsDeadline(&context)
        recordingsDeadline(&context)
    }

    /// Ends every call: callers who wait get 480, everybody else BYE or CANCEL.
    package mutating func endAll(_ context: inout CallContext) {
        for id in originations.keys.sorted() { abandon(id, &context) }
        for id in calls.keys.sorted() { withCall(id, &context) { $0.end(&$1) } }
    }

    // MARK: Finding the call

    private mutating func withLeg(
        _ leg: LegReference, _ context: inout CallContext, _ body: (inout CallLeg, inout CallContext) -> [LegEvent]
    ) {
        withCall(leg.call, &context) { $0.withLeg(leg.leg, &$1, body) }
    }

    /// Lets a call handle something, then sees to what it cannot do alone, and forgets it when it is over.
    mutating func withCall(
        _ id: UInt64, _ context: inout CallContext, _ body: (inout Call, inout CallContext) -> Void
    ) {
        guard let index = calls.index(forKey: id) else { return }
        let wasActive = calls.values[index].isActive
        body(&calls.values[index], &context)
        calls.values[index].reportDialogs(&context)
        note(id)
        if wasActive, !calls.values[index].isActive { activeCount -= 1 }
        deadlines.set(id, to: calls.values[index].nextDeadline)
        if wasActive, !calls.values[index].isActive, case .conference? = calls.values[index].service {
            emptied.append(calls.values[index])
        }
        if calls.values[index].isOver {
            let call = calls.remove(at: index).value
            if !call.isRecorded { unrecordedCount += 1 }
            revisions[id] = nil
            context.forget(call: id, legCount: call.legs.count)
            if call.application != nil { tellApplication(.left, of: id, &context) }
        } else if !calls.values[index].wishes.isEmpty {
            var wishes: [Call.Wish] = []
            swap(&wishes, &calls.values[index].wishes)
            for wish in wishes { fulfil(wish, of: id, &context) }
        }
        while let call = emptied.popLast() { sweepRoom(after: call, &context) }
    }

    private mutating func note(_ id: UInt64) {
        revision &+= 1
        revisions[id] = revision
    }

    func call(_ id: UInt64) -> Call? { calls[id] }

    /// The calls that have a place, the oldest first.
    var activeCalls: [Call] { calls.values.filter(\.isActive).sorted { $0.id < $1.id } }

    /// The numbers of all who have a part in a call.
    var busyUsers: Set<String> {
        Set(calls.values.filter(\.isActive).flatMap { $0.legs.filter { !$0.isOver }.map(\.party.number) })
    }

    mutating func begin(
        _ invitation: Invitation, dialog: Dialog, localMedia: LocalMedia, _ context: inout CallContext
    ) {
        let call = Call(
            invitation, dialog: dialog, id: makeCallID(), localMedia: localMedia, telephoneMedia: telephoneMedia,
            sounds: sounds, domain: domain, timers: timers, limits: limits, context: &context)
        calls[call.id] = call
        note(call.id)
        activeCount += 1
        deadlines.set(call.id, to: call.nextDeadline)
    }

    /// A call of the appliance's own, its ports opened.
    mutating func begin(
        _ origination: Origination, id: UInt64, ports: [MediaSide: UInt16], _ context: inout CallContext
    ) {
        guard let flow = origination.ranks.first?.first?.flow else { return }
        let local = LegMedia.local(
            address: mediaAddress.isUnspecified ? flow.local.address : mediaAddress,
            session: context.agent.entropy.next(), over: flow, rules: telephoneMedia,
            entropy: &context.agent.entropy)
        let call = Call(
            origination, id: id, ports: ports, localMedia: local, telephoneMedia: telephoneMedia, sounds: sounds,
            domain: domain, timers: timers, limits: limits, context: &context)
        calls[id] = call
        note(id)
        activeCount += 1
        deadlines.set(id, to: call.nextDeadline)
    }

    mutating func makeCallID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// Until then the media workers have time for what was asked under that number.
    mutating func wait(for id: UInt64, until deadline: Instant) { deadlines.set(id, to: deadline) }
}
