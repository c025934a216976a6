import Primitives
import SIPMessage
import SIPTransaction
import SIPUserAgent
import ServerLocation
import Settings

extension Trunk {
    /// Asks the hop in use whether it is there.
    mutating func probe(_ agent: inout UserAgentContext, _ shared: inout TrunkShared) {
        guard let hop, let flow = connection.flatMap({ $0.isTo(hop) ? $0 : nil }) ?? shared.flow(to: hop) else {
            health.stop()
            return
        }
        var from = NameAddress(uri: settings.addressOfRecord)
        from.tag = agent.makeTag()
        let server = NameAddress(uri: settings.registrar)
        var request = SIPRequest(method: .options, uri: settings.registrar)
        request.headers.append(.maxForwards, "70")
        if let route = settings.proxyRoute { request.headers.append(.route, route.description) }
        request.headers.append(.from, from.description)
        request.headers.append(.to, server.description)
        request.headers.append(.callID, agent.makeCallID())
        request.headers.append(.cseq, CSeq(number: 1, method: .options).description)
        request.headers.append(.accept, SIPCapabilities.sessionDescription)
        request.headers.append(.userAgent, SIPCapabilities.product)
        let client = agent.send(request, over: flow)
        shared.clients[client] = id
        health.sent(client, at: agent.now)
    }

    /// Any final response but 408 and 503 says that it is there (RFC 3261 section 11.2: also one that refuses).
    mutating func probeAnswered(
        _ response: SIPResponse, over flow: SIPFlow, _ agent: inout UserAgentContext, _ shared: inout TrunkShared
    ) {
        guard response.status != 408, response.status != 503 else {
            return probeFailed(.refused(status: response.status), &agent, &shared)
        }
        if settings.kind == .static { connection = flow.connection != nil && flow.transport.isReliable ? flow : nil }
        _ = health.answered(at: agent.now, entropy: &agent.entropy)
        if !health.isDown { failure = nil }
        if let hop { shared.effects.append(.hopSucceeded(hop)) }
    }

    mutating func probeFailed(
        _ reason: TrunkFailure, _ agent: inout UserAgentContext, _ shared: inout TrunkShared
    ) {
        if let hop { shared.effects.append(.hopFailed(hop)) }
        connection = nil
        switch settings.kind {
        case .registering:
            // It may be that only this server is gone: registering anew finds the next one.
            guard health.failed(at: agent.now, entropy: &agent.entropy) else { return }
            health = TrunkHealth()
            failure = reason
            locate(agent, &shared)
        case .static:
            if hopIndex + 1 < hops.count {
                // The others first; together they count once.
                hopIndex += 1
                probe(&agent, &shared)
                return
            }
            hopIndex = 0
            let falls = health.failed(at: agent.now, entropy: &agent.entropy)
            if health.isDown { failure = reason }
            // Its names may lead elsewhere by now.
            if falls { locate(agent, &shared) }
        }
    }
}
