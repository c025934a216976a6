import CallControl
import Primitives
import Registration
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent
import Settings

/// What becomes of a SIP message: who may speak, and who it is for.
extension Telephony {
    // MARK: Bytes

    mutating func received(_ bytes: [UInt8], over flow: SIPFlow) {
        let source = flow.remote.address
        if settings.sip.protectionEnabled, !protection.hears(source, at: context.now) {
            outputs.append(.count("sip.banned"))
            return
        }
        var message: SIPMessage
        do {
            message = try SIPParser.parse(bytes, limits: limits, framing: flow.connection == nil ? .datagram : .stream)
        } catch {
            refuseMalformed(SIPParser.rejection(of: bytes, because: error, limits: limits), from: flow)
            return
        }
        if case .request(var request) = message {
            do {
                try request.read()
            } catch {
                let isAnswerable = error.isAnswerable && request.method != .ack
                let status = error.responseStatus
                refuseMalformed(isAnswerable ? SIPResponse(to: request, status: status) : nil, from: flow)
                return
            }
            guard isWithinRate(request, from: flow) else {
                outputs.append(.count("sip.rate-limited"))
                return
            }
            message = .request(request)
        }
        context.agent.pending += context.agent.transactions.receive(message, from: flow, at: context.now)
    }

    /// Answered without state, within the rate for strangers.
    private mutating func refuseMalformed(_ response: SIPResponse?, from flow: SIPFlow) {
        outputs.append(.count("sip.malformed"))
        guard let response else { return }
        if settings.sip.protectionEnabled, !protection.admits(flow.remote.address, at: context.now) { return }
        outputs.append(.transmit(response.serialised(), flow))
    }

    /// What costs an answer is held to a rate, except what belongs to a running call or a waiting INVITE, and what
    /// carries credentials that met a challenge of ours: those end well, or count as wrong ones. ACK has no answer.
    private mutating func isWithinRate(_ request: SIPRequest, from flow: SIPFlow) -> Bool {
        guard settings.sip.protectionEnabled, request.method != .ack else { return true }
        let tag = request.toTag()
        if let tag, calls.hasDialog(localTag: tag, context) { return true }
        switch request.method {
        case .cancel where context.agent.transactions.knows(cancel: request, from: flow): return true
        case .register, .invite:
            if tag == nil, let credentials = credentials(in: request),
                authenticator.isOurs(
                    credentials, method: request.method, uri: Self.digestURI(of: request, credentials), at: context.now)
            {
                return true
            }
        default: break
        }
        return protection.admits(flow.remote.address, at: context.now)
    }

    /// The credentials that are judged: the first for our realm.
    private func credentials(in request: SIPRequest) -> AuthenticationParameters? {
        request.authorizations().first { $0.isDigest && $0.parameters["realm"] == settings.sip.realm }
    }

    // MARK: Requests

    /// A request that has its server transaction.
    mutating func received(_ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow) {
        if request.toTag() != nil {
            guard SIPCapabilities.unsupportedOptions(in: request).isEmpty else {
                refuseExtensions(of: request, server)
                return
            }
            if !calls.received(request, server, over: flow, &context) { context.reply(server, to: request, 481) }
            return
        }
        switch request.method {
        case .options: context.reply(server, to: request, 200, fields: Self.capabilities)
        case .register: register(request, server, over: flow)
        case .invite: invite(request, server, over: flow)
        case .refer: refer(request, server, over: flow)
        case .bye, .info, .update, .prack: context.reply(server, to: request, 481)
        default: context.reply(server, to: request, 405, fields: [.init(.allow, SIPCapabilities.allow)])
        }
    }

    private static let capabilities: [SIPHeaders.Field] = [
        .init(.allow, SIPCapabilities.allow), .init(.accept, SIPCapabilities.sessionDescription),
    ]

    private mutating func refuseExtensions(of request: SIPRequest, _ server: ServerTransactionID) {
        let options = SIPCapabilities.unsupportedOptions(in: request).joined(separator: ", ")
        context.reply(server, to: request, 420, fields: [.init(.unsupported, options)])
    }

    private mutating func register(_ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow) {
        guard let user = authenticate(request, server, over: flow) else { return }
        guard let to = try? request.to(), DialPlan.number(in: to.uri) == user else {
            context.reply(server, to: request, 403)
            return
        }
        let answer = registrar.register(
            request, addressOfRecord: user, over: flow, at: context.now, wall: context.wall)
        context.reply(server, to: request, answer.status, reason: answer.reason, fields: answer.fields)
        for _ in 0..<answer.evictedCount { outputs.append(.count("registration.evicted")) }
    }

