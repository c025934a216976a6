import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent

/// Our INVITE to a callee: its provisional and final responses.
extension CallLeg {
    /// Sends `invite` in a new transaction, with what the session timer asks for.
    mutating func sendInvite(_ context: inout CallContext) {
        sessionTimer.prepare(&invite)
        if !invite.headers.contains(.minSE) { invite.headers.append(.minSE, String(sessionTimer.policy.minimum)) }
        forks = DialogSet(invite: invite)
        dialog = nil
        acknowledgements = ProvisionalAcknowledgements()
        earlyAnswers = []
        settledEarly = nil
        exchange = OfferAnswerState()
        _ = exchange.take(.invite, from: .local, hasDescription: true)
        state = .calling(context.send(invite, over: flow, for: reference))
    }

    /// Sends the INVITE once more with what its answer has asked for, under the next number (RFC 3261 section 8.1.3.5).
    /// False when that was done too often.
    mutating func retryInvite(_ context: inout CallContext, changing change: (inout SIPRequest) -> Void) -> Bool {
        guard inviteRetries < Self.retryLimit, let cseq = try? invite.cseq() else { return false }
        inviteRetries += 1
        invite.headers.set(.cseq, CSeq(number: cseq.number + 1, method: .invite).description)
        change(&invite)
        sendInvite(&context)
        return true
    }

    mutating func receivedWhileCalling(
        _ response: SIPResponse, _ client: ClientTransactionID, _ context: inout CallContext
    ) -> [LegEvent] {
        switch response.status {
        case ..<101: return []
        case ..<200:
            settleProtection(&context)
            return receivedProvisional(response, &context)
        case ..<300:
            settleProtection(&context)
            return receivedAnswer(response, client, &context)
        case 422 where sessionTimer.receive(response, at: context.now) == .retry:
            if retryInvite(&context, changing: { _ in }) { return [] }
        case 415, 488, 606:  // what is refused may be the protection (RFC 4568 section 7.1.2)
            secondOffer = nil
            if let (kind, offer) = media.makeSecondOffer(), retryInvite(&context, changing: { $0.body = offer }) {
                secondOffer = kind
                return []
            }
        default: break
        }
        refusal = Refusal(status: response.status, reasons: response.reasons())
        state = .over
        return [.refused(status: response.status)]
    }

    /// The callee takes what it was offered: when that was not the first offer, its next call begins with it.
    private mutating func settleProtection(_ context: inout CallContext) {
        switch secondOffer {
        case .plain: context.protectionRefusals.note(device, at: context.now)
        case .protected: context.protectionRefusals.forget(device)
        case nil: return
        }
        secondOffer = nil
    }

    /// The client that sees the person's telephone ring, or hears what comes before an answer.
    private mutating func receivedProvisional(_ response: SIPResponse, _ context: inout CallContext) -> [LegEvent] {
        var isReliable = false
        var rack: RAck?
        guard requests.count < Self.requestLimit else { return [] }  // it answers no PRACK and says ever more
        switch acknowledgements.receive(response) {
        case .unreliable: break
        case .acknowledge(let value):
            isReliable = true
            rack = value
        case .repeated, .outOfOrder: return []
        }
        peer.note(response)
        let events: [LegEvent] = response.status == 199 ? [] : [.ringing]
        guard let early = receivedEarlyDialog(response) else { return events }
        if let rack { sendPrack(rack, in: early, &context) }
        if response.status == 199 {  // that telephone is out (RFC 6228)
            if dialog?.id == early.id, !hasEarlyMedia { dialog = nil }
            return []
        }
        let body = SessionBody.description(in: response)
        guard !body.isEmpty else { return events }
        let rings: [LegEvent] = response.status == 183 ? [] : [.ringing]
        guard dialog == nil || dialog?.id == early.id else {
            if !earlyAnswers.contains(where: { $0.dialog == early.id }), earlyAnswers.count < DialogSet.limit {
                earlyAnswers.append(EarlyAnswer(dialog: early.id, body: body))
            }
            return rings
        }
        dialog = forks?[early.id]
        let settles = isReliable && settledEarly != early.id
        if settles { settledEarly = early.id }
        let carrier = isReliable ? OfferAnswerState.Carrier.reliableProvisional : .provisional
        let meaning = exchange.take(carrier, from: .remote, hasDescription: true)
        guard meaning == .answer || (settles && meaning == .ignored) else { return rings }
        do {
            try media.accept(body)
        } catch {
            guard isReliable else { return events }  // the 2xx may say something better
            hangUp(because: [.sip(488)], &context)
            return [.refused(status: 488)]
        }
        defer {
            hasEarlyMedia = true
            renegotiateIfWanted(&context)
        }
        return [hasEarlyMedia ? .mediaChanged : .earlyMedia] + rings
    }

