import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import Testing

/// A scripted telephone, or the far end of a line.
final class TestPhone {
    let world: Switchboard
    let number: String
    let flow: SIPFlow
    var inbox: [SIPMessage] = []
    private var serial = 0
    private let name: String

    init(_ world: Switchboard, _ number: String, port: UInt16) {
        self.world = world
        self.number = number
        name = "\(number)-\(port)"
        flow = SIPFlow(
            transport: .udp, local: Switchboard.local, remote: Endpoint(address: .v4(0x0A00_0064), port: port),
            connection: nil)
    }

    var contact: SIPURI { SIPURI(user: number, host: "\(flow.remote.address)", port: flow.remote.port) }

    // MARK: Sending

    @discardableResult
    func send(_ request: SIPRequest, branch: String? = nil) -> SIPRequest {
        var request = request
        serial += 1
        let via = "SIP/2.0/UDP \(flow.remote);rport;branch=\(branch ?? "z9hG4bK-\(name)-\(serial)")"
        request.headers = SIPHeaders([.init(.via, via)] + request.headers.fields)
        world.feed(.request(request), from: flow)
        return request
    }

    func request(
        _ method: SIPMethod, to target: String, callID: String, fields: [SIPHeaders.Field] = [], body: [UInt8] = []
    ) -> SIPRequest {
        var headers = SIPHeaders([
            .init(.maxForwards, "70"), .init(.from, "<sip:\(number)@\(Switchboard.realm)>;tag=\(name)-\(callID)"),
            .init(.to, "<sip:\(target)@\(Switchboard.realm)>"), .init(.callID, "\(callID)@\(name)"),
            .init(.cseq, "1 \(method)"), .init(.contact, NameAddress(uri: contact).description),
        ])
        for field in fields { headers.append(field.name, field.value) }
        if !body.isEmpty { headers.append(.contentType, "application/sdp") }
        return SIPRequest(
            method: method, uri: SIPURI(user: target, host: Switchboard.realm), headers: headers, body: body)
    }

    /// Sends an INVITE; its branch is that of `cancel`.
    func invite(
        _ target: String, codecs: [String] = ["PCMU"], callID: String = "c", fields: [SIPHeaders.Field] = []
    ) -> SIPRequest {
        let invite = request(
            .invite, to: target, callID: callID, fields: fields, body: sdp(codecs, port: flow.remote.port + 1))
        send(invite, branch: "z9hG4bK-\(name)-\(callID)")
        return invite
    }

    func cancel(_ invite: SIPRequest, callID: String = "c") {
        var cancel = SIPRequest(method: .cancel, uri: invite.uri)
        for field in invite.headers.fields where [.from, .to, .callID, .maxForwards].contains(field.name) {
            cancel.headers.append(field.name, field.value)
        }
        cancel.headers.append(.cseq, "1 CANCEL")
        send(cancel, branch: "z9hG4bK-\(name)-\(callID)")
    }

    func respond(
        _ request: SIPRequest, _ status: Int, tag: String = "in", fields: [SIPHeaders.Field] = [], body: [UInt8] = []
    ) {
        var response = SIPResponse(to: request, status: status, toTag: "\(name)-\(tag)")
        if !fields.contains(where: { $0.name == .contact }) {
            response.headers.append(.contact, NameAddress(uri: contact).description)
        }
        for field in fields { response.headers.append(field.name, field.value) }
        if !body.isEmpty { response.headers.append(.contentType, "application/sdp") }
        response.body = body
        world.feed(.response(response), from: flow)
    }

    // MARK: Receiving

