package import Applications
import CallControl
package import CloudMessages
import Events
import Features
package import Media
package import Persistence
package import Primitives
import Registration
import SIPDialog
import SIPMessage
package import SIPTransaction
import SIPUserAgent
package import ServerLocation
package import Settings
import Trunks

/// Everything SIP of the appliance: transactions, authentication, registrar and calls behind one `handle`.
///
/// Takes messages as bytes, gives messages as bytes. Holds no socket and no clock: the same inputs give the same outputs.
package struct Telephony: Sendable {
    package enum Input: Sendable {
        /// One datagram, or one message cut from a stream.
        case message([UInt8], SIPFlow)
        /// The connection behind a flow is gone.
        case flowClosed(SIPFlow)
        case media(MediaEvent)
        /// The addresses of the SIP listeners.
        case listening([ListenerAddress])
        case settings(ApplianceSettings)
        /// The outcome of an `Output.resolve`.
        case resolved(DNSQuery, DNSOutcome)
        /// The telephones of that extension are to fetch their configuration; answered by `Output.adminReply`.
        case resync(AdminRequestID, extension: String, reboots: Bool)
        /// The certificate that the media workers present over DTLS; without it there is no DTLS.
        case mediaCertificate(CertificateFingerprint)
        /// More comes in than is worked off: new work is refused until it is over.
        case overload(Bool)
        /// No new calls but those for help; what still runs at `deadline` is ended, then `Output.drained`.
        case drain(deadline: Instant)
        case deadline
        /// Sounds that are at hand from now on.
        case prompts(PromptLibrary)
        case messages(MessageEvent)
        /// Something about mailboxes, queues or rooms; answered by `Output.adminReply`.
        case applications(AdminRequestID, ApplicationRequest)
    }

    package enum Output: Sendable, Equatable {
        case transmit([UInt8], SIPFlow)
        case close(SIPFlow)
        case media(MediaCommand)
        /// Ask the name servers; the answer is `Input.resolved`.
        case resolve(DNSQuery)
        case callRecord(CallRecord)
        /// The whole new binding set of an address of record, for the store.
        case bindings(aor: String, [BindingRecord])
        case count(String)
        case log(LogLevel, String)
        /// The answer to an `Input.resync`.
        case adminReply(AdminRequestID, AdminReply)
        /// A user has switched something by telephone: for the store.
        case features(extension: String, UserFeatures)
        /// The night switch was set by telephone: for the store.
        case night(Bool)
        /// Once, after `Input.drain`: no call is left.
        case drained
        /// For who keeps the files of voice messages.
        case messages(MessageCommand)
    }

    /// How long calls may take to end after the drain's deadline.
    static let drainGrace = Duration.seconds(5)

    let limits: Limits
    /// Nil: the appliance cannot call itself.
    let selfTest: SelfTestAccount?
    private let nonceKey: Secret
    private let hashes: any HashFunctions
    var settings: ApplianceSettings
    var users: [String: UserSettings]
    var plan: DialPlan
    var context: CallContext
    var authenticator: DigestAuthenticator
    var registrar: Registrar
    var calls: CallControl
    var events: SubscriptionServer
    var trunks: Trunks
    var location: ServerLocation
    /// Trunks that wait for the place of a server.
    var locating: [(trunk: TrunkID, target: LocationTarget)] = []
    var protection: TelephonyProtection
    var overload: OverloadAdmission
    let desk = FeatureDesk()
    var officeMemory: OfficeMemory
    /// A party of a call has left it, or a telephone has registered, since one looked who can be called back.
    var mayCallBack = false
    var outputs: [Output] = []
    private var numbering: CallDataNumbering
    /// Records written since the start.
    private var recordCount: UInt64 = 0
    /// Since the start.
    private var endedAudio = AudioHistograms()
    private var drain = Drain.none

    private enum Drain: Equatable {
        case none
        /// Running calls may go on until then.
        case waiting(until: Instant)
        /// Every call has been told to end.
        case ending(until: Instant)
        case done
    }

    /// - Parameters:
    ///   - bindings: what the store kept, by extension; of users who no longer exist nothing is taken.
    ///   - lastCallDataID: the highest number in use; those of new records are higher.
    ///   - nonceKey: at least 16 random bytes, new at each start.
    package init(
        settings: ApplianceSettings, bindings: [String: [BindingRecord]], lastCallDataID: UInt64,
        hashes: any HashFunctions, nonceKey: [UInt8], selfTest: SelfTestAccount? = nil, limits: Limits,
        at now: Instant, wall: UnixTime
    ) {
        self.limits = limits
        self.selfTest = selfTest
        self.settings = settings
        self.hashes = hashes
        numbering = CallDataNumbering(after: lastCallDataID)
        self.nonceKey = Secret(nonceKey)
        users = Self.index(settings.users)
        plan = DialPlan(settings: settings)
        context = CallContext(
            agent: UserAgentContext(transactions: TransactionLayer(limits: limits), at: now, wall: wall),
            hashes: hashes, limits: limits)
        authenticator = DigestAuthenticator(realm: settings.sip.realm, secret: self.nonceKey, hashes: hashes)
        registrar = Registrar(limits: limits)
        calls = CallControl(settings: settings, limits: limits, at: now)
        events = SubscriptionServer(limits: limits)
        trunks = Trunks(hashes: hashes, limits: limits)
        location = ServerLocation(limits: limits)
        protection = TelephonyProtection(limits: limits)
        officeMemory = OfficeMemory(settings)
        overload = OverloadAdmission(perSecond: limits.overloadAdmissionsPerSecond)
        registrar.policy = RegistrarPolicy(settings.edition)
        for (extensionNumber, records) in bindings.sorted(by: { $0.key < $1.key }) where users[extensionNumber] != nil {
            registrar.restore(records, of: extensionNumber, at: now, wall: wall)
        }
        trunks.adopt(settings, &context.agent)
        for user in bindings.keys.sorted() { tellContacts(of: user) }
    }

    // MARK: Views

    /// Users with at least one binding.
    package var registrationCount: Int { registrar.registeredCount }
    /// Calls being set up or running.
    package var callCount: Int { calls.activeCount }
    /// True when nothing is left of any call or transaction.
    package var isIdle: Bool {
        calls.isIdle && context.agent.transactions.serverCount == 0 && context.agent.transactions.clientCount == 0
    }
    /// For invariant checkers: the calls to which something has happened since that revision (0: every call), and how many
    /// have begun since the start.
    package func inspection(since revision: UInt64) -> TelephonyInspection {
        TelephonyInspection(
            calls: calls.inspections(since: revision), keptCalls: calls.keptCalls,
            openingCalls: calls.openingCalls, revision: calls.inspectionRevision, begunCalls: calls.begunCount,
            unreachedCalls: calls.unreachedCount,
            records: recordCount,
            contradictions: calls.contradictions(since: revision, context)
                + (calls.isIdle && !context.isEmpty ? ["calls left entries"] : []),
            serverTransactions: context.agent.transactions.serverCount,
            clientTransactions: context.agent.transactions.clientCount, pendingEffects: context.effects.count)
    }
    var isDraining: Bool { drain != .none }
    /// True while calls may go on: who calls for help then is not told to wait for the restart.
    var mayStillCallForHelp: Bool {
        switch drain {
        case .none, .waiting: true
        case .ending, .done: false
        }
    }

    /// The running calls, the oldest first.
    package func calls(at now: Instant) -> [CallSummary] {
        calls.snapshots(at: now).map {
            CallSummary(
                caller: $0.caller, callee: $0.callee, state: $0.state, codecs: $0.codecs, seconds: $0.seconds,
                legs: $0.quality, trouble: $0.trouble)
        }
    }

    /// How the running calls sound, and how those did that have ended.
    package func audio(at now: Instant) -> AudioSummary {
        AudioSummary(running: calls.snapshots(at: now), ended: endedAudio)
    }

    /// The lines to the outside, in the order of the settings.
    package func trunkStatuses(at now: Instant) -> [TrunkSummary] {
        trunks.statuses(at: now).map {
            TrunkSummary(
                name: $0.name, state: $0.state.name, detail: $0.state.description,
                calls: calls.legCount(using: LineID($0.id.value)), server: $0.hop?.endpoint.description)
        }
    }

    /// When `.deadline` next has work to do; an early one changes nothing.
    package var nextDeadline: Instant? {
        let drained: Instant? =
            switch drain {
            case .waiting(let until), .ending(let until): until
            case .none, .done: nil
            }
        return context.agent.transactions.nextDeadline.orEarlier(calls.nextDeadline).orEarlier(registrar.nextDeadline)
            .orEarlier(events.nextDeadline).orEarlier(trunks.nextDeadline).orEarlier(drained)
    }

    // MARK: Input

    /// Takes one input; `now` must not lie before that of an earlier call.
    package mutating func handle(
        _ input: Input, at now: Instant, wall: UnixTime, entropy: inout Entropy
    ) -> [Output] {
        context.agent.begin(at: now, wall: wall, entropy: &entropy)
        switch input {
        case .message(let bytes, let flow): received(bytes, over: flow)
        case .flowClosed(let flow):
            registrar.flowClosed(flow, at: now)
            context.agent.pending += context.agent.transactions.flowFailed(flow, at: now)
            events.flowClosed(flow, &context.agent)
            trunks.flowClosed(flow, &context.agent)
        case .media(let event):
            if case .failed(let id, let failure) = event {
                outputs.append(.log(.notice, "media session \(id.value): \(failure)"))
            }
            calls.media(event, &context)
        case .listening(let listeners):
            registrar.listening(on: listeners)
            location.policy = LocationPolicy(listeners: listeners)
            trunks.listening(listeners, &context.agent)
        case .settings(let settings): adopt(settings)
        case .resolved(let query, let outcome): resolved(query, outcome)
        case .resync(let id, let user, let reboots): outputs.append(.adminReply(id, resync(user, reboots: reboots)))
        case .mediaCertificate(let fingerprint): calls.mediaCertificate = fingerprint
        case .overload(let isOverloaded): overload.isOverloaded = isOverloaded
        case .drain(let deadline): beginDrain(until: deadline)
        case .deadline: runDeadlines(at: now)
        case .prompts(let library): calls.adopt(library)
        case .messages(let event): calls.messages(event, &context)
        case .applications(let id, let request): outputs.append(.adminReply(id, answer(request)))
        }
        runEffects()
        if mayCallBack, !isDraining {
            mayCallBack = false
            runCallbacks()
            runEffects()
        }
        checkDrained(at: now)
        context.agent.end(entropy: &entropy)
        var result: [Output] = []
        swap(&result, &outputs)
        return result
    }

    private mutating func beginDrain(until deadline: Instant) {
        guard drain == .none else { return }
        drain = .waiting(until: deadline)
        trunks.drain(&context.agent)
        events.endAll(.deactivated, &context.agent)
    }

    private mutating func runDeadlines(at now: Instant) {
        context.agent.pending += context.agent.transactions.handleDeadline(at: now)
        calls.deadline(&context)
        registrar.expire(at: now)
        report(registrar.takeDirty(at: now))
        events.deadline(&context.agent)
        trunks.deadline(&context.agent)
    }

    private mutating func adopt(_ new: ApplianceSettings) {
        if new.sip.realm != settings.sip.realm {
            authenticator = DigestAuthenticator(realm: new.sip.realm, secret: nonceKey, hashes: hashes)
        }
        officeMemory.adopt(new, instead: settings)
        settings = new
        users = Self.index(new.users)
        plan = DialPlan(settings: new, after: plan)
        calls.adopt(new, agents: officeMemory.agents, &context)
        calls.setNight(officeMemory.isNight, &context)
        trunks.adopt(new, &context.agent)
        registrar.policy = RegistrarPolicy(new.edition)
        let known = users
        registrar.keepOnly(at: context.now) { known[$0] != nil }
        events.keepOnly(
            isUser: { known[$0] != nil },
            { watcher, resource, _ in
                known[resource] == nil ? .noResource : known[watcher] == nil ? .rejected : nil
            }, &context.agent)
    }

    private static func index(_ users: [UserSettings]) -> [String: UserSettings] {
        Dictionary(users.map { ($0.extension, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private mutating func checkDrained(at now: Instant) {
        if case .waiting(let until) = drain, now >= until {
            drain = .ending(until: now + Self.drainGrace)
            calls.endAll(&context)
            runEffects()
        }
        switch drain {
        case .none, .done: return
        case .waiting where calls.activeCount > 0: return
        case .waiting where !calls.isIdle:  // all have been told to end: who is gone is not waited for
            drain = .ending(until: now + Self.drainGrace)
        case .ending(let until) where !calls.isIdle && now < until: return
        case .waiting, .ending:
            drain = .done
            report(registrar.takeAllDirty(at: now))
            outputs.append(.drained)
        }
    }

    // MARK: Effects

    /// Carries out what the layers asked for, until none of it asks for more.
    private mutating func runEffects() {
        takeCallEffects()
        var next = 0
        while next < context.agent.pending.count {
            let effect = context.agent.pending[next]
            next += 1
            run(effect)
            takeCallEffects()
        }
        context.agent.pending.removeAll(keepingCapacity: true)
    }

    private mutating func run(_ effect: TransactionEffect) {
        switch effect {
        case .transmit(let bytes, let flow): outputs.append(.transmit(bytes, flow))
        case .request(let server, let request, let flow): received(request, server, over: flow)
        case .ack(let ack, let flow):
            _ = calls.acknowledged(by: ack, over: flow, &context)  // else to a challenge, which left nothing behind
        case .cancelled(let server): calls.cancelled(server, &context)
        case .response(let client, let response, let flow): received(response, to: client, over: flow)
        case .failed(let client, let reason): failed(client, reason)
        case .ackMissing(let server): calls.ackMissing(server, &context)
        case .dropped(let reason): outputs.append(.count("sip.\(reason.counterName)"))
        }
    }

    private mutating func received(_ response: SIPResponse, to client: ClientTransactionID, over flow: SIPFlow) {
        if trunks.owns(client) {
            trunks.received(response, to: client, over: flow, &context.agent)
        } else if !events.received(response, to: client, &context.agent) {
            calls.received(response, to: client, &context)
        }
    }

    private mutating func failed(_ client: ClientTransactionID, _ reason: TransactionFailure) {
        if trunks.owns(client) {
            trunks.failed(client, reason, &context.agent)
        } else if !events.failed(client, reason, &context.agent) {
            calls.failed(client, reason, &context)
        }
    }

    private mutating func takeCallEffects() {
        takeTrunkEffects()
        for name in context.agent.counts { outputs.append(.count(name)) }
        context.agent.counts.removeAll(keepingCapacity: true)
        while !context.effects.isEmpty {  // the answer to a question may ask for more
            var effects: [CallEffect] = []
            swap(&effects, &context.effects)
            for effect in effects { carryOut(effect) }
        }
    }

    private mutating func carryOut(_ effect: CallEffect) {
        switch effect {
        case .media(let command): outputs.append(.media(command))
        case .ended(let record) where record.userNumber == SelfTestAccount.name: break
        case .ended(var record):
            recordCount += 1
            record.callDataID = numbering.next(at: context.wall, entropy: &context.agent.entropy)
            for leg in record.quality { endedAudio.record(leg) }
            outputs.append(.callRecord(record))
        case .routing(let question):
            let route = route(for: question)
            calls.routed(question, route, &context)
        case .dialogState(let change): tell(change)
        case .messages(let command): outputs.append(.messages(command))
        case .messagesWaiting(let user, let new, let old):
            events.setMessageSummary(of: user, to: MessageSummary(new: new, old: old), &context.agent)
        case .log(let text): outputs.append(.log(.notice, text))
        case .night(let isOn): setNight(isOn)
        case .agent(let user, let state): setAgent(user, state)
        case .keys(let keys, of: let party, in: let call): pressed(keys, by: party, in: call)
        }
    }

    private mutating func report(_ changes: [BindingChange]) {
        for change in changes {
            outputs.append(.bindings(aor: change.addressOfRecord, change.bindings))
            if !change.isRefreshOnly {
                tellContacts(of: change.addressOfRecord)
                if !change.bindings.isEmpty {
                    mayCallBack = true
                    officeMemory.seen(change.addressOfRecord, byRegistration: true)
                }
            }
        }
    }
}

extension RegistrarPolicy {
    /// What an edition allows; what is registered already stays.
    init(_ edition: ApplianceSettings.Edition) {
        self.init()
        registeredUsers = edition.limits.users
        registeredDevices = edition.limits.devices
    }
}

extension LocationPolicy {
    /// What the listeners can speak: to use a transport, one needs an address of ours for it.
    init(listeners: [ListenerAddress]) {
        self.init()
        transports = transports.filter { transport in listeners.contains { $0.transport == transport } }
        families = families.filter { family in listeners.contains { $0.local.address.isV4 == (family == .v4) } }
    }
}

extension TransactionDrop {
    /// In the spelling of counters: `stray-ack`.
    fileprivate var counterName: String {
        switch self {
        case .malformed: "malformed"
        case .strayResponse: "stray-response"
        case .strayAck: "stray-ack"
        case .strayCancel: "stray-cancel"
        case .overloaded: "overloaded"
        case .wrongHost: "wrong-host"
        case .tooManyHops: "too-many-hops"
        case .merged: "merged"
        case .looped: "looped"
        }
    }
}