    private mutating func invite(_ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow) {
        guard let user = authenticate(request, server, over: flow), let caller = plan.user(user) else { return }
        guard !isDraining else {
            context.count("calls.refused")
            context.reply(server, to: request, 503, fields: [.init(.retryAfter, "30")])
            return
        }
        guard SIPCapabilities.unsupportedOptions(in: request).isEmpty else {
            refuseExtensions(of: request, server)
            return
        }
        guard !calls.replace(request, server, over: flow, by: caller, &context) else { return }
        guard [.sip, .sips, .tel].contains(request.uri.scheme) else {
            context.reply(server, to: request, 416)
            return
        }
        guard let number = DialPlan.number(in: request.uri),
            let destination = plan.destination(of: number, calledBy: caller)
        else {
            context.reply(server, to: request, 404)
            return
        }
        calls.invite(
            Invitation(
                server: server, request: request, flow: flow, caller: caller, destination: destination,
                ranks: ranks(of: destination)),
            &context)
    }

    private mutating func refer(_ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow) {
        guard let user = authenticate(request, server, over: flow), let party = plan.user(user) else { return }
        guard SIPCapabilities.unsupportedOptions(in: request).isEmpty else {
            refuseExtensions(of: request, server)
            return
        }
        calls.refer(request, server, over: flow, by: party, &context)
    }

    /// Where a redirection or a transfer leads: what the party on whose behalf it is could dial.
    func route(for question: RoutingRequest) -> Route? {
        guard let number = DialPlan.number(in: question.uri),
            let destination = plan.destination(of: number, calledBy: question.caller)
        else { return nil }
        return Route(destination: destination, ranks: ranks(of: destination))
    }

    /// Everyone's telephones: those of one preference together, the next ones when these have failed.
    private func ranks(of destination: DialPlan.Destination) -> [[CallTarget]] {
        let parties: [CallParty] =
            switch destination {
            case .user(let party): [party]
            case .group(_, let members): members
            case .echo, .outside: []
            }
        var ranks: [[CallTarget]] = []
        for party in parties {
            let targets = registrar.bindings(of: party.number, at: context.now).map {
                CallTarget(party: party, uri: $0.contact.uri, flow: $0.flow, preference: $0.preference)
            }
            for (index, rank) in CallTarget.ranked(targets).enumerated() {
                if index < ranks.count { ranks[index] += rank } else { ranks.append(rank) }
            }
        }
        return ranks
    }

    // MARK: Authentication

    /// The extension whose password the sender has proved to know; nil when the request has been answered.
    ///
    /// Without credentials for our realm: 401, and no failure. With wrong ones: 403, whether the user exists or not. Who
    /// is authenticated may speak in their own name alone (403).
    private mutating func authenticate(
        _ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow
    ) -> String? {
        guard let credentials = credentials(in: request), let name = credentials.parameters["username"] else {
            challenge(request, server, stale: false)
            return nil
        }
        let verdict = authenticator.verify(
            credentials, method: request.method, uri: Self.digestURI(of: request, credentials), body: request.body,
            password: users[name]?.password, at: context.now)
        switch verdict {
        case .ok: break
        case .stale, .replay:
            challenge(request, server, stale: true)
            return nil
        case .unsupported:
            challenge(request, server, stale: false)
            return nil
        case .malformed:
            context.reply(server, to: request, 400)
            return nil
        case .badCredentials:
            refuseCredentials(request, server, of: name, from: flow.remote.address)
            return nil
        }
        protection.succeeded(flow.remote.address, user: name)
        guard let from = try? request.from(), DialPlan.number(in: from.uri) == name else {
            context.reply(server, to: request, 403)
            return nil
        }
        return name
    }

    /// The URI that the digest must name: the Request-URI, or the appliance as a whole (a URI without a user part), as
    /// some telephones and test tools do. The nonce count keeps credentials from being used twice either way.
    private static func digestURI(of request: SIPRequest, _ credentials: AuthenticationParameters) -> String {
        guard let named = credentials.parameters["uri"], let uri = try? SIPURI(parsing: named), uri.user == nil,
            uri.scheme == .sip || uri.scheme == .sips
        else { return request.uri.description }
        return named
    }

    /// 401 without state: who has proved nothing costs nothing (RFC 3261 section 26.3.2.4).
    private mutating func challenge(_ request: SIPRequest, _ server: ServerTransactionID, stale: Bool) {
        var response = SIPResponse(to: request, status: 401, toTag: context.agent.entropy.hexToken(bytes: 8))
        let preferred = authenticator.challenges(at: context.now, entropy: &context.agent.entropy, stale: stale)
        for value in DigestOffer(for: request).ordered(preferred) {
            response.headers.append(.wwwAuthenticate, value)
        }
        context.agent.respondStatelessly(server, with: response)
    }

    private mutating func refuseCredentials(
        _ request: SIPRequest, _ server: ServerTransactionID, of name: String, from source: IPAddress
    ) {
        outputs.append(.count("sip.wrong-credentials"))
        context.reply(server, to: request, 403)
        guard settings.sip.protectionEnabled, protection.failed(source, user: name, at: context.now) else { return }
        outputs.append(.count("sip.bans"))
        outputs.append(.log(.notice, "SIP from \(source.anonymised) is ignored for a while: too many wrong passwords"))
    }
}