    private mutating func receivedEarlyDialog(_ response: SIPResponse) -> Dialog? {
        do {
            switch try forks?.receive(response) {
            case .early(let dialog), .updated(let dialog):
                update(dialog)
                return dialog
            case .confirmed, .repeated, .surplus, .ended, .some(.none), nil: return nil
            }
        } catch {
            return nil  // without the fields that make a dialog it still says that a telephone rings
        }
    }

    /// In the early dialog of the response (RFC 3262 section 4).
    private mutating func sendPrack(_ rack: RAck, in early: Dialog, _ context: inout CallContext) {
        var dialog = early
        var request = dialog.makeRequest(.prack)
        request.headers.append(.rack, rack.description)
        request.headers.append(.userAgent, SIPCapabilities.product)
        update(dialog)
        send(request, for: .prack, over: flow(towards: dialog), &context)
    }

    /// A 2xx: takes up its dialog, acknowledges it, and takes its answer or the one that came ahead of it.
    private mutating func receivedAnswer(
        _ response: SIPResponse, _ client: ClientTransactionID, _ context: inout CallContext
    ) -> [LegEvent] {
        let selected = dialog?.id
        guard confirm(response, client, &context), let dialog else { return [.refused(status: 502)] }
        if selected != dialog.id {  // another telephone than the one that was heard already
            exchange = OfferAnswerState()
            _ = exchange.take(.invite, from: .local, hasDescription: true)
        }
        let body = SessionBody.description(in: response)
        var answer: [UInt8]? = nil
        switch exchange.take(.inviteSuccess, from: .remote, hasDescription: !body.isEmpty) {
        case .answer: answer = body
        case .ignored:
            // Deviation from RFC 3261 section 13.2.1, which would keep the unreliable preview: gateways play their
            // announcements from elsewhere, and the 2xx is what both sides are sure to have.
            if settledEarly != dialog.id { answer = body }
        case .missingAnswer: answer = earlyAnswers.first { $0.dialog == dialog.id }?.body ?? []
        case .none, .offer, .rolledBack, .requestPending, .tooSoon: break
        }
        do {
            if let answer { try media.accept(answer) }
        } catch {
            sendBye(because: [.sip(488, text: "Not Acceptable Here")], &context)
            return [.refused(status: 488)]
        }
        state = .established
        _ = sessionTimer.receive(response, at: context.now)
        earlyAnswers = []
        renegotiateIfWanted(&context)
        return [.answered]
    }

    /// Takes up the dialog of a 2xx and acknowledges it; false, and the leg is over, when it makes none.
    mutating func confirm(
        _ response: SIPResponse, _ client: ClientTransactionID, _ context: inout CallContext
    ) -> Bool {
        guard case .confirmed(let dialog)? = try? forks?.receive(response) else {
            state = .over
            return false
        }
        self.dialog = dialog
        forksEnd = context.now + context.agent.transactions.timers.timeout
        peer.note(response)
        flow = flow(towards: dialog)
        acknowledge(dialog.makeAck(for: invite), of: client, &context)
        return true
    }

    /// A telephone that is not where its Contact says sits behind an address translator: stay with what worked.
    func flow(towards dialog: Dialog) -> SIPFlow {
        IPAddress(invite.uri.host) == flow.remote.address ? dialog.flow(over: flow, sentBy: nil) : flow
    }

    /// A 2xx came once more, or another fork of the callee's side answered as well: that one is ended at once.
    mutating func receivedAgain(
        _ response: SIPResponse, _ client: ClientTransactionID, _ context: inout CallContext
    ) {
        guard let sent = sentAcks.first(where: { $0.client == client }) else { return }
        guard sent.request.isOfFirst(invite), case .surplus(var fork)? = try? forks?.receive(response) else {
            context.sendAck(sent.request, over: flow)
            return
        }
        context.sendAck(fork.makeAck(for: invite), over: flow)
        guard !endedForks.contains(fork.id), endedForks.count < DialogSet.limit else { return }
        endedForks.append(fork.id)
        var bye = fork.makeRequest(.bye)
        bye.headers.append(.reason, ReasonValue.completedElsewhere.description)
        forks?.replace(fork)
        send(bye, for: .notice, over: flow, &context)
    }
}

extension SIPRequest {
    /// True of the ACK for the INVITE that made the dialog.
    fileprivate func isOfFirst(_ invite: SIPRequest) -> Bool {
        (try? cseq())?.number == (try? invite.cseq())?.number
    }
}

extension ReasonValue {
    /// To the telephones that rang in vain: no missed call (RFC 3326 section 3.1).
    static let completedElsewhere = ReasonValue.sip(200, text: "Call completed elsewhere")
}
