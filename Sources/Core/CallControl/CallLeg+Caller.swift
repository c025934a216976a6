import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent

/// The caller's INVITE: provisional responses, reliable or not, and the final one.
extension CallLeg {
    /// What an INVITE outside a dialog is refused with because of its session timer: 422 or 400; nil when it may pass.
    static func refusal(
        of invite: SIPRequest, by policy: SessionTimer.Policy, at now: Instant
    ) -> (status: Int, fields: [SIPHeaders.Field])? {
        var timer = SessionTimer(policy: policy)
        guard let answer = try? timer.answer(invite, at: now) else { return (400, []) }
        if case .tooBrief = answer { return (422, answer.fields) }
        return nil
    }

    /// Takes in the INVITE: whose turn it is to offer, and whether provisional responses are acknowledged.
    mutating func begin(context: inout CallContext) {
        peer.note(invite)
        _ = exchange.take(.invite, from: .remote, hasDescription: !SessionBody.description(in: invite).isEmpty)
        let options = invite.required().contains("100rel") || invite.supported().contains("100rel")
        guard options, let cseq = try? invite.cseq() else { return }
        provisionals = ReliableProvisionals(invite: cseq, entropy: &context.agent.entropy)
    }

    /// 180 to the caller, once. Reliable when the caller requires that, and then with our offer if its INVITE had none
    /// (RFC 3261 section 13.2.1).
    mutating func ring(_ context: inout CallContext) {
        guard case .invited(let server) = state, !hasRung else { return }
        hasRung = true
        let offers = requiresReliability && exchange.phase == .offerDue(from: .local)
        sendProvisional(180, body: offers ? media.makeOffer() : [], server, &context)
    }

    /// 183 to the caller with our answer, so that it hears what the callee sends before it answers. An INVITE without
    /// offer gets ours, if the caller can answer it in a PRACK. Once; a 180 when nothing can be agreed yet.
    mutating func progress(preferring codecs: [AudioCodec], _ context: inout CallContext) {
        guard case .invited(let server) = state, earlyDescription.isEmpty else { return }
        media.prefer(codecs)
        switch exchange.phase {
        case .offered(by: .remote, in: .invite):
            earlyDescription = (try? media.answer(SessionBody.description(in: invite))) ?? []
        case .offerDue(from: .local) where provisionals != nil: earlyDescription = media.makeOffer()
        case .offerDue, .offered, .stable: break
        }
        guard !earlyDescription.isEmpty else {
            ring(&context)
            return
        }
        hasEarlyMedia = true
        sendProvisional(183, body: earlyDescription, server, &context)
    }

    /// 200 to the caller with our answer, or with our offer if the INVITE had none. False, and nothing sent, when no
    /// codec is left. What was said reliably ahead of it is not said again (RFC 3262 section 5), and holds the 200 back
    /// until its PRACK.
    mutating func accept(preferring codecs: [AudioCodec], _ context: inout CallContext) -> Bool {
        guard case .invited(let server) = state else { return false }
        media.prefer(codecs)
        var body: [UInt8] = []
        switch exchange.phase {
        case .offered(by: .remote, in: .invite):
            if earlyDescription.isEmpty {
                guard let answer = try? media.answer(SessionBody.description(in: invite)) else { return false }
                body = answer
            } else {
                body = earlyDescription
            }
        case .offerDue: body = media.makeOffer()
        case .offered, .stable: break
        }
        _ = exchange.take(.inviteSuccess, from: .local, hasDescription: !body.isEmpty)
        dialog?.confirm()
        let fields = (try? sessionTimer.answer(invite, at: context.now))?.fields ?? []
        let response = makeResponse(to: invite, 200, fields: fields, body: body)
        guard let steps = provisionals?.final(response) else {
            establish(server, with: response, &context)
            return true
        }
        state = .answering(server)
        carryOut(steps, server, &context)
        return true
    }

    /// A final refusal to the caller, also in place of a 2xx that is still held back.
    mutating func refuse(
        _ status: Int, fields: [SIPHeaders.Field] = [], _ context: inout CallContext
    ) {
        switch state {
        case .invited(let server), .answering(let server):
            state = .over
            provisionals = nil
            respond(server, to: invite, status, fields: fields, &context)
        case .calling, .cancelling, .established, .leaving, .closing, .over: break
        }
    }

    // MARK: PRACK

    private var requiresReliability: Bool { invite.required().contains("100rel") }

