import Media
import Primitives
import SIPMessage

/// Ringing: targets by rank, redirections, and the first to answer (RFC 3261 sections 8.1.3.4, 16.6 and 16.7).
extension Call {
    /// Begins to ring; false, and the fork has failed, when there is nobody.
    mutating func ring(_ fork: Fork, _ context: inout CallContext) {
        self.fork = fork
        settle(&context)
    }

    /// Goes on when nobody of the present rank rings any more.
    private mutating func settle(_ context: inout CallContext) {
        guard let fork, !fork.isAsking(), !fork.legs.contains(where: { legs[$0].isRinging }) else { return }
        guard let rank = self.fork?.nextRank(at: context.now, timers: timers) else {
            nobodyAnswered(&context)
            return
        }
        ring(rank, &context)
    }

    /// All ranks have been tried: the call may go on from whom it had reached.
    private mutating func nobodyAnswered(_ context: inout CallContext) {
        guard let status = fork?.outcome.finalStatus, let identity = fork?.identity else { return }
        guard let station = fork?.askAboutStation(questionCount, limit: limits.redirectionsPerCall) else {
            failed(status, &context)
            return
        }
        ask(
            .unanswered(status: status), for: SIPURI(user: station.number, host: domain), by: station,
            for: (identity.party, identity.isAnonymous), &context)
    }

    /// The owner says how the call goes on from whom it had reached in vain; nil: it does not.
    private mutating func goOn(to route: Route?, _ context: inout CallContext) {
        guard let status = fork?.outcome.finalStatus else { return }
        let ranks = route?.ranks.filter { !$0.isEmpty } ?? []
        guard let route,
            fork?.goOn(to: route, ranks: ranks, until: context.now + timers.ringing) == true
        else {
            failed(status, &context)
            return
        }
        context.count("calls.redirected")
        if case .service(let party, let service) = route.destination, transfer == nil, recall == nil {
            fork = nil
            early = nil
            guard application == nil || phase != .talking else { return pass(to: service, &context) }
            answeredBy = party
            serve(service, &context)
        } else if ranks.isEmpty {
            fork?.outcome.note(status)
            settle(&context)
        } else {
            settle(&context)
        }
    }

    private mutating func ring(_ rank: Fork.Rank, _ context: inout CallContext) {
        for target in rank.targets { ring(target, history: rank.history, &context) }
    }

    private mutating func ring(_ target: CallTarget, history: [DivertedTarget], _ context: inout CallContext) {
        guard let fork else { return }
        let reference = LegReference(call: id, leg: legs.count)
        if let credentials = target.outbound?.credentials { context.authenticate(reference, with: credentials) }
        let media = media(
            on: fork.side, rules: target.media, preferring: codecs(opposite: fork.side), &context)
        participants.append(
            CallParticipant(
                side: fork.side, target: target, line: target.line, history: history,
                dialogID: "\(id)-\(legs.count)", began: context.wall, isAnonymous: false))
        self.fork?.legs.append(legs.count)
        self.fork?.visit(target)
        legs.append(
            CallLeg(
                calling: target, from: fork.identity, history: history, domain: domain, maxForwards: maxForwards,
                reference: reference, media: media, timers: timers, context: &context))
    }

    // MARK: What callees do

    mutating func rang(_ index: Int, _ context: inout CallContext) {
        guard let fork, fork.legs.contains(index) else { return }
        participants[index].hasRung = true
        if transfer != nil {
            notify(180, of: subscriptions.count - 1, &context)
        } else if phase == .ringing, origination == nil {
            connect(legs[0].connected == nil ? index : nil)
            participants[0].hasRung = true
            legs[0].ring(&context)
        }
    }

    /// The first callee that lets itself be heard before it answers is heard, until one answers.
    mutating func heardEarly(_ index: Int, _ context: inout CallContext) {
        guard let fork, fork.legs.contains(index), early == nil else { return }
        guard origination == nil || phase == .talking else { return }  // nobody is there to hear it
        early = index
        if phase == .ringing {
            connect(legs[0].connected == nil ? index : nil)
            if let stream = legs[index].media.stream { legs[0].media.announce(Self.opus(of: stream)) }
            legs[0].progress(preferring: legs[index].media.stream.map { [$0.codec] } ?? [], &context)
        }
        configureMedia(&context)
    }

