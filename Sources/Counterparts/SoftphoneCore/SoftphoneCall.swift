import Media
import MediaNegotiation
import Primitives
import SDP
import SIPDialog
import SIPMessage
import SIPTransaction

/// The one call of a softphone.
///
///     outgoing   preparing -(media ready)-> inviting -(2xx)-> established -(BYE)-> gone
///                                             \-(3xx-6xx, time-out, hang-up)-> gone
///     incoming   offered -(answer time, media ready)-> answered -(ACK)-> established -(BYE)-> gone
///                  \-(CANCEL, hang-up)-> gone
struct SoftphoneCall: Sendable {
    enum State: Sendable {
        /// Media is being opened for a call to that number.
        case preparing(number: String)
        case inviting(ClientTransactionID, SIPRequest, challenges: Int, hangingUp: Bool)
        case offered(ServerTransactionID, SIPRequest, answerAt: Instant?)
        /// Media is being opened for the answer.
        case answering(ServerTransactionID, SIPRequest)
        case established(EstablishedCall)
        /// BYE is out.
        case ending(ClientTransactionID)
    }

    /// What an established call has to know of the INVITEs that made and changed it.
    struct EstablishedCall: Sendable {
        var dialog: Dialog
        /// Our INVITE, whose 2xx may be repeated, and its CSeq number.
        var sent: (id: ClientTransactionID, cseq: UInt32)?
        /// The peer's last INVITE, whose 2xx we repeat until its ACK comes.
        var received: ServerTransactionID?
        /// Hold or transfer under way.
        var change: Change?
    }

    var state: State
    var media: LocalMedia?
    /// Where the call's requests go.
    var flow: SIPFlow
    let tag: String
    /// The dialog whose place the call takes.
    var replaced: DialogID?

    var nextDeadline: Instant? {
        if case .offered(_, _, let answerAt) = state { answerAt } else { nil }
    }

    /// The dialog, once there is one.
    var dialog: Dialog? {
        if case .established(let call) = state { call.dialog } else { nil }
    }
}

extension SoftphoneCore {
    // MARK: - Outgoing

    mutating func placeCall(
        to number: String, replacing replaced: DialogID? = nil, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        guard let flow, call == nil else { return [.event(.failed(status: call == nil ? 503 : 486))] }
        call = SoftphoneCall(state: .preparing(number: number), flow: flow, tag: entropy.hexToken(bytes: 6))
        call?.replaced = replaced
        return [.openMedia]
    }

    mutating func mediaReady(
        _ address: IPAddress, port: UInt16, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        guard var current = call, current.media == nil else { return call == nil ? [.closeMedia] : [] }
        sessionNumber += 1
        let media = LocalMedia(
            address: address, port: port, codecs: account.codecs, telephoneEvent: true, ptime: account.ptime,
            sessionID: sessionNumber, sessionVersion: 1, direction: .sendrecv)
        current.media = media
        call = current
        switch current.state {
        case .preparing(let number):
            let request = inviteRequest(to: number, media: media, call: current, entropy: &entropy)
            return sendInvite(request, challenges: 0, at: now, entropy: &entropy)
        case .answering(let id, let request):
            return answer(request, id, media: media, at: now, entropy: &entropy)
        case .inviting, .offered, .established, .ending: return []
        }
    }

    private func inviteRequest(
        to number: String, media: LocalMedia, call: SoftphoneCall, entropy: inout Entropy
    ) -> SIPRequest {
        var from = NameAddress(displayName: account.displayName, uri: addressOfRecord)
        from.tag = call.tag
        let target = SIPURI(user: number, host: account.domain)
        var headers = SIPHeaders()
        headers.append(.maxForwards, "70")
        headers.append(.from, from.description)
        headers.append(.to, NameAddress(uri: target).description)
        headers.append(.callID, entropy.hexToken(bytes: 12))
        headers.append(.cseq, CSeq(number: 1, method: .invite).description)
        headers.append(.contact, NameAddress(uri: contactURI(on: call.flow)).description)
        headers.append(.allow, Self.methods)
        if let other = call.replaced {  // as that telephone sees its dialog
            let replaces = Replaces(callID: other.callID, toTag: other.localTag, fromTag: other.remoteTag)
            headers.append(.replaces, replaces.description)
        }
        headers.append(.userAgent, "pbx-softphone")
        headers.append(.contentType, "application/sdp")
        return SIPRequest(
            method: .invite, uri: target, headers: headers, body: AudioNegotiation.offer(media).serialised())
    }