    func nextResponse(_ status: Int? = nil, _ location: SourceLocation = #_sourceLocation) throws -> SIPResponse {
        let index = inbox.firstIndex { if case .response = $0 { true } else { false } }
        guard let index, case .response(let response) = inbox.remove(at: index) else {
            Issue.record("no response came to \(name)", sourceLocation: location)
            throw Missing()
        }
        if let status { #expect(response.status == status, sourceLocation: location) }
        return response
    }

    func nextRequest(_ method: SIPMethod, _ location: SourceLocation = #_sourceLocation) throws -> SIPRequest {
        let index = inbox.firstIndex { if case .request(let request) = $0 { request.method == method } else { false } }
        guard let index, case .request(let request) = inbox.remove(at: index) else {
            Issue.record("no \(method) came to \(name): \(inbox.map(\.summary))", sourceLocation: location)
            throw Missing()
        }
        return request
    }

    func has(_ method: SIPMethod) -> Bool {
        inbox.contains { if case .request(let request) = $0 { request.method == method } else { false } }
    }
    private struct Missing: Error {}

    // MARK: Whole steps

    /// The callee's side: answers the INVITE that has come with 200 and takes the ACK.
    func answer(codecs: [String] = ["PCMU"], _ location: SourceLocation = #_sourceLocation) throws -> TestSide {
        let invite = try nextRequest(.invite, location)
        return try answer(invite, codecs: codecs, location)
    }

    func answer(
        _ invite: SIPRequest, codecs: [String] = ["PCMU"], _ location: SourceLocation = #_sourceLocation
    ) throws -> TestSide {
        let dialog = try Dialog(received: invite, localTag: "\(name)-in", secure: false)
        respond(invite, 200, body: sdp(codecs, port: flow.remote.port + 1))
        _ = try nextRequest(.ack, location)
        return TestSide(self, dialog)
    }

    /// The caller's side: takes responses until the 200 and sends the ACK.
    func confirm(_ invite: SIPRequest, _ location: SourceLocation = #_sourceLocation) throws -> TestSide {
        var response = try nextResponse(nil, location)
        while response.isProvisional { response = try nextResponse(nil, location) }
        #expect(response.status == 200, sourceLocation: location)
        let side = TestSide(self, try Dialog(sent: invite, received: response))
        send(side.dialog.makeAck(cseq: side.dialog.localCSeq))
        return side
    }

    /// A call that is answered.
    func call(
        _ other: TestPhone, codecs: [String] = ["PCMU"], answering: [String] = ["PCMU"], callID: String = "c",
        _ location: SourceLocation = #_sourceLocation
    ) throws -> (near: TestSide, far: TestSide) {
        let invite = invite(other.number, codecs: codecs, callID: callID)
        let far = try other.answer(codecs: answering, location)
        return (try confirm(invite, location), far)
    }

    func refuse(_ status: Int, fields: [SIPHeaders.Field] = [], _ location: SourceLocation = #_sourceLocation) throws {
        respond(try nextRequest(.invite, location), status, fields: fields)
        _ = try nextRequest(.ack, location)
    }

    /// Answers the CANCEL of an INVITE.
    func takeCancel(_ invite: SIPRequest, _ location: SourceLocation = #_sourceLocation) throws {
        respond(try nextRequest(.cancel, location), 200)
        respond(invite, 487)
    }
}

extension SIPMessage {
    var summary: String {
        switch self {
        case .request(let request): "\(request.method)"
        case .response(let response): "\(response.status)"
        }
    }
}

/// One end of an established call, as the telephone sees it.
final class TestSide {
    let phone: TestPhone
    var dialog: Dialog

    init(_ phone: TestPhone, _ dialog: Dialog) {
        self.phone = phone
        self.dialog = dialog
    }

    /// As this telephone writes it when it names the dialog to somebody else (RFC 3891 section 3).
    var replaces: Replaces {
        Replaces(callID: dialog.id.callID, toTag: dialog.id.remoteTag, fromTag: dialog.id.localTag)
    }

    func make(_ method: SIPMethod, fields: [SIPHeaders.Field] = [], body: [UInt8] = []) -> SIPRequest {
        var request = dialog.makeRequest(method, contact: phone.contact, contentType: "application/sdp", body: body)
        for field in fields { request.headers.set(field.name, field.value) }
        return request
    }

    func request(
        _ method: SIPMethod, fields: [SIPHeaders.Field] = [], body: [UInt8] = [],
        _ location: SourceLocation = #_sourceLocation
    ) throws -> SIPResponse {
        phone.send(make(method, fields: fields, body: body))
        return try phone.nextResponse(nil, location)
    }

    func refer(
        to target: String, fields: [SIPHeaders.Field] = [], _ location: SourceLocation = #_sourceLocation
    ) throws -> SIPResponse {
        try request(.refer, fields: [.init(.referTo, "<sip:\(target)@\(Switchboard.realm)>")] + fields, location)
    }

    /// A REFER that names the dialog of another call (RFC 5589 section 7).
    func refer(to other: TestSide, _ location: SourceLocation = #_sourceLocation) throws -> SIPResponse {
        var uri = other.dialog.remote.uri
        uri.setHeaderFields([.init(.replaces, other.replaces.description)])
        return try request(.refer, fields: [.init(.referTo, NameAddress(uri: uri).description)], location)
    }

    /// Answers the NOTIFY that has come; gives its status line and its state.
    func takeNotify(_ status: Int = 200, _ location: SourceLocation = #_sourceLocation) throws -> String {
        let notify = try phone.nextRequest(.notify, location)
        try dialog.accept(notify)
        #expect(notify.headers[.contentType] == "message/sipfrag;version=2.0", sourceLocation: location)
        phone.respond(notify, status)
        let line = String(decoding: notify.body, as: UTF8.self).split(separator: "\r\n").first ?? ""
        let state = notify.headers[.subscriptionState]?.prefix { $0 != ";" } ?? ""
        return "\(line.dropFirst("SIP/2.0 ".count)), \(state)"
    }

    func hangUp(_ location: SourceLocation = #_sourceLocation) throws {
        #expect(try request(.bye, location).status == 200, sourceLocation: location)
    }

    func takeBye(_ location: SourceLocation = #_sourceLocation) throws {
        let bye = try phone.nextRequest(.bye, location)
        try dialog.accept(bye)
        phone.respond(bye, 200)
    }

    /// Answers a re-INVITE; gives the port that it offers.
    func takeReinvite(
        _ status: Int = 200, codecs: [String] = ["PCMU"], _ location: SourceLocation = #_sourceLocation
    ) throws -> SIPRequest {
        let invite = try phone.nextRequest(.invite, location)
        try dialog.accept(invite)
        phone.respond(
            invite, status, body: status == 200 ? sdp(codecs, port: phone.flow.remote.port + 1, version: 2) : [])
        _ = try phone.nextRequest(.ack, location)
        return invite
    }
}
