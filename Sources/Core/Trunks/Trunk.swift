import Primitives
import SIPMessage
import SIPTransaction
import SIPUserAgent
import ServerLocation
import Settings

/// One trunk: finds its server, registers there or not, and watches whether it answers.
///
/// ```text
///          start              located                   200
///  idle ─────────▶ locating ──────────▶ registering ──────────▶ registered ──┐
///                   ▲  │  ▲                │   ▲                  │  │       │ refresh (80 to 90 %)
///                   │  │  │ no hop left    │   └──────────────────┘  │       │
///       back-off    │  │  └────────────────┤ 401, 407, 423, 5xx and  │       │
///       is over     │  ▼                   │ silence: again          │ no answer to OPTIONS, connection lost
///                  waiting ◀───────────────┘ 4xx, 6xx                └─────▶ locating
///
///          start              located           (static)
///  idle ─────────▶ locating ──────────▶ ready ◀─┐ OPTIONS
///                   ▲                    │ └────┘
///                   └────────────────────┘ no answer, or an hour old
///
///  any ── leave ──▶ unregistering (when registered) ──▶ gone
/// ```
///
/// Registration: RFC 3261 section 10.2, RFC 3263 section 4.3 (next hop), RFC 5626 section 4.5 (back-off), RFC 3608.
struct Trunk: Sendable {
    enum Phase: Sendable, Equatable {
        case idle
        case locating(until: Instant)
        case registering(ClientTransactionID)
        case registered(refreshAt: Instant)
        case ready(relocateAt: Instant)
        case waiting(until: Instant)
        case unregistering(ClientTransactionID)
        case gone
    }

    /// For a location; a resolver gives up earlier.
    static let locationTime = Duration.seconds(45)
    /// How long the hops of a static trunk are kept while it works, and while it does not.
    static let hopLifetime = Duration.seconds(3_600)
    static let failedHopLifetime = Duration.seconds(300)

    let id: TrunkID
    var settings: TrunkSettings
    /// The user part of our Contact: who sends a request to it has it from the trunk's server.
    let token: String
    var numbers: TrunkNumbers
    var phase = Phase.idle
    var registration: RegistrationDialog
    var health = TrunkHealth()
    var backoff = RegistrationBackoff()
    /// Why it does not work, until it does.
    var failure: TrunkFailure?
    /// The ways to the first hop; and where `hopIndex` says, the one in use.
    var hops: [Hop] = []
    var hopIndex = 0
    /// The ways to the first Service-Route, where that is another server.
    var serviceHops: [Hop] = []
    /// The connection over which the server answered last.
    var connection: SIPFlow?
    var reported = TrunkState.idle

    init(
        _ settings: TrunkSettings, id: TrunkID, numbers: TrunkNumbers, _ agent: inout UserAgentContext,
        hashes: any HashFunctions
    ) {
        self.id = id
        self.settings = settings
        self.numbers = numbers
        token = Self.token(of: settings, &agent, hashes: hashes)
        registration = RegistrationDialog(settings, &agent, hashes: hashes)
    }

    /// The same after a restart, so that the registrar replaces the old contact by the new one; unguessable, because
    /// only who knows the password can compute it.
    private static func token(
        of settings: TrunkSettings, _ agent: inout UserAgentContext, hashes: any HashFunctions
    ) -> String {
        guard let password = settings.password, password.count > 0 else { return agent.entropy.hexToken(bytes: 16) }
        let text = "trunk contact\n\(settings.name)\n\(settings.user)\n\(settings.addressDomain)"
        let seal = password.withBytes { hashes.hmacSHA256(key: Array($0), message: Array(text.utf8)) }
        return Hex.encode(seal.prefix(16))
    }

    // MARK: Views

    var state: TrunkState {
        switch phase {
        case .idle: .idle
        case .unregistering, .gone: .unregistered
        case .ready: failure.map(Self.state) ?? .reachable
        case .registered: failure.map(Self.state) ?? .registered
        case .locating, .registering, .waiting:
            failure.map(Self.state) ?? (registration.validUntil == nil ? .trying : .registered)
        }
    }

    private static func state(_ failure: TrunkFailure) -> TrunkState {
        failure.isRefusal ? .refused(failure) : .unreachable(failure)
    }

    var hop: Hop? { hops.indices.contains(hopIndex) ? hops[hopIndex] : nil }

    var isGone: Bool { phase == .gone }

    var nextDeadline: Instant? {
        let own: Instant? =
            switch phase {
            case .locating(let until), .waiting(let until): until
            case .registered(let refreshAt): refreshAt
            case .ready(let relocateAt): relocateAt
            case .idle, .registering, .unregistering, .gone: nil
            }
        return own.orEarlier(health.nextDeadline)
    }

    /// The ways for a request, the best first: the live connection, then the hops from the one in use on.
    func flows(_ shared: TrunkShared) -> [SIPFlow] {
        let ways = serviceHops.isEmpty ? Array(hops[hopIndex...] + hops[..<hopIndex]) : serviceHops
        var flows: [SIPFlow] = []
        if let connection { flows.append(connection) }
        for way in ways {
            guard let flow = shared.flow(to: way), connection?.isTo(way) != true else { continue }
            flows.append(flow)
        }
        return flows
    }