    private mutating func sendInvite(
        _ request: SIPRequest, challenges: Int, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        guard let flow = call?.flow else { return [] }
        let (id, effects) = transactions.send(request, over: flow, branch: branch(&entropy), at: now)
        call?.state = .inviting(id, request, challenges: challenges, hangingUp: false)
        return run(effects, at: now, entropy: &entropy)
    }

    mutating func callAnswered(
        _ id: ClientTransactionID, _ response: SIPResponse, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        guard let current = call else { return [] }
        switch current.state {
        case .inviting(id, let request, let challenges, let hangingUp):
            switch response.status {
            case 180: return [.event(.ringing)]
            case ..<200: return []
            case 200..<300:
                return inviteAccepted(id, request, response, hangingUp: hangingUp, at: now, entropy: &entropy)
            case 401 where !hangingUp && mayAnswer(response, challenges: challenges),
                407 where !hangingUp && mayAnswer(response, challenges: challenges):
                var retry = request
                let number = ((try? request.cseq())?.number ?? 1) + 1
                retry.headers.set(.cseq, CSeq(number: number, method: .invite).description)
                guard authorise(&retry, for: response, entropy: &entropy) else {
                    return endCall(status: response.status)
                }
                return sendInvite(retry, challenges: challenges + 1, at: now, entropy: &entropy)
            default: return endCall(status: response.status)
            }
        case .ending(id): return response.isFinal ? endCall(status: nil) : []
        case .established(let established):
            if let effects = changeAnswered(id, response, at: now, entropy: &entropy) { return effects }
            // A repeated 2xx: the ACK was lost (RFC 3261 section 13.2.2.4).
            guard let sent = established.sent, sent.id == id, response.isSuccess else { return [] }
            return run(
                transactions.sendAck(
                    established.dialog.makeAck(cseq: sent.cseq), over: current.flow, branch: branch(&entropy)), at: now,
                entropy: &entropy)
        case .preparing, .inviting, .offered, .answering, .ending: return []
        }
    }

    private mutating func inviteAccepted(
        _ id: ClientTransactionID, _ request: SIPRequest, _ response: SIPResponse, hangingUp: Bool, at now: Instant,
        entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        guard let current = call, let media = current.media, let cseq = try? request.cseq().number,
            let dialog = try? Dialog(sent: request, received: response)
        else { return endCall(status: 500) }
        call?.state = .established(SoftphoneCall.EstablishedCall(dialog: dialog, sent: (id, cseq)))
        var effects = run(
            transactions.sendAck(dialog.makeAck(cseq: cseq), over: current.flow, branch: branch(&entropy)), at: now,
            entropy: &entropy)
        guard !hangingUp, let answer = try? SessionDescription.parse(response.body),
            let stream = try? AudioNegotiation.accept(answer: answer, local: media)
        else { return effects + hangUp(at: now, entropy: &entropy) }
        effects += [.configureMedia(stream), .event(.established(codec: stream.codec))]
        return effects
    }

    mutating func callFailed(
        _ id: ClientTransactionID, status: Int, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        if let effects = changeFailed(id, at: now, entropy: &entropy) { return effects }
        return switch call?.state {
        case .inviting(id, _, _, _): endCall(status: status)
        case .ending(id): endCall(status: nil)
        case .preparing, .inviting, .offered, .answering, .established, .ending, nil: []
        }
    }

