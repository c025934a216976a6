import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent

/// How a leg writes and reads messages.
extension CallLeg {
    var contact: SIPURI {
        let isSecure = dialog?.isSecure ?? (isCallee && invite.uri.scheme == .sips)
        return flow.contact(user: contactUser, scheme: isSecure ? .sips : .sip)
    }

    /// The session description of a request, empty when there is none; nil, and refused, when the body is something
    /// else.
    func acceptableBody(
        of request: SIPRequest, _ server: ServerTransactionID, _ context: inout CallContext
    ) -> [UInt8]? {
        switch SessionBody.read(request) {
        case .description(let body): return body
        case .refused(let status, let fields):
            respond(server, to: request, status, fields: fields, &context)
            return nil
        }
    }

    // MARK: Requests

    /// A request in `dialog`, with everything that its method needs; INVITE and UPDATE say what we are capable of.
    mutating func makeRequest(
        _ method: SIPMethod, body: [UInt8] = [], contentType: String = SIPCapabilities.sessionDescription
    ) -> SIPRequest? {
        guard var dialog else { return nil }
        let refreshes = method == .invite || method == .update
        var request = dialog.makeRequest(
            method, contact: refreshes ? contact : nil, contentType: contentType, body: body)
        update(dialog)
        if refreshes {
            request.headers.append(.allow, SIPCapabilities.allow)
            request.headers.append(.supported, SIPCapabilities.supportedInDialog)
        }
        request.headers.append(.userAgent, SIPCapabilities.product)
        return request
    }

    /// Sends a request and remembers why.
    mutating func send(
        _ request: SIPRequest, for purpose: SentRequest.Purpose, over flow: SIPFlow, _ context: inout CallContext
    ) {
        let client = context.send(request, over: flow, for: reference)
        requests.append(SentRequest(client: client, request: request, purpose: purpose))
    }

    /// Sends the ACK of a 2xx and keeps it for repetitions.
    mutating func acknowledge(_ ack: SIPRequest, of client: ClientTransactionID, _ context: inout CallContext) {
        if sentAcks.count >= Self.sentAckLimit { context.forget(sentAcks.removeFirst().client) }
        sentAcks.append(SentAck(client: client, request: ack))
        context.sendAck(ack, over: flow)
    }

    /// The dialog of that name: the one in use, or that of a fork of the callee's side.
    func dialog(_ id: DialogID) -> Dialog? { dialog?.id == id ? dialog : forks?[id] }

    /// Puts a dialog back that has counted on, or whose target has moved.
    mutating func update(_ dialog: Dialog) {
        if self.dialog?.id == dialog.id { self.dialog = dialog }
        forks?.replace(dialog)
    }

    // MARK: Responses

    func makeResponse(
        to request: SIPRequest, _ status: Int, reason: String? = nil, fields: [SIPHeaders.Field] = [],
        body: [UInt8] = []
    ) -> SIPResponse {
        var response = SIPResponse(to: request, status: status, reason: reason, toTag: localTag)
        if [.invite, .update].contains(request.method), (101..<300).contains(status) {
            for route in request.headers.all(.recordRoute) { response.headers.append(.recordRoute, route) }
            response.headers.append(.contact, NameAddress(uri: contact).description)
            response.headers.append(.allow, SIPCapabilities.allow)
            if status >= 200 { response.headers.append(.supported, SIPCapabilities.supportedInDialog) }
            if let connected { response.headers.append(.assertedIdentity, connected.description) }
        }
        for field in fields { response.headers.append(field.name, field.value) }
        response.headers.append(.server, SIPCapabilities.product)
        if !body.isEmpty { response.headers.append(.contentType, SIPCapabilities.sessionDescription) }
        response.body = body
        return response
    }

    func respond(
        _ server: ServerTransactionID, to request: SIPRequest, _ status: Int, reason: String? = nil,
        fields: [SIPHeaders.Field] = [], body: [UInt8] = [], _ context: inout CallContext
    ) {
        context.respond(server, with: makeResponse(to: request, status, reason: reason, fields: fields, body: body))
    }

    /// Sends the 2xx to an INVITE, which an ACK must follow.
    mutating func establish(_ server: ServerTransactionID, with response: SIPResponse, _ context: inout CallContext) {
        state = .established
        unacknowledged = (try? response.cseq()).map { UnacknowledgedInvite(server: server, cseq: $0.number) }
        context.directory.enter(server, for: reference)
        context.respond(server, with: response)
    }
}