    /// Reliable when the caller requires it, or understands it and there is a description in it.
    private mutating func sendProvisional(
        _ status: Int, body: [UInt8], _ server: ServerTransactionID, _ context: inout CallContext
    ) {
        let response = makeResponse(to: invite, status, body: body)
        guard !body.isEmpty || requiresReliability, let steps = provisionals?.provisional(response, at: context.now)
        else {
            _ = exchange.take(.provisional, from: .local, hasDescription: !body.isEmpty)
            context.respond(server, with: response)
            return
        }
        _ = exchange.take(.reliableProvisional, from: .local, hasDescription: !body.isEmpty)
        carryOut(steps, server, &context)
    }

    private mutating func carryOut(
        _ steps: [ReliableProvisionals.Effect], _ server: ServerTransactionID, _ context: inout CallContext
    ) {
        for case .send(let response) in steps {
            if response.isSuccess {
                establish(server, with: response, &context)
            } else {
                context.respond(server, with: response)
            }
        }
    }

    /// A PRACK of the caller (RFC 3262 section 3): it may hold the answer to our offer, or another offer. One whose
    /// body is refused acknowledges nothing.
    mutating func receivedPrack(
        _ request: SIPRequest, _ server: ServerTransactionID, _ context: inout CallContext
    ) -> [LegEvent] {
        guard let rack = (try? request.rack()) ?? nil else {
            respond(server, to: request, 400, &context)
            return []
        }
        guard let body = acceptableBody(of: request, server, &context) else { return [] }
        guard let steps = provisionals?.prack(rack, at: context.now),
            case .acknowledged = steps.first
        else {
            respond(server, to: request, 481, &context)
            return []
        }
        let events = received(body, inPrack: request, server, &context)
        switch state {
        case .invited(let invite), .answering(let invite):
            carryOut(steps, invite, &context)
            renegotiateIfWanted(&context)
        case .calling, .cancelling, .established, .leaving, .closing, .over: break
        }
        return events
    }

    private mutating func received(
        _ body: [UInt8], inPrack request: SIPRequest, _ server: ServerTransactionID, _ context: inout CallContext
    ) -> [LegEvent] {
        switch exchange.take(.prack, from: .remote, hasDescription: !body.isEmpty) {
        case .answer:
            respond(server, to: request, 200, &context)
            do {
                try media.accept(body)
                return [.mediaChanged]
            } catch {
                refuse(488, fields: [SessionBody.warning], &context)
                return [.cancelled]
            }
        case .missingAnswer:
            respond(server, to: request, 200, &context)
            refuse(488, fields: [Self.missingAnswer], &context)
            return [.cancelled]
        case .offer:
            guard let answer = try? media.answer(body) else {
                _ = exchange.take(.prackFailure, from: .local, hasDescription: false)
                respond(server, to: request, 488, fields: [SessionBody.warning], &context)
                return []
            }
            _ = exchange.take(.prackSuccess, from: .local, hasDescription: true)
            respond(server, to: request, 200, body: answer, &context)
            return [.mediaChanged]
        case .none, .ignored, .rolledBack, .requestPending, .tooSoon:
            respond(server, to: request, 200, &context)
            return []
        }
    }

    /// Goes with what ends a session for want of an answer (RFC 3261 section 20.43, code 399).
    static let missingAnswer = SIPHeaders.Field(.warning, "399 pbx \"An offer was left without answer\"")

    /// Repeats an unacknowledged provisional response, or gives up.
    mutating func provisionalDeadline(_ context: inout CallContext) -> [LegEvent] {
        guard let steps = provisionals?.handleDeadline(at: context.now), let step = steps.first else { return [] }
        switch (step, state) {
        case (.send(let response), .invited(let server)), (.send(let response), .answering(let server)):
            context.respond(server, with: response)
            return []
        case (.gaveUp, .invited), (.gaveUp, .answering):
            context.count("calls.prack-missing")
            refuse(504, &context)
            return [.cancelled]
        default: return []
        }
    }

    // MARK: CANCEL

    /// The caller's CANCEL, or its connection closed, before an answer.
    mutating func cancelled(_ context: inout CallContext) -> [LegEvent] {
        switch state {
        case .invited(let server), .answering(let server):
            endReasons = context.agent.transactions.cancelReasons(of: server)
            refuse(487, &context)
            return [.cancelled]
        case .calling, .cancelling, .established, .leaving, .closing, .over: return []
        }
    }
}
