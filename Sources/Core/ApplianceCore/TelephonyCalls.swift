import CallControl
import Features
import Numbering
import Primitives
import Registration
import SIPMessage
import SIPTransaction
import SIPUserAgent
import Settings
import Trunks

/// New calls: who may call whom, and which telephones and lines that means.
extension Telephony {
    // MARK: INVITE

    mutating func invite(_ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow) {
        switch trunks.identify(request, over: flow) {
        case .trunk(let trunk): inviteFromOutside(request, server, over: flow, trunk)
        case .impostor:
            context.count("sip.trunk-impostor")
            context.reply(server, to: request, 403)
        case .stranger: inviteFromUser(request, server, over: flow)
        }
    }

    private mutating func inviteFromUser(_ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow) {
        guard let user = authenticate(request, server, over: flow) else { return }
        guard selfTest == nil || user != SelfTestAccount.name else {
            return inviteFromSelfTest(request, server, over: flow)
        }
        guard let caller = plan.user(officeMemory.occupant(of: user)),
            case let isEmergency = isForHelp(request.uri),
            isAcceptable(request, server, isEmergency: isEmergency)
        else { return }
        guard !calls.replace(request, server, over: flow, by: caller, &context) else { return }
        guard let number = DialPlan.number(in: request.uri) else {
            context.reply(server, to: request, 404)
            return
        }
        var dialling = Dialling(caller: caller, origin: caller)
        dialling.isWithheld = (try? request.privacy())?.hidesIdentity ?? false
        dialling.devices = registrar.resolve(gruu: request.uri, at: context.now)
        var invitation = Invitation(
            server: server, request: request, flow: flow, caller: caller, destination: .user(caller), ranks: [])
        invitation.isEmergency = isEmergency
        switch follow(number, dialling) {
        case .refused(let status): context.reply(server, to: request, status)
        case .done(let decision, let code):
            carryOut(decision, Order(invitation: invitation, telephone: user, code: code))
        case .leads(let route, let wishes):
            if isEmergency { makeWay(for: route, from: caller) }
            invitation.take(route)
            invitation.hidesCaller = wishes.hidesNumber
            invitation.isPrivate = wishes.isPrivate
            invitation.fallback = mailbox(behind: route.destination)
            calls.invite(invitation, &context)
        }
    }

    /// A call for help takes the channel of another call if its line has none, and is logged with the site.
    private mutating func makeWay(for route: Route, from caller: CallParty) {
        let place = settings.features.office.emergencyLocation.map { " at \($0)" } ?? ""
        outputs.append(.log(.notice, "call for help by \(caller.number)\(place): \(route.destination.party.number)"))
        context.count("calls.emergency")
        guard let line = route.ranks.first?.first?.line else { return }
        if !trunks.hasChannel(TrunkID(line.value), inUse: calls.legCount(using: line)) {
            _ = calls.freeChannel(on: line, &context)
        }
    }

    private mutating func inviteFromOutside(
        _ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow, _ trunk: TrunkID
    ) {
        guard isAcceptable(request, server) else { return }
        let line = LineID(trunk.value)
        guard trunks.hasChannel(trunk, inUse: calls.legCount(using: line)) else {
            context.count("trunks.full")
            context.reply(server, to: request, 486)
            return
        }
        guard let call = trunks.call(of: request, over: trunk) else {
            context.reply(server, to: request, 404)
            return
        }
        let caller = CallParty(
            number: call.isWithheld ? "anonymous" : call.shownNumber ?? call.callerNumber ?? "",
            name: call.callerName ?? (call.isWithheld ? "Anonymous" : ""))
        guard plan.destination(of: call.destination, calledBy: caller) != nil else {
            context.reply(server, to: request, 404)
            return
        }
        var dialling = Dialling(caller: caller, origin: caller)
        dialling.isInternal = false
        dialling.isStranger = true
        dialling.isWithheld = call.isWithheld
        dialling.isPassedOn = true
        let route: Route
        switch follow(call.destination, dialling) {
        case .leads(let found, _): route = found
        case .refused(let status):
            context.reply(server, to: request, status)
            return
        case .done:  // nothing is switched from outside
            context.reply(server, to: request, 404)
            return
        }
        var invitation = Invitation(
            server: server, request: request, flow: flow, caller: caller, destination: route.destination,
            ranks: [], line: line, credentials: trunks.credentials(of: trunk).map(Self.digest))
        invitation.take(route)
        invitation.fallback = mailbox(behind: route.destination)
        invitation.media = trunks.settings(of: trunk).map { mediaRules($0.mediaSecurity, codecs: $0.codecs) }
        calls.invite(invitation, &context)
    }

