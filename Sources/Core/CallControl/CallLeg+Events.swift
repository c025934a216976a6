import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent

/// What the network tells a leg.
extension CallLeg {
    // MARK: Responses

    mutating func received(
        _ response: SIPResponse, to client: ClientTransactionID, _ context: inout CallContext
    ) -> [LegEvent] {
        switch state {
        case .calling(client): return receivedWhileCalling(response, &context)
        case .cancelling(client):
            if response.isSuccess {  // the answer crossed our CANCEL (RFC 3261 section 9.1)
                guard openDialog(with: response, &context) else { return [] }
                sendBye(&context)
            } else if response.isFinal {
                state = .over
            }
            return []
        case .closing(client):
            if response.isFinal { state = .over }
            return []
        case _ where client == probe && response.isFinal:
            probe = nil
            return response.status == 408 || response.status == 481 ? lost(&context) : []
        case .invited, .calling, .cancelling, .established, .leaving, .closing, .over:
            if response.isSuccess, (try? response.cseq())?.method == .invite { receivedAgain(response, &context) }
            return []
        }
    }

    private mutating func receivedWhileCalling(
        _ response: SIPResponse, _ context: inout CallContext
    ) -> [LegEvent] {
        switch response.status {
        case ..<101: return []
        case ..<200:
            if !response.body.isEmpty { earlyAnswer = response.body }
            return [.ringing]
        case ..<300:
            guard openDialog(with: response, &context) else { return [.refused(status: 502)] }
            do {
                try media.accept(response.body.isEmpty ? earlyAnswer : response.body)
                state = .established
                return [.answered]
            } catch {
                sendBye(&context)
                return [.refused(status: 488)]
            }
        default:
            state = .over
            return [.refused(status: response.status)]
        }
    }

    /// Takes up the dialog of a 2xx and acknowledges it.
    private mutating func openDialog(with response: SIPResponse, _ context: inout CallContext) -> Bool {
        guard let dialog = try? Dialog(sent: invite, received: response) else {
            state = .over
            return false
        }
        self.dialog = dialog
        // A telephone that is not where its Contact says sits behind an address translator: stay with what worked.
        if IPAddress(invite.uri.host) == flow.remote.address { flow = dialog.flow(over: flow, sentBy: nil) }
        let ack = dialog.makeAck(cseq: dialog.localCSeq)
        acknowledgement = ack
        context.sendAck(ack, over: flow)
        return true
    }

    /// A 2xx came once more, or another fork of the callee's side answered as well: that one is ended at once.
    private mutating func receivedAgain(_ response: SIPResponse, _ context: inout CallContext) {
        guard let acknowledgement else { return }
        if let dialog, DialogID(of: response, as: .uac) == dialog.id {
            context.sendAck(acknowledgement, over: flow)
            return
        }
        guard var fork = try? Dialog(sent: invite, received: response) else { return }
        context.sendAck(fork.makeAck(cseq: fork.localCSeq), over: flow)
        _ = context.send(fork.makeRequest(.bye), over: flow, for: reference)
    }

    /// No final response will come.
    mutating func failed(_ client: ClientTransactionID, _ context: inout CallContext) -> [LegEvent] {
        switch state {
        case .calling(client):
            state = .over
            return [.refused(status: 408)]
        case .cancelling(client), .closing(client):
            state = .over
            return []
        case .established where client == probe: return lost(&context)
        case .invited, .calling, .cancelling, .established, .leaving, .closing, .over: return []
        }
    }

    /// The peer has forgotten the dialog or is gone; a BYE would find nobody (RFC 3261 section 12.2.1.2).
    private mutating func lost(_ context: inout CallContext) -> [LegEvent] {
        guard state == .established else { return [] }
        state = .over
        return [.hungUp]
    }

    // MARK: CANCEL, ACK

    /// The caller's CANCEL, or its connection closed, before an answer.
    mutating func cancelled(_ context: inout CallContext) -> [LegEvent] {
        guard case .invited = state else { return [] }
        refuse(487, &context)
        return [.cancelled]
    }

