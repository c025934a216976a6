import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent

/// Re-INVITE and UPDATE of our own (RFC 3261 section 14.1, RFC 3311 section 5.1, RFC 4028 section 10).
extension CallLeg {
    /// Offers the peer the session as `media` now wants it: by re-INVITE, before the answer by UPDATE.
    ///
    /// May be called at any time; what cannot be offered now is offered as soon as it can be. The outcome is
    /// `.mediaChanged` or `.offerRefused`, or `.hungUp` when the peer is gone.
    mutating func renegotiate(_ context: inout CallContext) {
        wantsRenegotiation = true
        renegotiateIfWanted(&context)
    }

    /// Sends the offer that waits, if nothing stands in its way any more.
    mutating func renegotiateIfWanted(_ context: inout CallContext) {
        guard wantsRenegotiation, retry == nil, !requests.contains(where: \.changesSession) else { return }
        let method: SIPMethod
        switch state {
        case .established where unacknowledged == nil && exchange.mayOffer(in: .invite): method = .invite
        case .invited where provisionals?.awaitsAcknowledgement == false && mayUpdateEarly: method = .update
        case .calling where mayUpdateEarly: method = .update
        case .established, .invited, .calling, .answering, .cancelling, .leaving, .closing, .over: return
        }
        wantsRenegotiation = false
        sendSessionRequest(method, body: media.makeOffer(), for: .offer, &context)
    }

    /// In an early dialog only once its first description was answered reliably (RFC 3311 section 5.1).
    private var mayUpdateEarly: Bool { peer.allowsUpdate && hasEarlyMedia && exchange.mayOffer(in: .update) }

    private mutating func sendSessionRequest(
        _ method: SIPMethod, body: [UInt8], for purpose: SentRequest.Purpose, _ context: inout CallContext
    ) {
        guard var request = makeRequest(method, body: body) else { return }
        if isEstablished {
            sessionTimer.prepare(&request)
            if !request.headers.contains(.minSE) {
                request.headers.append(.minSE, String(sessionTimer.policy.minimum))
            }
        }
        if !body.isEmpty || method == .invite {
            _ = exchange.take(method == .invite ? .invite : .update, from: .local, hasDescription: !body.isEmpty)
        }
        send(request, for: purpose, over: flow, &context)
    }

    // MARK: Responses

    mutating func received(
        _ response: SIPResponse, toSessionRequest sent: SentRequest, _ context: inout CallContext
    ) -> [LegEvent] {
        if response.isSuccess { return receivedSuccess(response, to: sent, &context) }
        rollBack(sent)
        switch response.status {
        case 408, 481:
            return unanswered(sent, because: .sip(response.status, text: response.reason), &context)
        case 422 where isEstablished && sessionTimer.receive(response, at: context.now) == .retry:
            again(sent, after: nil, &context)
            return []
        case 491:
            let ownsCallID = isCallee
            let delay = OfferAnswerState.glareDelay(ownsCallID: ownsCallID, entropy: &context.agent.entropy)
            return again(sent, after: delay, &context) ? [] : [.offerRefused(status: 491)]
        case 500, 503:
            if let seconds = response.retryAfter(), seconds <= Self.longestRetry,
                again(sent, after: .seconds(seconds), &context)
            {
                return []
            }
        case 405, 501:
            if sent.request.method == .update {
                peer.refusedUpdate()
                if again(sent, after: nil, &context) { return [] }
            }
        default: break
        }
        return refused(sent, response.status, &context)
    }

    /// What a 500 may ask for with Retry-After; RFC 3261 section 14.2 has 0 to 10 s.
    static let longestRetry = 32

    private mutating func refused(
        _ sent: SentRequest, _ status: Int, _ context: inout CallContext
    ) -> [LegEvent] {
        renegotiateIfWanted(&context)
        guard sent.purpose == .offer else {  // the session still lives until its timer ends it
            if !sessionTimer.refused(at: context.now) { postponeRefresh(context) }
            return []
        }
        return [.offerRefused(status: status)]
    }