    /// False when the request has been refused: a scheme or an extension that we do not have, or no new calls.
    mutating func isAcceptable(
        _ request: SIPRequest, _ server: ServerTransactionID, isEmergency: Bool = false
    ) -> Bool {
        guard passesInspection(request, server) else { return false }
        guard !isDraining || isEmergency && mayStillCallForHelp else {
            context.count("calls.refused")
            context.reply(server, to: request, 503, fields: [.init(.retryAfter, "30")])
            return false
        }
        return true
    }

    mutating func refer(_ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow) {
        guard let user = authenticate(request, server, over: flow),
            let party = plan.user(officeMemory.occupant(of: user)), passesInspection(request, server)
        else { return }
        guard !click(request, server, by: party) else { return }
        calls.refer(request, server, over: flow, by: party, &context)
    }

    /// Click to dial (RFC 5359 section 2.18): a user's program asks for a call of the user's own with the number in
    /// Refer-To. The user's telephones ring, then that number is called by the user's rights. Only without a subscription
    /// (`Refer-Sub: false`, RFC 4488): what becomes of it is seen at the telephone. False: the REFER means something else.
    private mutating func click(_ request: SIPRequest, _ server: ServerTransactionID, by user: CallParty) -> Bool {
        guard request.headers[.referSub]?.lowercased() == "false", request.headers[.targetDialog] == nil,
            DialPlan.number(in: request.uri) == user.number
        else { return false }
        guard request.headers.all(.referTo).count == 1, let target = (try? request.referTo()) ?? nil,
            let number = DialPlan.number(in: target.uri)
        else {
            context.reply(server, to: request, 400)
            return true
        }
        let ranks = telephones(of: user)
        guard !ranks.isEmpty else {
            context.reply(server, to: request, 480)
            return true
        }
        let origination = Origination(
            party: user, ranks: ranks, shown: plan.user(number) ?? CallParty(number: number, name: ""),
            purpose: .dial(SIPURI(user: number, host: settings.sip.realm)))
        let isBegun = calls.originate(origination, &context)
        if isBegun { context.count("calls.clicked") }
        context.reply(server, to: request, isBegun ? 202 : 503, fields: isBegun ? [.init(.referSub, "false")] : [])
        return true
    }

    // MARK: Where a number leads

    /// True when somebody who dials that calls for help.
    func isForHelp(_ uri: SIPURI) -> Bool {
        guard let number = DialPlan.number(in: uri) else { return false }
        if case .emergency = trunks.plan.dialled(number, isInternal: plan.knows(number)) { return true }
        return false
    }

    /// Where a redirection or a transfer leads: what the party on whose behalf it is could dial. A line may redirect
    /// within its trunk's domain, if the trunk's policy is to follow, and over that trunk alone.
    mutating func route(for question: RoutingRequest) -> Route? {
        switch question.purpose {
        case .application(let mayLeave): return route(of: question, mayLeave: mayLeave)
        case .unanswered(let status): return unanswered(question, status: status)
        case .recall:
            return plan.user(question.party.number).map { Route(destination: .user($0), ranks: telephones(of: $0)) }
        case .redirect, .transfer, .dial: break
        }
        var dialling = Dialling(caller: question.party, origin: question.caller)
        dialling.isWithheld = question.isWithheld
        dialling.isPassedOn = question.purpose != .dial
        dialling.isInternal = plan.user(question.caller.number) != nil
        let way: Way
        if let line = question.line {
            way = wayOut(to: question, over: line)
        } else if let number = DialPlan.number(in: question.uri) {
            way = follow(number, dialling)
        } else {
            return nil
        }
        switch way {
        case .leads(let route, _):
            if question.purpose == .dial, route.plan.isEmergency { makeWay(for: route, from: question.party) }
            return route
        case .done(.act(.park(orbit: let orbit)), _) where question.purpose == .transfer:
            return Route(destination: .service(CallParty(number: orbit, name: "Parked"), .orbit), ranks: [])
        case .done, .refused: return nil
        }
    }