    mutating func answered(by index: Int, _ context: inout CallContext) {
        guard let fork, fork.legs.contains(index), bridge[fork.side] == nil || transfer != nil else {
            legs[index].hangUp(&context)  // cannot be: its CANCEL was on the way
            return
        }
        stopRinging(except: index, &context)
        guard transfer == nil else {
            completeTransfer(with: index, &context)
            return
        }
        guard recall == nil else {
            completeRecall(with: index, &context)
            return
        }
        if let origination {
            completeOrigination(with: index, origination, &context)
            return
        }
        guard application == nil else {
            applicationAnswered(by: index, &context)
            return
        }
        bridge[fork.side] = index
        self.fork = nil
        early = nil
        answeredBy = legs[index].party
        connect(index)
        if let stream = legs[index].media.stream { legs[0].media.announce(Self.opus(of: stream)) }
        guard legs[0].accept(preferring: legs[index].media.stream.map { [$0.codec] } ?? [], &context) else {
            refuseCaller(488, fields: [SessionBody.warning], &context)
            end(&context)
            return
        }
        talk(&context)
    }

    /// The caller is told who answers, in the appliance's own words (RFC 3325); not over a line, and not against the
    /// will of who answers.
    private mutating func connect(_ index: Int?) {
        guard let index, participants[0].line == nil else { return }
        legs[0].connected =
            participants[index].isAnonymous ? nil : CallerIdentity.address(of: legs[index].party, in: domain)
    }

    /// Nobody is rung any more.
    mutating func stopFork(because reasons: [ReasonValue] = [], _ context: inout CallContext) {
        for index in fork?.legs ?? [] { legs[index].hangUp(because: reasons, &context) }
        fork = nil
        early = nil
    }

    private mutating func stopRinging(except index: Int, _ context: inout CallContext) {
        for other in fork?.legs ?? [] where other != index {
            legs[other].hangUp(because: [.completedElsewhere], &context)
        }
    }

    /// A callee that lets itself be heard cannot be: it is left, and the others go on ringing.
    mutating func dropEarly(_ index: Int, because reason: ReasonValue, _ context: inout CallContext) {
        participants[index].event = .error
        legs[index].hangUp(because: [reason], &context)
        fork?.outcome.note(480)
        early = fork?.legs.first { legs[$0].isRinging && legs[$0].hasEarlyMedia }
        configureMedia(&context)
        settle(&context)
    }

    mutating func refused(by index: Int, _ status: Int, _ context: inout CallContext) {
        participants[index].event = status == 408 ? .timeout : status >= 500 && status < 600 ? .error : .rejected
        participants[index].code = status
        if early == index {
            early = fork?.legs.first { $0 != index && legs[$0].isRinging && legs[$0].hasEarlyMedia }
            configureMedia(&context)
        }
        guard let fork, fork.legs.contains(index), let target = participants[index].target else { return }
        if follow(index, of: target, &context) { return }
        self.fork?.outcome.note(status, isFromLine: target.line != nil)
        if target.isDecision(status) {
            self.fork?.drop(target.party)
            if status >= 600 {  // the person refuses on all of their telephones (RFC 3261 section 16.7 step 5)
                for other in fork.legs where legs[other].party == target.party { legs[other].hangUp(&context) }
            }
        }
        settle(&context)
    }

    // MARK: Redirections

