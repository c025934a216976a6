import ApplianceCore
import OpenSSLCrypto
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import Testing

/// A scripted telephone: writes requests and answers as a test says, and keeps what it receives.
final class Phone {
    let world: World
    let number: String
    var password: String
    let flow: SIPFlow
    /// What has arrived and was not yet looked at.
    var inbox: [SIPMessage] = []
    private var sequence: UInt32 = 0
    private var serial = 0
    private let tag: String
    private let name: String

    init(
        _ world: World, _ number: String, port: UInt16, transport: SIPFlow.Transport = .udp, host: UInt32 = 0x0A00_0064
    ) {
        self.world = world
        self.number = number
        password = "secret\(number)"
        name = "\(number)-\(port)"
        tag = "t\(name)"
        flow = SIPFlow(
            transport: transport, local: World.servers[transport]!,
            remote: Endpoint(address: .v4(host), port: port), connection: transport == .udp ? nil : UInt64(port))
        world.add(self)
    }

    func isReached(by other: SIPFlow) -> Bool {
        other.transport == flow.transport && other.connection == flow.connection && other.remote == flow.remote
    }

    var contact: SIPURI {
        var uri = SIPURI(user: number, host: "\(flow.remote.address)", port: flow.remote.port)
        if flow.transport != .udp { uri.transport = flow.transport.rawValue.lowercased() }
        return uri
    }

    // MARK: Sending

    func send(_ message: SIPMessage) { world.feed(.message(message.serialised(), flow)) }

    /// Puts a Via on top and sends.
    func send(_ request: SIPRequest, branch: String? = nil) {
        var request = request
        serial += 1
        let branch = branch ?? "z9hG4bK-\(name)-\(serial)"
        let via = "SIP/2.0/\(flow.transport.rawValue) \(flow.remote);rport;branch=\(branch)"
        request.headers = SIPHeaders([.init(.via, via)] + request.headers.fields)
        send(.request(request))
    }

    /// A request outside a dialog, without Via.
    func request(
        _ method: SIPMethod, to target: String, callID: String, fields: [SIPHeaders.Field] = [], body: [UInt8] = []
    )
        -> SIPRequest
    {
        sequence += 1
        let isRegister = method == .register
        let uri = SIPURI(user: isRegister ? nil : target, host: World.realm)
        var headers = SIPHeaders([
            .init(.maxForwards, "70"), .init(.from, "<sip:\(number)@\(World.realm)>;tag=\(tag)-\(callID)"),
            .init(.to, "<sip:\(target)@\(World.realm)>"), .init(.callID, "\(callID)@\(name)"),
            .init(.cseq, "\(sequence) \(method)"), .init(.userAgent, "scripted telephone"),
        ])
        if !fields.contains(where: { $0.name == .contact }) {
            headers.append(.contact, NameAddress(uri: contact).description)
        }
        for field in fields { headers.append(field.name, field.value) }
        if !body.isEmpty && !headers.contains(.contentType) { headers.append(.contentType, "application/sdp") }
        return SIPRequest(method: method, uri: uri, headers: headers, body: body)
    }

