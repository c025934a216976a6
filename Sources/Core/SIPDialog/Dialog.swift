package import SIPMessage

/// A dialog: what two user agents keep of each other between requests (RFC 3261 section 12).
///
/// A value; a fork's 2xx makes a second one from the same request. It holds no session description and no transaction.
package struct Dialog: Sendable, Equatable {
    package enum State: Sendable, Equatable { case early, confirmed }

    package let id: DialogID
    package let role: DialogRole
    package private(set) var state: State
    /// From of the requests that we send, with our tag.
    package let local: NameAddress
    /// To of the requests that we send, with the peer's tag.
    package let remote: NameAddress
    /// The peer's Contact.
    package private(set) var remoteTarget: SIPURI
    /// In the order in which our requests visit them.
    package private(set) var routeSet: [NameAddress]
    /// The number of the last request that we sent; 0 before the first.
    package private(set) var localCSeq: UInt32
    /// The highest number that came; nil before the first request.
    package private(set) var remoteCSeq: UInt32?
    /// The dialog was made over TLS with a `sips` URI: both Contacts must be `sips` (12.1.1).
    package let isSecure: Bool

    /// The dialog which `response` (101-299 with To tag) to `request`, sent by us, makes (12.1.2).
    ///
    /// A provisional response without Contact makes a dialog towards the Request-URI. Throws `.unsuitableStatus`,
    /// `.missing`, `.unreadable`, `.otherDialog`.
    package init(sent request: SIPRequest, received response: SIPResponse) throws(DialogError) {
        guard (101..<300).contains(response.status) else { throw .unsuitableStatus(response.status) }
        let fields = try Self.fields(of: response)
        let from = try Self.reading { () throws(SIPParseError) in try request.from() }
        let cseq = try Self.reading { () throws(SIPParseError) in try request.cseq() }
        guard let localTag = from.tag else { throw .missing("From tag", in: "request") }
        guard response.isSuccess || fields.to.tag != nil else { throw .missing("To tag", in: "response") }
        guard fields.from.tag == localTag, request.headers[.callID] == response.headers[.callID] else {
            throw .otherDialog
        }
        id = DialogID(callID: fields.callID, localTag: localTag, remoteTag: fields.to.tag ?? "")
        role = .uac
        state = response.isSuccess ? .confirmed : .early
        local = from
        remote = fields.to
        isSecure = request.uri.scheme == .sips
        localCSeq = cseq.number
        remoteCSeq = nil
        routeSet = fields.recordRoutes.reversed()
        if let contact = fields.contact {
            remoteTarget = contact
        } else if response.isProvisional {
            remoteTarget = request.uri
        } else {
            throw .missing("Contact", in: "response")
        }
    }

    /// The dialog which `request`, received by us, makes when we answer it with `localTag` (12.1.1). It is early until
    /// `confirm()`.
    ///
    /// `secure`: it came over TLS. Throws `.missing` (Contact), `.unreadable`.
    package init(received request: SIPRequest, localTag: String, secure: Bool) throws(DialogError) {
        let fields = try Self.fields(of: request)
        let cseq = try Self.reading { () throws(SIPParseError) in try request.cseq() }
        guard let contact = fields.contact else { throw .missing("Contact", in: "request") }
        id = DialogID(callID: fields.callID, localTag: localTag, remoteTag: fields.from.tag ?? "")
        role = .uas
        state = .early
        var local = fields.to
        local.tag = localTag
        self.local = local
        remote = fields.from
        isSecure = secure && request.uri.scheme == .sips
        localCSeq = 0
        remoteCSeq = cseq.number
        routeSet = fields.recordRoutes
        remoteTarget = contact
    }

    /// As UAS: we have sent the 2xx.
    package mutating func confirm() { state = .confirmed }

    /// As UAC: takes over what a later response to the request that made the dialog says.
    ///
    /// A 2xx confirms it, and its Record-Route replaces the route set (13.2.2.4); a provisional response moves the
    /// target alone. Throws `.otherDialog`, `.unreadable`, `.unsuitableStatus`.
    package mutating func update(with response: SIPResponse) throws(DialogError) {
        guard (101..<300).contains(response.status) else { throw .unsuitableStatus(response.status) }
        guard DialogID(of: response, as: .uac) == id || (id.remoteTag.isEmpty && response.isSuccess) else {
            throw .otherDialog
        }
        let fields = try Self.fields(of: response)
        if let contact = fields.contact { remoteTarget = contact }
        guard response.isSuccess, state == .early else { return }
        state = .confirmed
        routeSet = fields.recordRoutes.reversed()
    }

    /// Takes the 2xx to a target refresh request that we sent inside the dialog: its Contact is the new remote target
    /// (12.2.1.2). Without effect when it has none. Throws `.unreadable`.
    package mutating func refreshTarget(from response: SIPResponse) throws(DialogError) {
        guard response.isSuccess else { return }
        if let contact = try Self.fields(of: response).contact { remoteTarget = contact }
    }

    /// Takes a request inside the dialog: checks that it belongs here and that CSeq does not fall, and takes over the
    /// Contact of a target refresh request (12.2.2). The first offender changes nothing.
    ///
    /// ACK and CANCEL carry the number of their INVITE and are let pass. Throws `.otherDialog` (answer 481),
    /// `.outOfOrder` (500), `.unreadable` (400).
    package mutating func accept(_ request: SIPRequest) throws(DialogError) {
        guard DialogID(of: request, as: .uas) == id else { throw .otherDialog }
        guard request.method != .ack, request.method != .cancel else { return }
        let number = try Self.reading { () throws(SIPParseError) in try request.cseq() }.number
        if let last = remoteCSeq, number < last { throw .outOfOrder(received: number, last: last) }
        let contact = Self.refreshing.contains(request.method) ? try Self.fields(of: request).contact : nil
        remoteCSeq = number
        if let contact { remoteTarget = contact }
    }

    /// Requests whose Contact moves the remote target (RFC 3261 section 12.2, RFC 3311, RFC 6665).
    private static let refreshing: [SIPMethod] = [.invite, .update, .subscribe, .notify, .refer]
}