    /// Asks where the Contacts of a 3xx lead; false when it is not to be followed (RFC 3261 sections 8.1.3.4, 21.3).
    private mutating func follow(_ index: Int, of target: CallTarget, _ context: inout CallContext) -> Bool {
        guard let refusal = participants[index].refusal else { return false }
        participants[index].refusal = nil
        guard target.redirection == .follow, [300, 301, 302].contains(refusal.status),
            case .list(let contacts)? = try? refusal.contacts(), let identity = fork?.identity
        else { return false }
        var history = participants[index].history
        if history.isEmpty {
            history = [DivertedTarget(uri: SIPURI(user: target.party.number, host: domain))]
        }
        history[history.count - 1].cause = refusal.status
        var isFollowed = false
        for contact in contacts.byPreference where [.sip, .sips, .tel].contains(contact.uri.scheme) {
            guard
                fork?.ask(
                    questionCount, for: contact.uri, by: index, history: history, limit: limits.redirectionsPerCall)
                    == true
            else {
                context.count("calls.redirect-loops")
                continue
            }
            isFollowed = true
            context.count("calls.redirected")
            ask(
                .redirect, for: contact.uri, by: target.party, for: (identity.party, identity.isAnonymous),
                over: target.line, &context)
        }
        return isFollowed
    }

    /// The owner says where a URI leads; nil: nowhere.
    mutating func routed(_ number: Int, _ route: Route?, _ context: inout CallContext) {
        if routedForApplication(number, route, &context) { return }
        if let transfer, transfer.question == number, fork == nil {
            beginTransfer(to: route, &context)
            return
        }
        if let recall, recall.question == number, fork == nil {
            beginRecall(to: route, &context)
            return
        }
        if fork?.takeStationQuestion(number) == true {
            goOn(to: route, &context)
            return
        }
        guard let question = fork?.takeQuestion(number) else { return }
        let ranks = route?.ringable ?? []
        if let route, !ranks.isEmpty {
            var history = question.history
            if route.plan.history.isEmpty {
                history.append(DivertedTarget(uri: SIPURI(user: route.destination.party.number, host: domain)))
            } else {
                history += route.plan.history
            }
            fork?.insert(ranks, history: history, redirectedBy: question.leg)
        } else {
            fork?.outcome.note(route == nil ? 404 : 480)
        }
        guard fork?.isAsking(for: question.leg) == false else { return }
        // Beside those who ring already: the others of a group are not to be waited for.
        if let rank = fork?.nextRank(redirectedBy: question.leg, at: context.now, timers: timers) {
            ring(rank, &context)
        }
        settle(&context)
    }

    // MARK: Too late, or nobody

    mutating func forkDeadline(_ context: inout CallContext) {
        guard let fork, context.now >= fork.nextDeadline else { return }
        guard context.now < fork.until else {
            for index in fork.legs where legs[index].isRinging {
                participants[index].event = .timeout
                legs[index].hangUp(&context)
            }
            early = nil
            nobodyAnswered(&context)
            return
        }
        for index in fork.legs where legs[index].isRinging {
            self.fork?.outcome.note(408, isFromLine: participants[index].line != nil)
            participants[index].event = .timeout
            legs[index].hangUp(&context)
        }
        early = nil
        configureMedia(&context)
        settle(&context)
    }

    /// Nobody has taken the call, or the transfer.
    private mutating func failed(_ status: Int, _ context: inout CallContext) {
        guard transfer == nil else {
            transferFailed(status, &context)
            return
        }
        guard recall == nil else {
            recallFailed(&context)
            return
        }
        if application != nil, phase == .talking {
            applicationFailed(status, &context)
            return
        }
        if fallBack(status, &context) { return }
        refuseCaller(status, &context)
        end(&context)
    }
}

extension Route {
    /// The appliance's own services cannot take over a call that rings elsewhere already.
    var ringable: [[CallTarget]] {
        if case .service = destination { [] } else { ranks.filter { !$0.isEmpty } }
    }
}

extension [NameAddress] {
    /// By `q`, the highest first; what stands together stays in order (RFC 3261 section 20.10).
    fileprivate var byPreference: [NameAddress] {
        func preference(_ address: NameAddress) -> Double {
            guard let text = address.parameters["q"], let value = Double(text), (0...1).contains(value) else {
                return 1
            }
            return value
        }
        return enumerated().sorted {
            let (left, right) = (preference($0.element), preference($1.element))
            return left != right ? left > right : $0.offset < $1.offset
        }.map(\.element)
    }
}
