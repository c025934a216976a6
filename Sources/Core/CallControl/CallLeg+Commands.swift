import Media
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent

/// What a call asks of its legs.
extension CallLeg {
    // MARK: The caller's INVITE

    /// 180 to the caller, once.
    mutating func ring(_ context: inout CallContext) {
        guard case .invited(let server) = state, !hasRung else { return }
        hasRung = true
        respond(server, to: invite, 180, &context)
    }

    /// 200 to the caller with our answer, or with our offer if the INVITE had none. False, and nothing sent, when no
    /// codec is left.
    mutating func accept(preferring codecs: [AudioCodec], _ context: inout CallContext) -> Bool {
        guard case .invited(let server) = state else { return false }
        media.prefer(codecs)
        guard let body = invite.body.isEmpty ? media.makeOffer() : try? media.answer(invite.body) else { return false }
        dialog?.confirm()
        establish(server, answering: invite, with: body, &context)
        return true
    }

    /// A final refusal to the caller.
    mutating func refuse(
        _ status: Int, fields: [SIPHeaders.Field] = [], _ context: inout CallContext
    ) {
        guard case .invited(let server) = state else { return }
        state = .over
        respond(server, to: invite, status, fields: fields, &context)
    }

    // MARK: Ending

    /// Ends the leg whatever its state: CANCEL, BYE, 480, or BYE as soon as the ACK has come.
    mutating func hangUp(_ context: inout CallContext) {
        switch state {
        case .invited: refuse(480, &context)
        case .calling(let client):
            state = .cancelling(client)
            context.cancel(client)
        case .established where unacknowledged != nil: state = .leaving  // RFC 3261 section 15
        case .established: sendBye(&context)
        case .cancelling, .leaving, .closing, .over: break
        }
    }

    /// OPTIONS inside the dialog: a peer that is gone does not answer, and the leg reports `.hungUp`.
    mutating func sendProbe(_ context: inout CallContext) {
        guard state == .established, probe == nil, let request = makeRequest(.options) else { return }
        probe = context.send(request, over: flow, for: reference)
    }

    mutating func sendBye(_ context: inout CallContext) {
        unacknowledged = nil
        guard let request = makeRequest(.bye) else {
            state = .over
            return
        }
        state = .closing(context.send(request, over: flow, for: reference))
    }

    // MARK: Messages

    private mutating func makeRequest(_ method: SIPMethod) -> SIPRequest? {
        guard var request = dialog?.makeRequest(method) else { return nil }
        request.headers.set(.userAgent, SIPCapabilities.product)
        return request
    }

    /// Sends a 2xx with a session description, which a person's ACK must follow.
    mutating func establish(
        _ server: ServerTransactionID, answering request: SIPRequest, with body: [UInt8], _ context: inout CallContext
    ) {
        state = .established
        unacknowledged = (try? request.cseq()).map { UnacknowledgedInvite(server: server, cseq: $0.number) }
        context.directory.enter(server, for: reference)
        respond(server, to: request, 200, body: body, &context)
    }

    func respond(
        _ server: ServerTransactionID, to request: SIPRequest, _ status: Int,
        fields: [SIPHeaders.Field] = [], body: [UInt8] = [], _ context: inout CallContext
    ) {
        var response = SIPResponse(to: request, status: status, toTag: localTag)
        if [.invite, .update].contains(request.method), (101..<300).contains(status) {
            for route in request.headers.all(.recordRoute) { response.headers.append(.recordRoute, route) }
            response.headers.append(.contact, NameAddress(uri: Self.contact(user: contactUser, on: flow)).description)
            response.headers.append(.allow, SIPCapabilities.allow)
        }
        for field in fields { response.headers.append(field.name, field.value) }
        response.headers.append(.server, SIPCapabilities.product)
        if !body.isEmpty { response.headers.append(.contentType, SIPCapabilities.sessionDescription) }
        response.body = body
        context.respond(server, with: response)
    }
}