    // MARK: Start and end

    /// Begins anew: after the settings came, when a listener is there, when the back-off is over, when the network or
    /// the server has changed.
    mutating func locate(_ agent: UserAgentContext, _ shared: inout TrunkShared) {
        health.stop()
        phase = .locating(until: agent.now + Self.locationTime)
        shared.effects.append(.locate(id, settings.locationTarget))
    }

    mutating func located(
        _ target: LocationTarget, _ result: LocationResult, _ agent: inout UserAgentContext, _ shared: inout TrunkShared
    ) {
        if registration.serviceTarget == target, target != settings.locationTarget {
            if case .hops(let found) = result { serviceHops = found }
            return
        }
        guard case .locating = phase, target == settings.locationTarget else { return }
        switch result {
        case .pending: return
        case .failed(let failure): fail(.location(failure), &agent, &shared)
        case .hops(let found):
            hops = found.filter { shared.flow(to: $0) != nil }
            hopIndex = 0
            if let connection, let index = hops.firstIndex(where: connection.isTo) { hopIndex = index }
            guard !hops.isEmpty else { return fail(.noTransport, &agent, &shared) }
            switch settings.kind {
            case .registering: beginRegistering(&agent, &shared)
            case .static:
                phase = .ready(relocateAt: agent.now + (failure == nil ? Self.hopLifetime : Self.failedHopLifetime))
                health.start(every: settings.healthInterval, at: agent.now, firstAfter: .zero)
                if settings.healthInterval == .zero { failure = nil }
                if health.nextDeadline == agent.now { probe(&agent, &shared) }
            }
        }
    }

    /// Gives up for now and tries again after the back-off.
    mutating func fail(
        _ failure: TrunkFailure, retryAfter: Duration? = nil, _ agent: inout UserAgentContext,
        _ shared: inout TrunkShared
    ) {
        self.failure = failure
        connection = nil
        health.stop()
        let delay = backoff.failed(isRefusal: failure.isRefusal, retryAfter: retryAfter, entropy: &agent.entropy)
        phase = .waiting(until: agent.now + delay)
    }

    /// Unregisters if there is something to unregister (RFC 3261 section 10.2.2).
    mutating func leave(_ agent: inout UserAgentContext, _ shared: inout TrunkShared) {
        switch phase {
        case .unregistering, .gone: return
        case .idle, .locating, .registering, .registered, .ready, .waiting: break
        }
        health.stop()
        guard settings.kind == .registering, let until = registration.validUntil, until > agent.now,
            let flow = flows(shared).first
        else {
            phase = .gone
            return
        }
        registration.beginRound()
        unregister(over: flow, &agent, &shared)
    }

    mutating func deadline(_ agent: inout UserAgentContext, _ shared: inout TrunkShared) {
        if let until = registration.validUntil, until <= agent.now { registration.validUntil = nil }
        switch phase {
        case .locating(let until) where until <= agent.now: fail(.location(.overloaded), &agent, &shared)
        case .waiting(let until) where until <= agent.now: locate(agent, &shared)
        case .registered(let refreshAt) where refreshAt <= agent.now: beginRegistering(&agent, &shared)
        case .ready(let relocateAt) where relocateAt <= agent.now: locate(agent, &shared)
        case .idle, .locating, .registering, .registered, .ready, .waiting, .unregistering, .gone: break
        }
        if let due = health.nextDeadline, due <= agent.now { probe(&agent, &shared) }
    }

    /// The connection is gone: whoever is behind it cannot reach us until we register over another one.
    mutating func flowClosed(_ flow: SIPFlow, _ agent: inout UserAgentContext, _ shared: inout TrunkShared) {
        guard let connection, connection.isSameConnection(as: flow) else { return }
        self.connection = nil
        switch phase {
        case .registered:
            // Soon, but not all clients of a restarted server in the same moment.
            phase = .registered(refreshAt: agent.now + .milliseconds(100) + agent.entropy.jitter(upTo: .seconds(2)))
        case .ready: health.checkSoon(at: agent.now)
        case .idle, .locating, .registering, .waiting, .unregistering, .gone: break
        }
    }
}

/// What the trunks have in common.
struct TrunkShared: Sendable {
    let hashes: any HashFunctions
    var listeners: [ListenerAddress] = []
    /// Whose transaction it is.
    var clients: [ClientTransactionID: TrunkID] = [:]
    var effects: [TrunkEffect] = []

    /// The way over a hop, a connection still to be opened; nil when we have no listener for it.
    func flow(to hop: Hop) -> SIPFlow? {
        guard let local = listeners.local(for: hop.transport, towards: hop.endpoint.address) else { return nil }
        return SIPFlow(transport: hop.transport, local: local, remote: hop.endpoint, peerName: hop.serverName)
    }
}

extension SIPFlow {
    func isTo(_ hop: Hop) -> Bool { transport == hop.transport && remote == hop.endpoint }

    func isSameConnection(as other: SIPFlow) -> Bool {
        transport == other.transport && connection != nil && connection == other.connection
    }
}
