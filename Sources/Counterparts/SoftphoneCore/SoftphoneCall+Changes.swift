import MediaNegotiation
import Primitives
import SDP
package import SIPDialog
import SIPMessage
import SIPTransaction

/// What a telephone asks for inside a call that stands: hold (RFC 3264 section 8.4) and transfer (RFC 3515, RFC 5589).
extension SoftphoneCore {
    /// The call's dialog, once there is one, the early one of a call that rings included: what another telephone names that
    /// takes the call over.
    package var dialogID: DialogID? {
        guard let call, case .offered(_, let request, _) = call.state else { return call?.dialog?.id }
        guard let remote = (try? request.from())?.tag, let callID = request.headers[.callID] else { return nil }
        return DialogID(callID: callID, localTag: call.tag, remoteTag: remote)
    }

    /// The number that the call that rings here was sent to; nil when none rings.
    package var calledNumber: String? {
        guard case .offered(_, let request, _) = call?.state else { return nil }
        return request.uri.user
    }

    /// True while a call stands and nothing of ours waits for an answer in it.
    package var mayChange: Bool {
        guard case .established(let established) = call?.state else { return false }
        return established.change == nil
    }

    /// True while the call is held from here, as the peer has agreed.
    package var isHolding: Bool { call?.media?.direction == .sendonly }

    // MARK: Hold

    /// Offers the same session with another direction; nothing without a call, or while another change is under way.
    mutating func hold(_ isHeld: Bool, at now: Instant, entropy: inout Entropy) -> [SoftphoneEffect] {
        guard mayChange, case .established(var established) = call?.state, let flow = call?.flow,
            var media = call?.media,
            isHolding != isHeld
        else { return [] }
        media.direction = isHeld ? .sendonly : .sendrecv
        media.sessionVersion += 1
        var request = established.dialog.makeRequest(
            .invite, contact: contactURI(on: flow), contentType: "application/sdp",
            body: AudioNegotiation.offer(media).serialised())
        request.headers.append(.allow, Self.methods)
        let (id, effects) = transactions.send(request, over: flow, branch: branch(&entropy), at: now)
        let number = (try? request.cseq())?.number ?? 0
        established.change = .session(id, cseq: number, media)
        call?.state = .established(established)
        return run(effects, at: now, entropy: &entropy)
    }

    // MARK: Transfer

    /// Asks the peer's side to call `number` in our place; with `replaces` to connect it with that dialog of ours.
    mutating func transfer(
        to number: String, replaces: DialogID?, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        guard mayChange, case .established(var established) = call?.state, let flow = call?.flow else { return [] }
        var target = SIPURI(user: number, host: account.domain)
        if let replaces {
            target.headers =
                "Replaces=\(replaces.callID)%3Bto-tag%3D\(replaces.remoteTag)%3Bfrom-tag%3D\(replaces.localTag)"
        }
        var request = established.dialog.makeRequest(.refer, contact: contactURI(on: flow))
        request.headers.append(.referTo, NameAddress(uri: target).description)
        request.headers.append(.referredBy, NameAddress(uri: addressOfRecord).description)
        let (id, effects) = transactions.send(request, over: flow, branch: branch(&entropy), at: now)
        established.change = .transfer(id)
        call?.state = .established(established)
        return run(effects, at: now, entropy: &entropy)
    }

    // MARK: Answers

    /// The answer to a change; nil when the response belongs to something else.
    mutating func changeAnswered(
        _ id: ClientTransactionID, _ response: SIPResponse, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect]? {
        guard case .established(var established) = call?.state, let change = established.change, change.id == id else {
            return nil
        }
        guard response.isFinal else { return [] }
        established.change = nil
        guard response.isSuccess else {
            call?.state = .established(established)
            // Nobody is there any more (RFC 3261 section 12.2.1.2).
            return response.status == 481 || response.status == 408 ? hangUp(at: now, entropy: &entropy) : []
        }
        guard case .session(_, let cseq, let media) = change else {
            call?.state = .established(established)
            return []
        }
        try? established.dialog.refreshTarget(from: response)
        established.sent = (id, cseq)
        call?.state = .established(established)
        guard let flow = call?.flow else { return [] }
        var effects = run(
            transactions.sendAck(established.dialog.makeAck(cseq: cseq), over: flow, branch: branch(&entropy)), at: now,
            entropy: &entropy)
        guard let answer = try? SessionDescription.parse(response.body),
            let stream = try? AudioNegotiation.accept(answer: answer, local: media)
        else { return effects + hangUp(at: now, entropy: &entropy) }
        call?.media = media
        effects.append(.configureMedia(stream))
        return effects
    }

    /// No answer came to a change; nil when the transaction was something else's.
    mutating func changeFailed(
        _ id: ClientTransactionID, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect]? {
        guard case .established(let established) = call?.state, established.change?.id == id else { return nil }
        forgetChange()
        return hangUp(at: now, entropy: &entropy)
    }

    private mutating func forgetChange() {
        guard case .established(var established) = call?.state else { return }
        established.change = nil
        call?.state = .established(established)
    }

    // MARK: Refusals

    /// Refuses the call that rings here, with that status; a number with 302 is where it is sent on to.
    mutating func refuse(
        _ status: Int, contact: String? = nil, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        guard case .offered(let id, let request, _) = call?.state, let tag = call?.tag else { return [] }
        var response = SIPResponse(to: request, status: status, toTag: tag)
        if let contact {
            response.headers.set(
                .contact, NameAddress(uri: SIPURI(user: contact, host: account.domain)).description)
        }
        return run(transactions.respond(id, with: response, at: now), at: now, entropy: &entropy)
            + endCall(status: status)
    }

    /// Takes the call that rings here.
    mutating func answerNow() -> [SoftphoneEffect] {
        guard case .offered(let id, let request, _) = call?.state else { return [] }
        call?.state = .answering(id, request)
        return [.openMedia]
    }
}

extension SoftphoneCall {
    /// A request of ours inside the dialog that waits for its answer.
    enum Change: Sendable {
        /// A re-INVITE, its number, and what holds once it is accepted.
        case session(ClientTransactionID, cseq: UInt32, LocalMedia)
        case transfer(ClientTransactionID)

        var id: ClientTransactionID {
            switch self {
            case .session(let id, _, _), .transfer(let id): id
            }
        }
    }
}
