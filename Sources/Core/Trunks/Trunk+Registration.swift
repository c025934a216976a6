import Primitives
import SIPMessage
import SIPTransaction
import SIPUserAgent
import ServerLocation
import Settings

extension Trunk {
    /// Registers with the hop in use, over the connection to it if there is one.
    mutating func beginRegistering(_ agent: inout UserAgentContext, _ shared: inout TrunkShared) {
        registration.beginRound()
        register(&agent, &shared)
    }

    private mutating func register(_ agent: inout UserAgentContext, _ shared: inout TrunkShared) {
        guard let flow = registrationFlow(shared) else { return fail(.noTransport, &agent, &shared) }
        phase = .registering(sendRegister(over: flow, isLeaving: false, &agent, &shared))
    }

    mutating func unregister(
        over flow: SIPFlow, _ agent: inout UserAgentContext, _ shared: inout TrunkShared
    ) {
        phase = .unregistering(sendRegister(over: flow, isLeaving: true, &agent, &shared))
    }

    private func registrationFlow(_ shared: TrunkShared) -> SIPFlow? {
        guard let hop else { return nil }
        if let connection, connection.isTo(hop) { return connection }
        return shared.flow(to: hop)
    }

    private mutating func sendRegister(
        over flow: SIPFlow, isLeaving: Bool, _ agent: inout UserAgentContext, _ shared: inout TrunkShared
    ) -> ClientTransactionID {
        let request = registration.request(
            settings, contact: flow.contact(user: token), isLeaving: isLeaving, &agent)
        let client = agent.send(request, over: flow)
        shared.clients[client] = id
        return client
    }

    // MARK: Answers

    /// A final response to REGISTER.
    mutating func registrationAnswered(
        _ response: SIPResponse, over flow: SIPFlow, _ agent: inout UserAgentContext, _ shared: inout TrunkShared
    ) {
        switch response.status {
        case 200..<300: registered(response, over: flow, &agent, &shared)
        case 401, 407:
            keep(flow)
            do {
                try registration.challenged(by: response)
                register(&agent, &shared)
            } catch {
                refused(error, &agent, &shared)
            }
        case 423:
            keep(flow)
            if registration.adoptMinimum(of: response) {
                register(&agent, &shared)
            } else {
                refused(.unusableInterval, &agent, &shared)
            }
        default: refused(by: response, &agent, &shared)
        }
    }

    /// Another hop may do what this one could not; a refusal is the registrar's word.
    private mutating func refused(
        by response: SIPResponse, _ agent: inout UserAgentContext, _ shared: inout TrunkShared
    ) {
        let reason = TrunkFailure.refused(status: response.status)
        let retryAfter = response.retryAfter().map { Duration.seconds($0) }
        switch response.status {
        case 408, 500..<600: nextHop(reason, retryAfter: retryAfter, &agent, &shared)
        default: refused(reason, retryAfter: retryAfter, &agent, &shared)
        }
    }

    private mutating func registered(
        _ response: SIPResponse, over flow: SIPFlow, _ agent: inout UserAgentContext, _ shared: inout TrunkShared
    ) {
        keep(flow)
        guard let seconds = registration.accepted(response, token: token) else {
            return refused(.unusableInterval, &agent, &shared)
        }
        backoff.succeeded()
        failure = nil
        registration.validUntil = agent.now + .seconds(seconds)
        // At 80 to 90 per cent, so that what registered together does not refresh together.
        let early = Duration.milliseconds(seconds * 800)
        phase = .registered(refreshAt: agent.now + early + agent.entropy.jitter(upTo: .milliseconds(seconds * 100)))
        if let hop { shared.effects.append(.hopSucceeded(hop)) }
        if !health.isRunning {
            health.start(every: settings.healthInterval, at: agent.now, firstAfter: settings.healthInterval)
        }
        locateServiceRoute(&shared)
    }

    /// Requests go to the topmost Route (RFC 3261 section 8.1.2): to our proxy, over the connection that stands, or to
    /// where the Service-Route says.
    private mutating func locateServiceRoute(_ shared: inout TrunkShared) {
        guard settings.outboundProxy == nil, connection == nil, let target = registration.serviceTarget,
            target != settings.locationTarget
        else {
            serviceHops = []
            return
        }
        shared.effects.append(.locate(id, target))
    }

    /// A connection is used on; over UDP every request finds its way by itself.
    private mutating func keep(_ flow: SIPFlow) {
        connection = flow.transport.isReliable && flow.connection != nil ? flow : nil
    }

    /// No answer, or none that helps: the next hop is asked at once (RFC 3263 section 4.3).
    mutating func nextHop(
        _ reason: TrunkFailure, retryAfter: Duration? = nil, _ agent: inout UserAgentContext,
        _ shared: inout TrunkShared
    ) {
        if let hop { shared.effects.append(.hopFailed(hop)) }
        connection = nil
        failure = reason
        guard hopIndex + 1 < hops.count else { return fail(reason, retryAfter: retryAfter, &agent, &shared) }
        hopIndex += 1
        beginRegistering(&agent, &shared)
    }

    private mutating func refused(
        _ reason: TrunkFailure, retryAfter: Duration? = nil, _ agent: inout UserAgentContext,
        _ shared: inout TrunkShared
    ) {
        registration.validUntil = nil
        registration.forgetChallenges()
        fail(reason, retryAfter: retryAfter, &agent, &shared)
    }

    /// A final response to the REGISTER that takes the binding away.
    mutating func leavingAnswered(
        _ response: SIPResponse, over flow: SIPFlow, _ agent: inout UserAgentContext, _ shared: inout TrunkShared
    ) {
        guard response.status == 401 || response.status == 407 else {
            phase = .gone
            return
        }
        do {
            try registration.challenged(by: response)
            unregister(over: flow, &agent, &shared)
        } catch {
            phase = .gone
        }
    }
}
