package import Numbering
package import Primitives
package import SIPMessage
package import SIPTransaction
package import SIPUserAgent
package import ServerLocation
package import Settings

/// The appliance's lines to the public telephone network: registers them, watches them, tells their calls apart, and
/// says by which way a call goes out.
///
/// Sends REGISTER and OPTIONS by itself through the `UserAgentContext` that each call lends it; the owner brings the
/// outcomes of those transactions (`owns`), places of servers (`located`), and takes `effects` after each call. It
/// counts no calls: who asks for a way out says how many each trunk carries.
package struct Trunks: Sendable {
    /// What the owner has to do, in order; the owner empties it.
    package var effects: [TrunkEffect] {
        get { shared.effects }
        set { shared.effects = newValue }
    }
    /// When `deadline` next has work to do; nil when nothing is timed.
    package private(set) var nextDeadline: Instant?

    var shared: TrunkShared
    /// In the order of the settings.
    var trunks: [Trunk] = []
    /// Whose settings are gone, until they have unregistered.
    private var leaving: [Trunk] = []
    var tokens: [String: TrunkID] = [:]
    private(set) var numbering = NumberingPlan(NumberingSettings())
    private(set) var rules: [OutgoingRule] = []
    private(set) var callerNumbers: [String: E164Number] = [:]
    private let limits: Limits
    private var lastID: UInt64 = 0
    private var isDraining = false

    package init(hashes: any HashFunctions, limits: Limits = Limits()) {
        self.limits = limits
        shared = TrunkShared(hashes: hashes)
    }

    // MARK: Views

    /// How numbers are read and written, for dial plan and telephones.
    package var plan: NumberingPlan { numbering }

    package var isEmpty: Bool { trunks.isEmpty }

    /// After `drain`: nothing is left to unregister.
    package var isDrained: Bool { isDraining && trunks.allSatisfy(\.isGone) && leaving.allSatisfy(\.isGone) }

    /// All trunks in the order of the settings.
    package func statuses(at now: Instant) -> [TrunkStatus] {
        trunks.map { trunk in
            let next: Instant? =
                switch trunk.phase {
                case .registered(let refreshAt): refreshAt
                case .waiting(let until): until
                case .idle, .locating, .registering, .ready, .unregistering, .gone: nil
                }
            return TrunkStatus(
                id: trunk.id, name: trunk.settings.name, kind: trunk.settings.kind, state: trunk.state,
                nextTry: next.map { max($0 - now, .zero) },
                expiresIn: trunk.registration.validUntil.flatMap { $0 > now ? $0 - now : nil }, hops: trunk.hops,
                hop: trunk.hop, roundTrip: trunk.health.roundTrip,
                failures: max(trunk.backoff.failures, trunk.health.failures))
        }
    }

    /// In the order of the settings.
    package var ids: [TrunkID] { trunks.map(\.id) }

    /// What meets challenges of that trunk; nil when it has no password.
    package func credentials(of id: TrunkID) -> TrunkCredentials? { trunk(id)?.settings.credentials }

    package func name(of id: TrunkID) -> String? { trunk(id)?.settings.name }

    /// The trunk's settings, for media (codecs, SRTP) and the like; nil when it is no more.
    package func settings(of id: TrunkID) -> TrunkSettings? { trunk(id)?.settings }

    /// True when the trunk may carry one more call than the `count` it carries.
    package func hasChannel(_ id: TrunkID, inUse count: Int) -> Bool {
        trunk(id).map { count < $0.settings.channels } ?? false
    }

    func trunk(_ id: TrunkID) -> Trunk? { trunks.first { $0.id == id } }

    // MARK: Settings and surroundings

    /// Takes new settings: trunks whose account stays as it is keep their registration, the others leave and begin anew.
    package mutating func adopt(_ settings: ApplianceSettings, _ agent: inout UserAgentContext) {
        numbering = NumberingPlan(settings.numbering, emergencyNumbers: settings.outgoing.emergencyNumbers)
        // The longest prefix first; equal ones cannot be.
        rules = settings.outgoing.rules.prefix(limits.outgoingRules)
            .sorted { ($1.prefix.utf8.count, $0.prefix) < ($0.prefix.utf8.count, $1.prefix) }
        callerNumbers = [:]
        for user in settings.users {
            callerNumbers[user.extension] = user.callerNumber.flatMap { numbering.configured($0) }
        }
        let extensions = Set(
            settings.users.map(\.extension) + settings.groups.map(\.extension) + settings.features.extensions)
        var old = trunks
        trunks = []
        for new in settings.trunks.prefix(limits.trunks) where !trunks.contains(where: { $0.settings.name == new.name })
        {
            let numbers = TrunkNumbers(new, plan: numbering, extensions: extensions)
            if let index = old.firstIndex(where: { $0.settings.name == new.name && $0.settings.isSameAccount(as: new) })
            {
                var kept = old.remove(at: index)
                kept.adopt(new, numbers: numbers, at: agent.now)
                trunks.append(kept)
            } else {
                lastID += 1
                trunks.append(
                    Trunk(new, id: TrunkID(lastID), numbers: numbers, &agent, hashes: shared.hashes))
            }
        }
        tokens = [:]
        for trunk in trunks where trunk.settings.kind == .registering { tokens[trunk.token] = trunk.id }
        for index in old.indices {
            old[index].leave(&agent, &shared)
            old[index].report(&shared)
        }
        leaving += old.filter { !$0.isGone }
        startIdle(&agent)
        finish()
    }

    /// The addresses of the SIP listeners, as others can reach them. Trunks begin as soon as there is one for them; a
    /// change makes all register anew, as their contacts are wrong.
    package mutating func listening(
        _ listeners: [ListenerAddress], _ agent: inout UserAgentContext
    ) {
        guard listeners != shared.listeners else { return }
        shared.listeners = listeners
        restart(&agent)
    }

    /// The network has changed: everything is found and registered anew.
    package mutating func restart(_ agent: inout UserAgentContext) {
        for index in trunks.indices where trunks[index].phase != .idle {
            switch trunks[index].phase {
            case .unregistering, .gone: continue
            case .idle, .locating, .registering, .registered, .ready, .waiting:
                trunks[index].connection = nil
                trunks[index].locate(agent, &shared)
                trunks[index].report(&shared)
            }
        }
        startIdle(&agent)
        finish()
    }

    private mutating func startIdle(_ agent: inout UserAgentContext) {
        guard !shared.listeners.isEmpty, !isDraining else { return }
        for index in trunks.indices where trunks[index].phase == .idle {
            trunks[index].locate(agent, &shared)
            trunks[index].report(&shared)
        }
    }

    /// The appliance is going down: registrations are taken back. Running calls are not touched.
    package mutating func drain(_ agent: inout UserAgentContext) {
        isDraining = true
        for index in trunks.indices {
            trunks[index].leave(&agent, &shared)
            trunks[index].report(&shared)
        }
        finish()
    }

    // MARK: Events

    /// Where the servers of a trunk are; `.pending` is no answer.
    package mutating func located(
        _ id: TrunkID, _ target: LocationTarget, _ result: LocationResult, _ agent: inout UserAgentContext
    ) {
        update(id, &agent) { $0.located(target, result, &$1, &$2) }
    }

    /// True when the transaction is one of ours: its outcome belongs here.
    package func owns(_ client: ClientTransactionID) -> Bool { shared.clients[client] != nil }

    package mutating func received(
        _ response: SIPResponse, to client: ClientTransactionID, over flow: SIPFlow, _ agent: inout UserAgentContext
    ) {
        guard response.isFinal, let id = shared.clients.removeValue(forKey: client) else { return }
        update(id, &agent) { $0.received(response, to: client, over: flow, &$1, &$2) }
    }

    package mutating func failed(
        _ client: ClientTransactionID, _ reason: TransactionFailure, _ agent: inout UserAgentContext
    ) {
        guard let id = shared.clients.removeValue(forKey: client) else { return }
        update(id, &agent) { $0.failed(client, reason, &$1, &$2) }
    }

    /// A connection is gone.
    package mutating func flowClosed(_ flow: SIPFlow, _ agent: inout UserAgentContext) {
        guard flow.connection != nil else { return }
        for index in trunks.indices { trunks[index].flowClosed(flow, &agent, &shared) }
        finish()
    }

    /// A call over the trunk got no answer over that flow: is the other side still there?
    package mutating func callFailed(_ id: TrunkID, over flow: SIPFlow, _ agent: inout UserAgentContext) {
        update(id, &agent) { trunk, agent, _ in trunk.health.checkSoon(at: agent.now) }
    }

    /// Does what is due.
    package mutating func deadline(_ agent: inout UserAgentContext) {
        guard let due = nextDeadline, due <= agent.now else { return }
        for index in trunks.indices {
            guard let due = trunks[index].nextDeadline, due <= agent.now else { continue }
            trunks[index].deadline(&agent, &shared)
            trunks[index].report(&shared)
        }
        finish()
    }

    // MARK: Keeping book

    private mutating func update(
        _ id: TrunkID, _ agent: inout UserAgentContext,
        _ body: (inout Trunk, inout UserAgentContext, inout TrunkShared) -> Void
    ) {
        if let index = trunks.firstIndex(where: { $0.id == id }) {
            body(&trunks[index], &agent, &shared)
            trunks[index].report(&shared)
        } else if let index = leaving.firstIndex(where: { $0.id == id }) {
            body(&leaving[index], &agent, &shared)
            if leaving[index].isGone { leaving.remove(at: index) }
        }
        finish()
    }

    private mutating func finish() { nextDeadline = trunks.compactMap(\.nextDeadline).min() }
}