    /// Adds credentials for a challenge and counts CSeq up.
    func authenticated(
        _ request: SIPRequest, by challenge: SIPResponse, algorithm: String = "SHA-256", nc: UInt32 = 1
    ) throws -> SIPRequest {
        let challenges = challenge.challenges().filter { $0.parameters["algorithm"] == algorithm }
        let credentials = try #require(
            DigestClient.authorization(
                for: challenges, username: number, password: Secret(password), method: request.method,
                uri: request.uri.description, nc: nc, cnonce: "c\(nc)", hashes: OpenSSLHashes()))
        var request = request
        sequence += 1
        request.headers.set(.cseq, "\(sequence) \(request.method)")
        request.headers.set(.authorization, credentials.description)
        return request
    }

    // MARK: Receiving

    func nextResponse() throws -> SIPResponse {
        let index = try #require(
            inbox.firstIndex { if case .response = $0 { true } else { false } }, "no response came to \(name)")
        guard case .response(let response) = inbox.remove(at: index) else { throw Missing.response }
        return response
    }

    func nextRequest(_ method: SIPMethod) throws -> SIPRequest {
        let index = try #require(
            inbox.firstIndex { if case .request(let request) = $0 { request.method == method } else { false } },
            "no \(method) came to \(name)")
        guard case .request(let request) = inbox.remove(at: index) else { throw Missing.response }
        return request
    }

    func has(_ method: SIPMethod) -> Bool {
        inbox.contains { if case .request(let request) = $0 { request.method == method } else { false } }
    }
    private enum Missing: Error { case response }

    // MARK: Whole steps

    @discardableResult
    func register(
        algorithm: String = "SHA-256", expires: Int = 600, callID: String = "reg", fields: [SIPHeaders.Field] = []
    ) throws -> SIPResponse {
        let plain = request(
            .register, to: number, callID: callID, fields: [.init(.expires, String(expires))] + fields)
        send(plain)
        let challenge = try nextResponse()
        #expect(challenge.status == 401)
        send(try authenticated(plain, by: challenge, algorithm: algorithm))
        return try nextResponse()
    }

    /// INVITE, 401, ACK, INVITE with credentials; gives the last INVITE, whose responses are in the inbox.
    func invite(_ target: String, body: [UInt8], callID: String = "call", fields: [SIPHeaders.Field] = []) throws
        -> SIPRequest
    {
        let plain = request(.invite, to: target, callID: callID, fields: fields, body: body)
        send(plain)
        let challenge = try nextResponse()
        #expect(challenge.status == 401)
        ack(refusal: challenge, of: plain)
        let invite = try authenticated(plain, by: challenge)
        send(invite, branch: "z9hG4bK-\(name)-\(callID)-invite")
        return invite
    }

    func ack(refusal response: SIPResponse, of invite: SIPRequest) {
        var ack = SIPRequest(method: .ack, uri: invite.uri)
        for field in invite.headers.fields where [.from, .callID, .maxForwards].contains(field.name) {
            ack.headers.append(field.name, field.value)
        }
        ack.headers.append(.to, response.headers[.to] ?? "")
        ack.headers.append(.cseq, "\((try? invite.cseq().number) ?? 0) ACK")
        ack.headers = SIPHeaders([.init(.via, response.headers[.via] ?? "")] + ack.headers.fields)
        send(.request(ack))
    }

    func cancel(_ invite: SIPRequest, callID: String = "call") {
        var cancel = SIPRequest(method: .cancel, uri: invite.uri)
        for field in invite.headers.fields where [.from, .to, .callID, .maxForwards].contains(field.name) {
            cancel.headers.append(field.name, field.value)
        }
        cancel.headers.append(.cseq, "\((try? invite.cseq().number) ?? 0) CANCEL")
        send(cancel, branch: "z9hG4bK-\(name)-\(callID)-invite")
    }

    /// The caller's side of a call that has been answered: sends the ACK.
    func confirm(_ invite: SIPRequest, _ response: SIPResponse, body: [UInt8] = []) throws -> Side {
        let dialog = try Dialog(sent: invite, received: response)
        let side = Side(phone: self, dialog: dialog)
        side.ack(dialog.localCSeq, body: body)
        return side
    }

    /// Answers a request.
    func respond(_ request: SIPRequest, _ status: Int, body: [UInt8] = []) {
        var response = SIPResponse(to: request, status: status, toTag: "\(tag)-in")
        response.headers.append(.contact, NameAddress(uri: contact).description)
        if !body.isEmpty { response.headers.append(.contentType, "application/sdp") }
        response.body = body
        send(.response(response))
    }

    /// The callee's side: answers an INVITE with 200 and expects the ACK.
    func answer(_ invite: SIPRequest, body: [UInt8]) throws -> Side {
        let dialog = try Dialog(received: invite, localTag: "\(tag)-in", secure: false)
        respond(invite, 200, body: body)
        _ = try nextRequest(.ack)
        return Side(phone: self, dialog: dialog)
    }
}

/// One end of an established call, as the telephone sees it.
final class Side {
    let phone: Phone
    var dialog: Dialog

    init(phone: Phone, dialog: Dialog) {
        self.phone = phone
        self.dialog = dialog
    }

    func ack(_ cseq: UInt32, body: [UInt8] = []) {
        phone.send(dialog.makeAck(cseq: cseq, contentType: "application/sdp", body: body))
    }

    /// Sends a request inside the dialog and gives the answer.
    func request(_ method: SIPMethod, body: [UInt8] = [], contentType: String = "application/sdp") throws -> SIPResponse
    {
        phone.send(
            dialog.makeRequest(method, contact: phone.contact, contentType: contentType, body: body))
        let response = try phone.nextResponse()
        if method == .invite, response.isSuccess { ack(dialog.localCSeq) }
        return response
    }

    /// Takes the BYE from the appliance and answers it.
    func takeBye() throws {
        let index = phone.inbox.firstIndex {
            if case .request(let request) = $0 {
                request.method == .bye && request.headers[.callID] == dialog.id.callID
            } else {
                false
            }
        }
        guard case .request(let bye) = phone.inbox.remove(at: try #require(index, "no BYE came to \(phone.number)"))
        else { return }
        try dialog.accept(bye)
        phone.respond(bye, 200)
    }
}

/// A session description with these codecs, payload types as usual.
func sdp(
    _ codecs: [String], port: UInt16, host: String = "10.0.0.100", direction: String = "sendrecv", version: Int = 1
) -> [UInt8] {
    let numbers = ["PCMU": 0, "PCMA": 8, "opus": 107, "G729": 18, "telephone-event": 101]
    let clocks = ["opus": "48000/2"]
    let list = codecs.map { "\(numbers[$0] ?? 96)" }.joined(separator: " ")
    let maps = codecs.map { "a=rtpmap:\(numbers[$0] ?? 96) \($0)/\(clocks[$0] ?? "8000")\r\n" }.joined()
    return Array(
        ("v=0\r\no=- 1 \(version) IN IP4 \(host)\r\ns=-\r\nc=IN IP4 \(host)\r\nt=0 0\r\n"
            + "m=audio \(port) RTP/AVP \(list)\r\n" + maps + "a=ptime:20\r\na=\(direction)\r\n").utf8)
}
