import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent

/// Re-INVITE and UPDATE of the peer (RFC 3261 section 14.2, RFC 3311 section 5.2): its wishes for the session, and the
/// refreshes of the session timer.
extension CallLeg {
    mutating func receivedReinvite(
        _ request: SIPRequest, _ server: ServerTransactionID, _ context: inout CallContext
    ) -> [LegEvent] {
        switch state {
        case .established: break
        case .invited, .answering:
            refuseAsTooSoon(request, server, &context)
            return []
        case .calling:
            respond(server, to: request, 491, &context)
            return []
        case .cancelling, .leaving, .closing, .over:
            respond(server, to: request, 481, &context)
            return []
        }
        guard let body = acceptableBody(of: request, server, &context),
            let timed = timing(of: request, server, &context)
        else { return [] }
        var answer: [UInt8]
        switch exchange.take(.invite, from: .remote, hasDescription: !body.isEmpty) {
        case .requestPending:
            respond(server, to: request, 491, &context)
            return []
        case .offer:
            guard let described = try? media.answer(body) else {
                _ = exchange.take(.inviteFailure, from: .local, hasDescription: false)
                respond(server, to: request, 488, fields: [SessionBody.warning], &context)
                return []
            }
            answer = described
        case .none: answer = media.makeOffer()
        case .tooSoon, .answer, .ignored, .missingAnswer, .rolledBack:
            refuseAsTooSoon(request, server, &context)
            return []
        }
        // Who sends another INVITE has got our 2xx, even if the ACK went astray.
        if let unacknowledged { context.acknowledge(unacknowledged.server) }
        sessionTimer = timed.timer
        _ = exchange.take(.inviteSuccess, from: .local, hasDescription: true)
        establish(server, with: makeResponse(to: request, 200, fields: timed.fields, body: answer), &context)
        return body.isEmpty ? [] : [.mediaChanged]
    }

    /// `isInUse`: in the dialog whose media count, not in that of another fork.
    mutating func receivedUpdate(
        _ request: SIPRequest, _ server: ServerTransactionID, isInUse: Bool, _ context: inout CallContext
    ) -> [LegEvent] {
        switch state {
        case .established, .invited, .answering, .calling: break
        case .cancelling, .leaving, .closing, .over:
            respond(server, to: request, 481, &context)
            return []
        }
        guard let body = acceptableBody(of: request, server, &context),
            let timed = timing(of: request, server, &context)
        else { return [] }
        var answer: [UInt8] = []
        if !body.isEmpty {
            guard isInUse else {  // our offer is still open there
                respond(server, to: request, 491, &context)
                return []
            }
            switch exchange.take(.update, from: .remote, hasDescription: true) {
            case .offer:
                guard let described = try? media.answer(body) else {
                    _ = exchange.take(.updateFailure, from: .local, hasDescription: false)
                    respond(server, to: request, 488, fields: [SessionBody.warning], &context)
                    return []
                }
                answer = described
                _ = exchange.take(.updateSuccess, from: .local, hasDescription: true)
            case .requestPending:
                respond(server, to: request, 491, &context)
                return []
            case .tooSoon, .none, .answer, .ignored, .missingAnswer, .rolledBack:
                refuseAsTooSoon(request, server, &context)
                return []
            }
        }
        let isTimed = state == .established && isInUse
        if isTimed { sessionTimer = timed.timer }
        respond(server, to: request, 200, fields: isTimed ? timed.fields : [], body: answer, &context)
        return body.isEmpty ? [] : [.mediaChanged]
    }

    /// An earlier offer of the peer is still open (RFC 3261 section 14.2, RFC 3311 section 5.2).
    private func refuseAsTooSoon(
        _ request: SIPRequest, _ server: ServerTransactionID, _ context: inout CallContext
    ) {
        let seconds = OfferAnswerState.retryAfter(&context.agent.entropy)
        respond(server, to: request, 500, fields: [.init(.retryAfter, String(seconds))], &context)
    }

    /// The session timer as it will run after a 2xx with `fields`; nil, and answered 422 or 400, when it cannot.
    private func timing(
        of request: SIPRequest, _ server: ServerTransactionID, _ context: inout CallContext
    ) -> (timer: SessionTimer, fields: [SIPHeaders.Field])? {
        var timer = sessionTimer
        guard let answer = try? timer.answer(request, at: context.now) else {
            respond(server, to: request, 400, &context)
            return nil
        }
        if case .tooBrief = answer {
            respond(server, to: request, 422, fields: answer.fields, &context)
            return nil
        }
        return (timer, answer.fields)
    }
}
