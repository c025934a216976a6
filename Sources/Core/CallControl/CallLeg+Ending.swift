import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent

/// How a leg ends: BYE, CANCEL, refusal, and the ACK that a BYE must wait for.
extension CallLeg {
    /// Ends the leg whatever its state: CANCEL, BYE, 480, or BYE as soon as the ACK has come. `reasons` go along
    /// (RFC 3326).
    mutating func hangUp(because reasons: [ReasonValue] = [], _ context: inout CallContext) {
        switch state {
        case .invited, .answering: refuse(480, fields: Self.fields(reasons), &context)
        case .calling(let client):
            state = .cancelling(client)
            leaveReasons = reasons
            context.cancel(client, fields: Self.fields(reasons))
        case .established where unacknowledged != nil:  // RFC 3261 section 15
            leaveReasons = reasons
            state = .leaving
        case .established: sendBye(because: reasons, &context)
        case .cancelling, .leaving, .closing, .over: break
        }
    }

    mutating func sendBye(because reasons: [ReasonValue], _ context: inout CallContext) {
        unacknowledged = nil
        guard var request = makeRequest(.bye) else {
            state = .over
            return
        }
        for field in Self.fields(reasons) { request.headers.append(field.name, field.value) }
        state = .closing(context.send(request, over: flow, for: reference))
    }

    /// One field for each, as some parsers do not split Reason at commas.
    static func fields(_ reasons: [ReasonValue]) -> [SIPHeaders.Field] {
        reasons.map { SIPHeaders.Field(.reason, $0.description) }
    }

    /// Ends an established leg from here because the session in it cannot go on.
    mutating func giveUp(because reason: ReasonValue, _ context: inout CallContext) -> [LegEvent] {
        guard state == .established else { return [] }
        endReasons = [reason]
        hangUp(because: [reason], &context)
        return [.hungUp]
    }

    /// The peer has forgotten the dialog or is gone; a BYE would find nobody (RFC 3261 section 12.2.1.2).
    mutating func lost(_ context: inout CallContext) -> [LegEvent] {
        guard state == .established else { return [] }
        state = .over
        return [.hungUp]
    }

    /// OPTIONS inside the dialog: a peer that is gone does not answer, and the leg reports `.hungUp`.
    mutating func sendProbe(_ context: inout CallContext) {
        guard state == .established, !requests.contains(where: { $0.purpose == .probe }),
            let request = makeRequest(.options)
        else { return }
        send(request, for: .probe, over: flow, &context)
    }

    // MARK: ACK

    /// An ACK to a 2xx of ours. It carries the answer when ours was the offer, and comes over another connection when
    /// the 2xx had to take one. In the clear it counts for nothing in a dialog over TLS.
    mutating func acknowledged(
        by ack: SIPRequest, over source: SIPFlow, _ context: inout CallContext
    ) -> [LegEvent] {
        guard let unacknowledged, (try? ack.cseq())?.number == unacknowledged.cseq, let dialog,
            DialogID(of: ack, as: .uas) == dialog.id, mayMove(to: source)
        else { return [] }
        if source.connection != flow.connection { flow = dialog.flow(over: source, sentBy: try? ack.topVia()) }
        context.acknowledge(unacknowledged.server)
        self.unacknowledged = nil
        if state == .leaving {
            sendBye(because: leaveReasons, &context)
            return []
        }
        return concludeExchange(.ack, with: SessionBody.description(in: ack), &context)
    }

    /// Takes what came where the answer to an offer of ours may stand, then offers anew if that was waiting. An answer
    /// that is missing or cannot be used ends the leg.
    mutating func concludeExchange(
        _ carrier: OfferAnswerState.Carrier, with body: [UInt8], _ context: inout CallContext
    ) -> [LegEvent] {
        var events: [LegEvent] = []
        switch exchange.take(carrier, from: .remote, hasDescription: !body.isEmpty) {
        case .answer:
            do {
                try media.accept(body)
                events = [.mediaChanged]
            } catch {
                return giveUp(because: .sip(488, text: "Not Acceptable Here"), &context)
            }
        case .missingAnswer: return giveUp(because: .sip(488, text: "No answer to the offer"), &context)
        case .none, .offer, .ignored, .rolledBack, .requestPending, .tooSoon: break
        }
        renegotiateIfWanted(&context)
        return events
    }

    /// Nobody acknowledged our 2xx: the session ends (RFC 3261 section 13.3.1.4).
    mutating func ackMissing(_ server: ServerTransactionID, _ context: inout CallContext) -> [LegEvent] {
        guard unacknowledged?.server == server else { return [] }
        let wasLeaving = state == .leaving
        let reason = ReasonValue.sip(408, text: "ACK missing")
        sendBye(because: wasLeaving && !leaveReasons.isEmpty ? leaveReasons : [reason], &context)
        if wasLeaving { return [] }
        endReasons = [reason]
        return [.hungUp]
    }

    // MARK: BYE

    mutating func receivedBye(
        _ request: SIPRequest, _ server: ServerTransactionID, _ context: inout CallContext
    ) -> [LegEvent] {
        respond(server, to: request, 200, &context)
        if let unacknowledged { context.acknowledge(unacknowledged.server) }
        unacknowledged = nil
        switch state {
        case .invited, .answering:  // BYE in an early dialog (RFC 3261 section 15)
            endReasons = request.reasons()
            refuse(487, &context)
            return [.cancelled]
        case .established:
            endReasons = request.reasons()
            state = .over
            return [.hungUp]
        case .leaving:
            state = .over
            return []
        case .calling:  // a callee must not, but it wants to be left alone
            return dialog.map { dropFork($0.id, &context) } ?? []
        case .cancelling, .closing, .over: return []  // crossed our own, whose answer still comes
        }
    }

    /// A fork of the callee's side has ended its dialog. Where nothing else rings, that refuses the call.
    mutating func dropFork(_ id: DialogID, _ context: inout CallContext) -> [LegEvent] {
        forks?.remove(id)
        earlyAnswers.removeAll { $0.dialog == id }
        guard case .calling = state else { return [] }
        guard forks?.early.isEmpty == false else {
            hangUp(&context)
            return [.refused(status: 480)]
        }
        guard dialog?.id == id else { return [] }
        dialog = nil
        settledEarly = nil
        exchange = OfferAnswerState()
        _ = exchange.take(.invite, from: .local, hasDescription: true)
        return []
    }
}
