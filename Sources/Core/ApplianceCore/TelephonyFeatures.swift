import CallControl
import Features
import Numbering
import Primitives
import Registration
import SIPMessage
import SIPTransaction
import Settings
import Trunks

/// Where a number leads once the call features have had their say: facts for the policies, and what becomes of their
/// decisions.
extension Telephony {
    /// A number that is being dialled, and what is known of the call.
    struct Dialling {
        /// By whose rights; a user, or a group that sends its calls on.
        var caller: CallParty
        /// Who will be heard.
        var origin: CallParty
        /// The one who will be heard is a colleague.
        var isInternal = true
        /// The caller is somebody outside and has no rights here, whatever number is shown.
        var isStranger = false
        /// By transfer or redirection.
        var isPassedOn = false
        /// The request asks for privacy.
        var isWithheld = false
        var wishes = CallWishes()
        /// The one way out that may be taken.
        var line: LineID?
        /// The bindings of the one device that a GRUU names (RFC 5627).
        var devices: [Binding]?
        /// Where the call has been, the last one is where it is.
        var history: [DivertedTarget] = []
        /// The call goes by somebody else's rights than the caller's.
        var isSponsored = false
        var steps = 0
        /// Who is in a call while the number is followed; nil: not looked at yet.
        var activity: [String: UserActivity]?
    }

    enum Way {
        case leads(Route, CallWishes)
        case refused(status: Int)
        /// Nobody is to ring: something is to be done. `code` is what was dialled, without what followed it.
        case done(FeatureDecision, code: String)
    }

    /// How often policies may send a number on before it is a loop.
    private static let stepLimit = 8

    /// Follows a number until somebody rings, or something is to be done.
    mutating func follow(_ number: String, _ dialling: Dialling) -> Way {
        var dialling = dialling
        dialling.steps += 1
        guard dialling.steps <= Self.stepLimit else {
            context.count("calls.feature-loops")
            return .refused(status: 482)
        }
        let dialled = trunks.plan.dialled(number, isInternal: plan.knows(number))
        if case .emergency = dialled {
            let targets = outsideTargets(dialled, number, for: dialling.caller, isWithheld: false)
            if !targets.isEmpty {
                var route = Route(destination: .outside(CallParty(number: number, name: "")), ranks: targets)
                route.plan.isEmergency = true
                return .leads(route, dialling.wishes)
            }
        }
        let isPlain = plan.knows(number)
        let codes = settings.features.office.codes
        let code = isPlain ? nil : codes.match(number)
        if let code, dialling.isPassedOn, code.code != .park { return .refused(status: 404) }
        let event = code.map { FeatureEvent.code($0.code, argument: $0.argument) } ?? .dialled(number)
        let facts = facts(for: &dialling, event, dialled: dialled)
        switch desk.decide(event, facts) {
        case .route(let next, let wishes)?:
            dialling.wishes = dialling.wishes.merging(wishes)
            return follow(next, dialling)
        case .refuse(let status)?: return .refused(status: status)
        case .change(let change)?: return .done(.change(change), code: code.map { codes.digits(of: $0.code) } ?? number)
        case .act(let action)?: return .done(.act(action), code: code.map { codes.digits(of: $0.code) } ?? number)
        case .forward?, .unavailable?, .ring?, nil: break
        }
        guard code == nil else { return .refused(status: 404) }
        guard let destination = plan.destination(of: number, calledBy: dialling.caller) else {
            return wayOut(to: dialled, number, dialling)
        }
        switch destination {
        case .user(let party): return reach(party, destination, dialling, facts)
        case .group(let party, let members): return reach(party, members: members, destination, dialling, facts)
        case .service(_, .dialTone) where dialling.isPassedOn:  // whoever is sent there would dial by nobody's rights
            return .refused(status: 403)
        case .service, .outside: return .leads(Route(destination: destination, ranks: []), dialling.wishes)
        }
    }

