import CallControl
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
        guard let user = authenticate(request, server, over: flow), let caller = plan.user(user),
            case let isEmergency = isForHelp(request.uri),
            isAcceptable(request, server, isEmergency: isEmergency)
        else { return }
        guard !calls.replace(request, server, over: flow, by: caller, &context) else { return }
        let way = way(
            to: request.uri, for: caller, isWithheld: (try? request.privacy())?.hidesIdentity ?? false,
            devices: registrar.resolve(gruu: request.uri, at: context.now))
        switch way {
        case .refused(let status): context.reply(server, to: request, status)
        case .leads(let destination, let ranks):
            var invitation = Invitation(
                server: server, request: request, flow: flow, caller: caller, destination: destination, ranks: ranks)
            invitation.isEmergency = isEmergency
            calls.invite(invitation, &context)
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
        guard let destination = plan.destination(of: call.destination, calledBy: caller) else {
            context.reply(server, to: request, 404)
            return
        }
        var invitation = Invitation(
            server: server, request: request, flow: flow, caller: caller, destination: destination,
            ranks: ranks(of: destination), line: line, credentials: trunks.credentials(of: trunk).map(Self.digest))
        invitation.media = trunks.settings(of: trunk).map { mediaRules($0.mediaSecurity, codecs: $0.codecs) }
        calls.invite(invitation, &context)
    }

    /// False when the request has been refused: a scheme or an extension that we do not have, or no new calls.
    private mutating func isAcceptable(
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
        guard let user = authenticate(request, server, over: flow), let party = plan.user(user),
            passesInspection(request, server)
        else { return }
        calls.refer(request, server, over: flow, by: party, &context)
    }

    // MARK: Where a number leads

    private enum Way {
        case leads(DialPlan.Destination, [[CallTarget]])
        case refused(status: Int)
    }

    /// True when somebody who dials that calls for help.
    func isForHelp(_ uri: SIPURI) -> Bool {
        guard let number = DialPlan.number(in: uri) else { return false }
        if case .emergency = trunks.plan.dialled(number, isInternal: plan.knows(number)) { return true }
        return false
    }

    /// Where a redirection or a transfer leads: what the party on whose behalf it is could dial. A line may redirect
    /// within its trunk's domain, if the trunk's policy is to follow, and over that trunk alone.
    func route(for question: RoutingRequest) -> Route? {
        let way =
            question.line.map { wayOut(to: question, over: $0) }
            ?? way(to: question.uri, for: question.party, isWithheld: question.isWithheld)
        guard case .leads(let destination, let ranks) = way else { return nil }
        return Route(destination: destination, ranks: ranks)
    }

    /// The Contact of a line's 3xx is a number as that trunk writes it, and by the rules one that the caller could
    /// dial.
    private func wayOut(to question: RoutingRequest, over line: LineID) -> Way {
        let trunk = TrunkID(line.value)
        guard trunks.follows(question.uri, over: trunk), let settings = trunks.settings(of: trunk),
            let number = trunks.plan.shown(trunks.plan.received(question.uri, format: settings.incomingFormat))
        else { return .refused(status: 404) }
        return wayOut(
            to: trunks.plan.dialled(number, isInternal: false), number, for: question.caller,
            isWithheld: question.isWithheld, over: line)
    }

    /// `devices`: the bindings of the one device that a GRUU names (RFC 5627).
    private func way(
        to uri: SIPURI, for caller: CallParty, isWithheld: Bool, devices: [Binding]? = nil
    ) -> Way {
        guard let number = DialPlan.number(in: uri) else { return .refused(status: 404) }
        let dialled = trunks.plan.dialled(number, isInternal: plan.knows(number))
        if case .emergency = dialled {
            let targets = outsideTargets(dialled, number, for: caller, isWithheld: false)
            if !targets.isEmpty { return .leads(.outside(CallParty(number: number, name: "")), targets) }
        }
        if let destination = plan.destination(of: number, calledBy: caller) {
            guard let devices, case .user(let party) = destination else {
                return .leads(destination, ranks(of: destination))
            }
            return .leads(destination, [devices.map { target($0, of: party) }])
        }
        return wayOut(to: dialled, number, for: caller, isWithheld: isWithheld)
    }

    /// `line`: the one way that may be taken.
    private func wayOut(
        to dialled: DialledNumber, _ number: String, for caller: CallParty, isWithheld: Bool, over line: LineID? = nil
    ) -> Way {
        guard trunks.hasRule(for: dialled) else { return .refused(status: 404) }
        guard !trunks.isBarred(dialled) else { return .refused(status: 403) }
        let targets = outsideTargets(dialled, number, for: caller, isWithheld: isWithheld)
            .filter { rank in line == nil || rank.allSatisfy { $0.line == line } }
        return targets.isEmpty
            ? .refused(status: 503) : .leads(.outside(CallParty(number: number, name: "")), targets)
    }

    /// One rank per hop of each trunk: the next when one is silent or failing.
    private func outsideTargets(
        _ dialled: DialledNumber, _ number: String, for caller: CallParty, isWithheld: Bool
    ) -> [[CallTarget]] {
        let who = OutgoingCaller(extensionNumber: caller.number, isWithheld: isWithheld)
        return trunks.routes(for: dialled, from: who, inUse: channelsInUse()).flatMap { route in
            route.flows.map { flow in
                [
                    CallTarget(
                        party: CallParty(number: number, name: ""), uri: route.uri, flow: flow, routes: route.routes,
                        outbound: OutboundIdentity(
                            from: route.from, assertedIdentities: [route.assertedIdentity].compactMap { $0 },
                            preferredIdentities: [route.preferredIdentity].compactMap { $0 }, privacy: route.privacy,
                            contactUser: route.contactUser, credentials: route.credentials.map(Self.digest)),
                        line: LineID(route.trunk.value),
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
    private func ranks(of destination: DialPlan.Destination) -> [[CallTarget]] {
        let parties: [CallParty] =
            switch destination {
            case .user(let party): [party]
            case .group(_, let members): members
            case .service, .outside: []
            }
        var ranks: [[CallTarget]] = []
        for party in parties {
            for (index, rank) in registrar.ranks(of: party.number, at: context.now).enumerated() {
                let targets = rank.map { target($0, of: party) }
                if index < ranks.count { ranks[index] += targets } else { ranks.append(targets) }
            }
        }
        return ranks
    }

    private func target(_ binding: Binding, of party: CallParty) -> CallTarget {
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