    // MARK: - Incoming

    mutating func received(
        _ request: SIPRequest, _ id: ServerTransactionID, over flow: SIPFlow, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        if request.method == .notify, let effects = notified(request, id, at: now, entropy: &entropy) { return effects }
        if let dialogID = DialogID(of: request, as: .uas) {
            return receivedInDialog(request, id, dialogID, at: now, entropy: &entropy)
        }
        switch request.method {
        case .invite where call == nil: return offered(request, id, over: flow, at: now, entropy: &entropy)
        case .invite: return respond(id, to: request, status: 486, at: now, entropy: &entropy)
        case .options: return respond(id, to: request, status: 200, at: now, entropy: &entropy)
        case .bye: return respond(id, to: request, status: 481, at: now, entropy: &entropy)
        default: return respond(id, to: request, status: 405, at: now, entropy: &entropy)
        }
    }

    private mutating func offered(
        _ request: SIPRequest, _ id: ServerTransactionID, over flow: SIPFlow, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        let tag = entropy.hexToken(bytes: 6)
        let isAnnouncement = account.takesAnnouncements && request.headers[SIPHeaderName("Answer-Mode")] == "Auto"
        let answerAt = isAnnouncement ? now : account.answersAfter.map { now + $0 }
        call = SoftphoneCall(state: .offered(id, request, answerAt: answerAt), flow: flow, tag: tag)
        let caller = (try? request.from().uri.user) ?? ""
        let ringing = SIPResponse(to: request, status: 180, toTag: tag)
        return [.event(.incoming(from: caller))]
            + run(transactions.respond(id, with: withContact(ringing, on: flow), at: now), at: now, entropy: &entropy)
    }

    mutating func callDeadline(at now: Instant, entropy: inout Entropy) -> [SoftphoneEffect] {
        guard case .offered(let id, let request, let answerAt?) = call?.state, now >= answerAt else { return [] }
        call?.state = .answering(id, request)
        return [.openMedia]
    }

    private mutating func answer(
        _ request: SIPRequest, _ id: ServerTransactionID, media: LocalMedia, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        guard let current = call, let offer = try? SessionDescription.parse(request.body),
            let agreed = try? AudioNegotiation.answer(offer: offer, local: media),
            var dialog = try? Dialog(received: request, localTag: current.tag, secure: current.flow.transport == .tls)
        else { return respond(id, to: request, status: 488, at: now, entropy: &entropy) + endCall(status: 488) }
        dialog.confirm()
        call?.state = .established(SoftphoneCall.EstablishedCall(dialog: dialog, received: id))
        var response = withContact(SIPResponse(to: request, status: 200, toTag: current.tag), on: current.flow)
        response.headers.set(.contentType, "application/sdp")
        response.body = agreed.answer.serialised()
        let effects = run(transactions.respond(id, with: response, at: now), at: now, entropy: &entropy)
        return effects + [.configureMedia(agreed.stream), .event(.established(codec: agreed.stream.codec))]
    }

    mutating func received(ack: SIPRequest) {
        guard case .established(let established) = call?.state, let invite = established.received,
            DialogID(of: ack, as: .uas) == established.dialog.id
        else { return }
        transactions.acknowledge(invite)
    }

    mutating func cancelled(_ id: ServerTransactionID, at now: Instant, entropy: inout Entropy) -> [SoftphoneEffect] {
        switch call?.state {
        case .offered(id, let request, _), .answering(id, let request):
            return respond(id, to: request, status: 487, at: now, entropy: &entropy) + endCall(status: 487)
        case .preparing, .inviting, .offered, .answering, .established, .ending, nil: return []
        }
    }