extension Trunk {
    /// Tells the owner of a change since the last time.
    mutating func report(_ shared: inout TrunkShared) {
        guard state != reported else { return }
        reported = state
        shared.effects.append(.changed(id, name: settings.name, state))
    }

    /// The account is the same; the rest may differ.
    mutating func adopt(_ new: TrunkSettings, numbers: TrunkNumbers, at now: Instant) {
        let intervalChanged = new.healthInterval != settings.healthInterval
        settings = new
        self.numbers = numbers
        guard intervalChanged else { return }
        switch phase {
        case .registered, .ready:
            health = TrunkHealth()
            health.start(every: new.healthInterval, at: now, firstAfter: new.healthInterval)
        case .idle, .locating, .registering, .waiting, .unregistering, .gone: health = TrunkHealth()
        }
    }

    /// A final response to one of our requests.
    mutating func received(
        _ response: SIPResponse, to client: ClientTransactionID, over flow: SIPFlow, _ agent: inout UserAgentContext,
        _ shared: inout TrunkShared
    ) {
        if phase == .registering(client) {
            registrationAnswered(response, over: flow, &agent, &shared)
        } else if phase == .unregistering(client) {
            leavingAnswered(response, over: flow, &agent, &shared)
        } else if health.owns(client) {
            probeAnswered(response, over: flow, &agent, &shared)
        }
    }

    mutating func failed(
        _ client: ClientTransactionID, _ reason: TransactionFailure, _ agent: inout UserAgentContext,
        _ shared: inout TrunkShared
    ) {
        let failure: TrunkFailure =
            switch reason {
            case .timedOut: .timedOut
            case .transportFailed: .transportFailed
            }
        if phase == .registering(client) {
            nextHop(failure, &agent, &shared)
        } else if phase == .unregistering(client) {
            phase = .gone
        } else if health.owns(client) {
            probeFailed(failure, &agent, &shared)
        }
    }
}