    /// A way out by a line.
    func wayOut(to dialled: DialledNumber, _ number: String, _ dialling: Dialling) -> Way {
        guard trunks.hasRule(for: dialled) else { return .refused(status: 404) }
        guard !trunks.isBarred(dialled) else { return .refused(status: 403) }
        let hides = dialling.wishes.hidesNumber ?? officeMemory.features[dialling.caller.number]?.hidesNumber
        let targets = outsideTargets(
            dialled, number, for: dialling.caller,
            isWithheld: dialling.wishes.hidesNumber ?? (dialling.isWithheld || hides == true)
        ).filter { rank in dialling.line == nil || rank.allSatisfy { $0.line == dialling.line } }
        guard !targets.isEmpty else { return .refused(status: 503) }
        let destination = DialPlan.Destination.outside(CallParty(number: number, name: ""))
        var ringing = RingPlan()
        ringing.history = history(dialling, reaching: number)
        if dialling.isSponsored { ringing.sponsor = dialling.caller.number }
        return .leads(Route(destination: destination, ranks: targets, plan: ringing), dialling.wishes)
    }

    // MARK: Users and groups

    private mutating func reach(
        _ party: CallParty, _ destination: DialPlan.Destination, _ dialling: Dialling, _ dialled: FeatureFacts
    ) -> Way {
        guard dialling.devices == nil else {  // that telephone is meant, and no other one
            let targets = (dialling.devices ?? []).map { target($0, of: party) }
            return .leads(Route(destination: destination, ranks: [targets].filter { !$0.isEmpty }), dialling.wishes)
        }
        var facts = dialled
        facts.user = member(party.number, dialling)
        return resolve(desk.decide(.reached, facts), party, destination, dialling, facts)
    }

    private mutating func reach(
        _ party: CallParty, members: [CallParty], _ destination: DialPlan.Destination, _ dialling: Dialling,
        _ dialled: FeatureFacts
    ) -> Way {
        guard let group = settings.groups.first(where: { $0.extension == party.number }) else {
            return .refused(status: 404)
        }
        var facts = dialled
        facts.group = GroupFacts(settings: group, members: members.compactMap { member($0.number, dialling) })
        facts.group?.turn = officeMemory.turns[party.number, default: 0]
        officeMemory.turns[party.number, default: 0] &+= 1
        return resolve(desk.decide(.reached, facts), party, destination, dialling, facts)
    }

    /// What becomes of a decision about who was reached.
    private mutating func resolve(
        _ decision: FeatureDecision?, _ party: CallParty, _ destination: DialPlan.Destination, _ dialling: Dialling,
        _ facts: FeatureFacts
    ) -> Way {
        switch decision {
        case .ring(let steps)?:
            return .leads(ring(steps, at: party, destination, dialling, facts), dialling.wishes)
        case .forward(let number, let cause)?: return forward(to: number, cause, from: party, dialling)
        case .unavailable(let reason)?:
            guard case .forward(let number, let cause)? = desk.decide(.unanswered(reason), facts) else {
                var ringing = RingPlan()
                ringing.refusal = reason.status
                ringing.history = history(dialling, reaching: party.number)
                return .leads(Route(destination: destination, ranks: [], plan: ringing), dialling.wishes)
            }
            return forward(to: number, cause, from: party, dialling)
        case .route(let number, let wishes)?:
            var dialling = dialling
            dialling.wishes = dialling.wishes.merging(wishes)
            return follow(number, dialling)
        case .refuse(let status)?: return .refused(status: status)
        case .change(let change)?: return .done(.change(change), code: party.number)
        case .act(let action)?: return .done(.act(action), code: party.number)
        case nil: return .leads(Route(destination: destination, ranks: ranks(of: destination)), dialling.wishes)
        }
    }