    /// The Contact of a line's 3xx is a number as that trunk writes it, and by the rules one that the caller could
    /// dial.
    private func wayOut(to question: RoutingRequest, over line: LineID) -> Way {
        let trunk = TrunkID(line.value)
        guard trunks.follows(question.uri, over: trunk), let settings = trunks.settings(of: trunk),
            let number = trunks.plan.shown(trunks.plan.received(question.uri, format: settings.incomingFormat))
        else { return .refused(status: 404) }
        var dialling = Dialling(caller: question.caller, origin: question.caller)
        dialling.isWithheld = question.isWithheld
        dialling.line = line
        return wayOut(to: trunks.plan.dialled(number, isInternal: false), number, dialling)
    }

    /// One rank per hop of each trunk: the next when one is silent or failing.
    func outsideTargets(
        _ dialled: DialledNumber, _ number: String, for caller: CallParty, isWithheld: Bool
    ) -> [[CallTarget]] {
        let who = OutgoingCaller(extensionNumber: caller.number, isWithheld: isWithheld)
        return trunks.routes(for: dialled, from: who, inUse: channelsInUse()).flatMap { route in
            var identity = OutboundIdentity(
                from: route.from, assertedIdentities: [route.assertedIdentity].compactMap { $0 },
                preferredIdentities: [route.preferredIdentity].compactMap { $0 }, privacy: route.privacy,
                contactUser: route.contactUser, credentials: route.credentials.map(Self.digest))
            identity.tellsDiversion = route.tellsDiversion
            return route.flows.map { flow in
                [
                    CallTarget(
                        party: CallParty(number: number, name: ""), uri: route.uri, flow: flow, routes: route.routes,
                        outbound: identity, line: LineID(route.trunk.value),
                        redirection: route.redirects == .follow ? .follow : .refuse,
                        media: mediaRules(route.mediaSecurity, codecs: route.codecs))
                ]
            }
        }
    }

    private func mediaRules(_ security: MediaSecurity, codecs: [String]) -> MediaRules {
        MediaRules(
            security, certificate: calls.mediaCertificate, codecs: codecs, comfortNoise: calls.comfortNoise)
    }

    private func channelsInUse() -> [TrunkID: Int] {
        Dictionary(
            trunks.ids.map { ($0, calls.legCount(using: LineID($0.value))) }, uniquingKeysWith: { first, _ in first })
    }

    private static func digest(_ credentials: TrunkCredentials) -> OutboundCredentials {
        OutboundCredentials(username: credentials.username, password: credentials.password)
    }

    /// Everyone's telephones: those of one preference together, the next ones when these have failed.
    func ranks(of destination: DialPlan.Destination) -> [[CallTarget]] {
        let parties: [CallParty] =
            switch destination {
            case .user(let party): [party]
            case .group(_, let members): members
            case .service, .outside: []
            }
        var ranks: [[CallTarget]] = []
        for party in parties {
            ranks.merge(telephones(of: party))
        }
        return ranks
    }

    func target(_ binding: Binding, of party: CallParty) -> CallTarget {
        var target = CallTarget(
            party: party, uri: binding.contact.uri, flow: binding.flow, routes: binding.path,
            preference: binding.preference)
        if binding.flow.transport == .tls {  // elsewhere no first offer is protected
            target.device = [party.number, binding.contact.uri.description, binding.callID, binding.userAgent ?? ""]
                .joined(separator: "\n")
        }
        return target
    }
}

extension Invitation {
    fileprivate mutating func take(_ route: Route) {
        destination = route.destination
        ranks = route.ranks
        plan = route.plan
    }
}