    /// An ACK to a 2xx of ours. It carries the answer when ours was the offer.
    mutating func acknowledged(by ack: SIPRequest, _ context: inout CallContext) -> [LegEvent] {
        guard let unacknowledged, (try? ack.cseq())?.number == unacknowledged.cseq,
            DialogID(of: ack, as: .uas) == dialog?.id
        else { return [] }
        context.acknowledge(unacknowledged.server)
        self.unacknowledged = nil
        if state == .leaving {
            sendBye(&context)
            return []
        }
        guard media.awaitsAnswer else { return [] }
        do {
            try media.accept(ack.body)
            return [.mediaChanged]
        } catch {
            sendBye(&context)
            return [.hungUp]
        }
    }

    /// Nobody acknowledged our 2xx: the session ends (RFC 3261 section 13.3.1.4).
    mutating func ackMissing(_ server: ServerTransactionID, _ context: inout CallContext) -> [LegEvent] {
        guard unacknowledged?.server == server else { return [] }
        let wasLeaving = state == .leaving
        sendBye(&context)
        return wasLeaving ? [] : [.hungUp]
    }

    // MARK: Requests inside the dialog

    mutating func received(
        _ request: SIPRequest, _ server: ServerTransactionID, over source: SIPFlow, _ context: inout CallContext
    ) -> [LegEvent] {
        guard var dialog else {
            respond(server, to: request, 481, &context)
            return []
        }
        do {
            try dialog.accept(request)
        } catch {
            respond(server, to: request, error.status, &context)
            return []
        }
        self.dialog = dialog
        if source.connection != flow.connection || [.invite, .update].contains(request.method) {
            flow = dialog.flow(over: source, sentBy: try? request.topVia())  // back over another connection, or moved
        }
        switch request.method {
        case .bye: return receivedBye(request, server, &context)
        case .invite, .update: return renegotiate(request, server, &context)
        case .options, .info:
            respond(server, to: request, 200, fields: [.init(.allow, SIPCapabilities.allow)], &context)
        default:
            let fields = [SIPHeaders.Field(.allow, SIPCapabilities.allow)]
            respond(server, to: request, 405, fields: fields, &context)
        }
        return []
    }

    private mutating func receivedBye(
        _ request: SIPRequest, _ server: ServerTransactionID, _ context: inout CallContext
    ) -> [LegEvent] {
        respond(server, to: request, 200, &context)
        if let unacknowledged { context.acknowledge(unacknowledged.server) }
        unacknowledged = nil
        switch state {
        case .invited:  // BYE in an early dialog (RFC 3261 section 15)
            refuse(487, &context)
            return [.cancelled]
        case .established:
            state = .over
            return [.hungUp]
        case .leaving:
            state = .over
            return []
        case .calling, .cancelling, .closing, .over: return []  // crossed our own BYE, whose answer still comes
        }
    }

    /// A re-INVITE or UPDATE: hold, resume, another address or codec. Answered here; the other leg is not asked.
    private mutating func renegotiate(
        _ request: SIPRequest, _ server: ServerTransactionID, _ context: inout CallContext
    ) -> [LegEvent] {
        switch state {
        case .established where unacknowledged == nil && !media.awaitsAnswer: break
        case .invited, .established:  // an earlier offer is pending (RFC 3261 section 14.2)
            respond(server, to: request, 500, fields: [.init(.retryAfter, "1")], &context)
            return []
        case .calling, .cancelling, .leaving, .closing, .over:
            respond(server, to: request, 481, &context)
            return []
        }
        if request.body.isEmpty {
            if request.method == .invite {
                establish(server, answering: request, with: media.makeOffer(), &context)
            } else {
                respond(server, to: request, 200, &context)
            }
            return []
        }
        guard SessionBody.isAcceptable(request) else {
            let fields = [SIPHeaders.Field(.accept, SIPCapabilities.sessionDescription)]
            respond(server, to: request, 415, fields: fields, &context)
            return []
        }
        guard let body = try? media.answer(request.body) else {
            respond(server, to: request, 488, fields: [SessionBody.warning], &context)
            return []
        }
        if request.method == .invite {
            establish(server, answering: request, with: body, &context)
        } else {
            respond(server, to: request, 200, body: body, &context)
        }
        return [.mediaChanged]
    }
}