    private mutating func receivedInDialog(
        _ request: SIPRequest, _ id: ServerTransactionID, _ dialogID: DialogID, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        guard case .established(var established) = call?.state, established.dialog.id == dialogID else {
            return respond(id, to: request, status: 481, at: now, entropy: &entropy)
        }
        do { try established.dialog.accept(request) } catch {
            return respond(id, to: request, status: 500, at: now, entropy: &entropy)
        }
        call?.state = .established(established)
        switch request.method {
        case .bye: return respond(id, to: request, status: 200, at: now, entropy: &entropy) + endCall(status: nil)
        case .invite: return renegotiate(request, id, at: now, entropy: &entropy)
        default: return respond(id, to: request, status: 200, at: now, entropy: &entropy)
        }
    }

    /// A re-INVITE: a new offer is answered on the port that we have (RFC 3264 section 8).
    private mutating func renegotiate(
        _ request: SIPRequest, _ id: ServerTransactionID, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        guard var media = call?.media, let flow = call?.flow, case .established(var established) = call?.state else {
            return []
        }
        if case .session = established.change {  // both sides at once (RFC 3261 section 14.2)
            return respond(id, to: request, status: 491, at: now, entropy: &entropy)
        }
        media.sessionVersion += 1
        guard let offer = try? SessionDescription.parse(request.body),
            let agreed = try? AudioNegotiation.answer(offer: offer, local: media)
        else { return respond(id, to: request, status: 488, at: now, entropy: &entropy) }
        call?.media = media
        var response = withContact(SIPResponse(to: request, status: 200), on: flow)
        response.headers.set(.contentType, "application/sdp")
        response.body = agreed.answer.serialised()
        established.received = id
        call?.state = .established(established)
        let effects = run(transactions.respond(id, with: response, at: now), at: now, entropy: &entropy)
        return effects + [.configureMedia(agreed.stream)]
    }

    // MARK: - Ending

    /// No ACK came for our 2xx: the session is ended (RFC 3261 section 13.3.1.4).
    mutating func ackMissing(
        _ id: ServerTransactionID, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        guard case .established(let established) = call?.state, established.received == id else { return [] }
        return hangUp(at: now, entropy: &entropy)
    }

    mutating func hangUp(at now: Instant, entropy: inout Entropy) -> [SoftphoneEffect] {
        guard let current = call else { return [] }
        switch current.state {
        case .preparing: return endCall(status: 487)
        case .inviting(let id, let request, let challenges, _):
            call?.state = .inviting(id, request, challenges: challenges, hangingUp: true)
            return run(transactions.cancel(id, at: now), at: now, entropy: &entropy)
        case .offered(let id, let request, _), .answering(let id, let request):
            return respond(id, to: request, status: 486, at: now, entropy: &entropy) + endCall(status: 486)
        case .established(var established):
            let (id, effects) = transactions.send(
                established.dialog.makeRequest(.bye), over: current.flow, branch: branch(&entropy), at: now)
            call?.state = .ending(id)
            return run(effects, at: now, entropy: &entropy)
        case .ending: return []
        }
    }

    /// Forgets the call; `status` nil: it had been established.
    mutating func endCall(status: Int?) -> [SoftphoneEffect] {
        guard let ended = call else { return [] }
        call = nil
        let wasEstablished =
            switch ended.state {
            case .established, .ending: true
            case .preparing, .inviting, .offered, .answering: false
            }
        let event = wasEstablished ? SoftphoneEvent.ended : .failed(status: status ?? 487)
        return (ended.media == nil ? [] : [.closeMedia]) + [.event(event)]
    }

    private func withContact(_ response: SIPResponse, on flow: SIPFlow) -> SIPResponse {
        var response = response
        response.headers.set(.contact, NameAddress(uri: contactURI(on: flow)).description)
        return response
    }

    mutating func respond(
        _ id: ServerTransactionID, to request: SIPRequest, status: Int, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        let response = SIPResponse(to: request, status: status, toTag: call?.tag ?? entropy.hexToken(bytes: 6))
        return run(transactions.respond(id, with: response, at: now), at: now, entropy: &entropy)
    }
}