    /// The call goes on by the rights of who sends it on.
    private mutating func forward(
        to number: String, _ cause: Int, from party: CallParty, _ dialling: Dialling
    ) -> Way {
        var dialling = dialling
        dialling.history = history(dialling, reaching: party.number)
        if dialling.history.isEmpty {
            dialling.history = [DivertedTarget(uri: SIPURI(user: party.number, host: settings.sip.realm))]
        }
        dialling.history[dialling.history.count - 1].cause = cause
        guard !dialling.history.contains(where: { $0.uri.user == number }) else {
            context.count("calls.redirect-loops")
            return .refused(status: 480)
        }
        context.count("calls.forwarded")
        dialling.caller = party
        dialling.isPassedOn = true
        dialling.isStranger = false
        dialling.isSponsored = true
        dialling.wishes = CallWishes().merging(dialling.wishes)
        dialling.wishes.isPermitted = false
        dialling.wishes.isAutoAnswered = false
        dialling.history.append(DivertedTarget(uri: SIPURI(user: number, host: settings.sip.realm)))
        return follow(number, dialling)
    }

    /// The stations up to that number; empty when it is the first.
    private func history(_ dialling: Dialling, reaching number: String) -> [DivertedTarget] {
        guard !dialling.history.isEmpty else { return [] }
        var history = dialling.history
        // A short number or a code that stood for another one is no station of its own.
        history[history.count - 1].uri = SIPURI(user: number, host: settings.sip.realm)
        return history
    }

    /// Nobody has answered at a user or a group.
    mutating func unanswered(_ question: RoutingRequest, status: Int) -> Route? {
        let number = question.party.number
        var dialling = Dialling(caller: question.party, origin: question.caller)
        dialling.isInternal = plan.user(question.caller.number) != nil
        dialling.isWithheld = question.isWithheld
        dialling.isPassedOn = true
        let event = FeatureEvent.unanswered(status == 486 || status == 600 ? .busy : .noAnswer)
        var facts = facts(for: &dialling, event, dialled: .internal(number))
        if let group = settings.groups.first(where: { $0.extension == number }) {
            facts.group = GroupFacts(settings: group, members: group.members.compactMap { member($0, dialling) })
        } else {
            facts.user = member(number, dialling)
        }
        guard case .forward(let target, let cause)? = desk.decide(event, facts),
            case .leads(let route, _) = forward(to: target, cause, from: question.party, dialling)
        else { return nil }
        return route
    }

    // MARK: Ringing

    /// The ranks of the steps, one after the other.
    private mutating func ring(
        _ steps: [RingStep], at party: CallParty, _ destination: DialPlan.Destination, _ dialling: Dialling,
        _ facts: FeatureFacts
    ) -> Route {
        var route = Route(destination: destination, ranks: [])
        for step in steps {
            var ranks: [[CallTarget]] = []
            for member in step.members { ranks.merge(targets(of: member, at: party, dialling, facts)) }
            for rank in ranks where !rank.isEmpty {
                route.ranks.append(rank)
                route.plan.patience.append(step.seconds.map { .seconds($0) })
            }
        }
        route.plan.station = party
        route.plan.history = history(dialling, reaching: party.number)
        return route
    }

    private mutating func targets(
        of member: RingStep.Member, at party: CallParty, _ dialling: Dialling, _ facts: FeatureFacts
    ) -> [[CallTarget]] {
        switch member {
        case .user(let number):
            guard let user = plan.user(number) else { return [] }
            let isWaiting = officeMemory.features[number]?.callWaiting ?? true
            let busy = isWaiting ? [] : dialling.activity?[number]?.telephones ?? []
            let ranks = telephones(of: user).map { rank in
                rank.filter { target in !busy.contains { $0.remote == target.flow.remote } }
            }.filter { !$0.isEmpty }
            return dialling.wishes.isAutoAnswered ? ranks.answeringByThemselves : ranks
        case .number(let number):
            var next = dialling
            next.caller = party
            next.isPassedOn = true
            next.wishes.isPermitted = false
            next.devices = nil
            if let user = plan.user(number) { return Array(telephones(of: user).prefix(1)) }
            let dialled = trunks.plan.dialled(number, isInternal: false)
            var own = facts
            own.caller = self.member(party.number, dialling)
            own.numberClass = numberClass(dialled, number)
            own.wishes = CallWishes()
            own.isPassedOn = true
            if case .refuse? = desk.decide(.dialled(number), own) { return [] }
            guard case .leads(let route, _) = wayOut(to: dialled, number, next) else { return [] }
            return Array(route.ranks.prefix(1))
        }
    }