extension Dialog {
    /// A request inside the dialog, without Via: the next CSeq number, From, To, Call-ID, Route by the route set, loose
    /// or strict (12.2.1.1). For ACK see `makeAck`, for CANCEL `TransactionLayer.cancel`.
    ///
    /// `contact` is needed for target refresh requests. A body needs its `contentType`.
    package mutating func makeRequest(
        _ method: SIPMethod, contact: SIPURI? = nil, contentType: String? = nil, body: [UInt8] = []
    ) -> SIPRequest {
        localCSeq += 1
        return request(method, number: localCSeq, contact: contact, contentType: contentType, body: body)
    }

    /// The ACK of a 2xx to the INVITE that had the number `cseq`, without Via (13.2.2.4). The caller keeps it, or makes
    /// it again, for repeated 2xx.
    package func makeAck(
        cseq: UInt32, contact: SIPURI? = nil, contentType: String? = nil, body: [UInt8] = []
    ) -> SIPRequest {
        request(.ack, number: cseq, contact: contact, contentType: contentType, body: body)
    }

    /// The ACK of a 2xx to `invite`, with its number and its credentials, which no proxy may challenge for again
    /// (13.2.2.4, 22.1).
    package func makeAck(for invite: SIPRequest, contentType: String? = nil, body: [UInt8] = []) -> SIPRequest {
        let number = (try? invite.cseq())?.number ?? localCSeq
        var ack = makeAck(cseq: number, contentType: contentType, body: body)
        for name in [SIPHeaderName.authorization, .proxyAuthorization] {
            for value in invite.headers.all(name) { ack.headers.append(name, value) }
        }
        return ack
    }

    /// Takes the number of a request that was sent again inside the dialog with credentials, or that was made by other
    /// means than `makeRequest`. Numbers only grow.
    package mutating func noteSent(cseq: UInt32) { localCSeq = max(localCSeq, cseq) }

    private func request(
        _ method: SIPMethod, number: UInt32, contact: SIPURI?, contentType: String?, body: [UInt8]
    ) -> SIPRequest {
        var uri = remoteTarget
        var routes = routeSet
        if let first = routes.first, !first.uri.parameters.contains("lr") {
            // A strict router wants itself in the Request-URI, and the target at the end of Route.
            uri = first.uri
            routes.removeFirst()
            routes.append(NameAddress(uri: remoteTarget))
        }
        uri.headers = nil  // neither they nor `method` may stand in a Request-URI (19.1.1)
        uri.parameters.remove("method")
        var headers = SIPHeaders()
        for route in routes { headers.append(.route, route.description) }
        headers.append(.maxForwards, "70")
        headers.append(.from, local.description)
        headers.append(.to, remote.description)
        headers.append(.callID, id.callID)
        headers.append(.cseq, CSeq(number: number, method: method).description)
        if let contact { headers.append(.contact, NameAddress(uri: contact).description) }
        if let contentType, !body.isEmpty { headers.append(.contentType, contentType) }
        return SIPRequest(method: method, uri: uri, headers: headers, body: body)
    }

    private struct Fields {
        let callID: String
        let from: NameAddress
        let to: NameAddress
        let contact: SIPURI?
        let recordRoutes: [NameAddress]
    }

    private static func fields(of message: some SIPFields) throws(DialogError) -> Fields {
        try reading { () throws(SIPParseError) in
            let contact: SIPURI? = if case .list(let list) = try message.contacts() { list.first?.uri } else { nil }
            return Fields(
                callID: try message.callID(), from: try message.from(), to: try message.to(), contact: contact,
                recordRoutes: try message.recordRoutes())
        }
    }

    private static func reading<Value>(_ read: () throws(SIPParseError) -> Value) throws(DialogError) -> Value {
        do {
            return try read()
        } catch {
            throw .unreadable(error)
        }
    }
}