    private mutating func receivedSuccess(
        _ response: SIPResponse, to sent: SentRequest, _ context: inout CallContext
    ) -> [LegEvent] {
        peer.note(response)
        followTarget(of: response)
        if sent.request.method == .invite, let dialog {
            acknowledge(dialog.makeAck(for: sent.request), of: sent.client, &context)
        }
        guard state == .established || state.isEarly else { return [] }
        retries = 0
        if isEstablished { _ = sessionTimer.receive(response, at: context.now) }
        let carrier: OfferAnswerState.Carrier = sent.request.method == .invite ? .inviteSuccess : .updateSuccess
        return concludeExchange(carrier, with: SessionBody.description(in: response), &context)
    }

    /// A 2xx may name another Contact. It is followed unless the one before was behind an address translator, where only
    /// the way that has worked leads.
    private mutating func followTarget(of response: SIPResponse) {
        guard var dialog else { return }
        let before = dialog.remoteTarget
        guard (try? dialog.refreshTarget(from: response)) != nil else { return }
        update(dialog)
        guard dialog.remoteTarget != before, IPAddress(before.host) == flow.remote.address else { return }
        flow = dialog.flow(over: flow, sentBy: nil)
    }

    /// The way to the peer is gone, which says nothing about the peer (RFC 3261 section 8.1.3.1: as if it had answered
    /// 503).
    mutating func unreachable(_ sent: SentRequest, _ context: inout CallContext) -> [LegEvent] {
        rollBack(sent)
        guard sent.purpose == .refresh else { return refused(sent, 503, &context) }
        postponeRefresh(context)
        renegotiateIfWanted(&context)
        return []
    }

    private mutating func postponeRefresh(_ context: CallContext) {
        sessionTimer.postponeRefresh(to: context.now + timers.refreshRetry)
    }

    /// The peer does not answer any more, or knows nothing of the dialog: it ends (RFC 3261 section 14.1, RFC 4028
    /// section 10).
    mutating func unanswered(
        _ sent: SentRequest, because reason: ReasonValue, _ context: inout CallContext
    ) -> [LegEvent] {
        rollBack(sent)
        return giveUp(because: reason, &context)
    }

    private mutating func rollBack(_ sent: SentRequest) {
        guard sent.request.method == .invite || !sent.request.body.isEmpty else { return }
        let carrier: OfferAnswerState.Carrier = sent.request.method == .invite ? .inviteFailure : .updateFailure
        _ = exchange.take(carrier, from: .remote, hasDescription: false)
    }

    /// Sends it again, now or after a while. False when that was done too often.
    @discardableResult
    private mutating func again(_ sent: SentRequest, after delay: Duration?, _ context: inout CallContext) -> Bool {
        guard retries < Self.retryLimit else {
            retries = 0
            return false
        }
        retries += 1
        switch (sent.purpose, delay) {
        case (.refresh, nil): refreshSession(&context)
        case (.refresh, let delay?): sessionTimer.postponeRefresh(to: context.now + delay)
        case (_, nil): renegotiate(&context)
        case (_, let delay?): retry = context.now + delay
        }
        return true
    }

    // MARK: Session timer

    mutating func sessionDeadline(_ context: inout CallContext) -> [LegEvent] {
        guard isEstablished else { return [] }
        switch sessionTimer.handleDeadline(at: context.now) {
        case .refresh:
            refreshSession(&context)
            return []
        case .expire:
            context.count("calls.session-expired")
            return giveUp(because: .sip(408, text: "Session expired"), &context)
        case nil: return []
        }
    }

    /// By UPDATE if the peer has it, else by a re-INVITE that offers once more what was agreed. An offer of ours that
    /// is on its way, or one that waits, is a refresh as well.
    private mutating func refreshSession(_ context: inout CallContext) {
        if requests.contains(where: \.changesSession) {
            postponeRefresh(context)
        } else if peer.allowsUpdate {
            sendSessionRequest(.update, body: [], for: .refresh, &context)
        } else if unacknowledged == nil, exchange.mayOffer(in: .invite) {
            sendSessionRequest(.invite, body: media.repeatOffer(), for: .refresh, &context)
        } else {
            postponeRefresh(context)
        }
    }
}

extension CallLeg.State {
    fileprivate var isEarly: Bool {
        switch self {
        case .invited, .calling: true
        case .answering, .cancelling, .established, .leaving, .closing, .over: false
        }
    }
}