    /// A user's telephones, rank by rank: the user's own, and those where the user has logged in.
    func telephones(of party: CallParty) -> [[CallTarget]] {
        var ranks: [[CallTarget]] = []
        for telephone in officeMemory.telephones(of: party.number) {
            ranks.merge(registrar.ranks(of: telephone, at: context.now).map { $0.map { target($0, of: party) } })
        }
        return ranks
    }

    // MARK: Facts

    /// What policies may go by, as far as the event concerns it; who is in a call is looked at once for each number.
    func facts(
        for dialling: inout Dialling, _ event: FeatureEvent, dialled: DialledNumber
    ) -> FeatureFacts {
        var facts = FeatureFacts()
        facts.office = settings.features.office
        facts.isInternal = dialling.isInternal
        facts.origin = dialling.origin.number
        facts.isPassedOn = dialling.isPassedOn
        facts.isNight = isNight
        facts.numberClass = numberClass(dialled, dialling.caller.number)
        facts.occupiedOrbits = calls.occupiedOrbits
        facts.wishes = dialling.wishes
        if dialling.activity == nil { dialling.activity = calls.activity() }
        switch event.concern {
        case .nobody: break
        case .user(let number): facts.colleagues = [member(number, dialling)].compactMap { $0 }
        case .everybody: facts.colleagues = settings.users.compactMap { member($0.extension, dialling) }
        }
        if !dialling.isStranger { facts.caller = member(dialling.caller.number, dialling) }
        return facts
    }

    /// Nil for a number that is no user's.
    private func member(_ number: String, _ dialling: Dialling) -> MemberFacts? {
        guard let features = officeMemory.features[number] else { return nil }
        var member = MemberFacts(number)
        member.features = features
        let homes = officeMemory.telephones(of: number)
        let bindings = homes.flatMap { registrar.ranks(of: $0, at: context.now).flatMap { $0 } }
        member.telephones = bindings.count
        if let activity = dialling.activity?[number] {
            member.isRinging = activity.isRinging
            let matching = bindings.count { binding in
                activity.telephones.contains { $0.remote == binding.flow.remote }
            }
            // A call of a telephone that is not registered makes its user busy all the same.
            member.busyTelephones = activity.telephones.isEmpty ? 0 : max(1, matching)
        }
        member.isDeskLocked = officeMemory.isDeskLocked(number, at: context.now)
        member.idleSeconds = officeMemory.lastCalls[number].map { Int((context.now - $0).components.seconds) }
        return member
    }

    /// Nil for a number that leads nowhere outside.
    private func numberClass(_ dialled: DialledNumber, _ number: String) -> NumberClass? {
        switch dialled {
        case .internal: return .internal
        case .emergency, .invalid: return nil
        case .short: return .local
        case .external(let number, _):
            let text = number.description
            if settings.features.office.premiumPrefixes.contains(where: { text.hasPrefix($0) }) { return .premium }
            guard let country = settings.numbering.countryCode, number.digits.hasPrefix(country) else {
                return .international
            }
            let area = settings.numbering.areaCode.map { country + $0 }
            return area.map { number.digits.hasPrefix($0) } == true ? .local : .national
        }
    }

    /// By switch, or by the clock.
    var isNight: Bool {
        let office = settings.features.office
        guard !officeMemory.isNight else { return true }
        guard let begins = office.nightBegins, let ends = office.nightEnds, begins != ends else { return false }
        let local = context.wall + .seconds(office.utcOffsetMinutes * 60)
        let minute = local.civil.hour * 60 + local.civil.minute
        return begins < ends ? (begins..<ends).contains(minute) : minute >= begins || minute < ends
    }
}
