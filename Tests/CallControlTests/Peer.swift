import CallControl
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import Testing

/// A scripted telephone: it writes what a test says, and keeps what it receives.
final class Peer {
    let world: CallWorld
    let number: String
    let flow: SIPFlow
    var allow = "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO"
    /// What has arrived and was not yet looked at.
    var inbox: [SIPMessage] = []
    private var serial = 0

    init(_ world: CallWorld, _ number: String, port: UInt16) {
        self.world = world
        self.number = number
        flow = SIPFlow(
            transport: .udp, local: CallWorld.local, remote: Endpoint(address: .v4(0x0A00_0064), port: port))
        world.add(self)
    }

    func isReached(by other: SIPFlow) -> Bool { other.remote == flow.remote }

    var contact: SIPURI { SIPURI(user: number, host: "10.0.0.100", port: flow.remote.port) }

    // MARK: Sending

    func send(_ request: SIPRequest, branch: String? = nil) {
        serial += 1
        let via =
            "SIP/2.0/UDP \(flow.remote);rport;branch=\(branch ?? "z9hG4bK-\(number)-\(flow.remote.port)-\(serial)")"
        var request = request
        request.headers = SIPHeaders([.init(.via, via)] + request.headers.fields)
        world.receive(.request(request), from: flow)
    }

    /// The INVITE of a new call, sent.
    func invite(
        _ body: [UInt8] = sdp(["PCMU"], port: 30_000), supported: String? = nil, fields: [SIPHeaders.Field] = []
    ) -> SIPRequest {
        var headers = SIPHeaders([
            .init(.maxForwards, "70"), .init(.from, "<sip:\(number)@pbx.example>;tag=caller"),
            .init(.to, "<sip:101@pbx.example>"), .init(.callID, "call-of-\(number)"), .init(.cseq, "1 INVITE"),
            .init(.contact, NameAddress(uri: contact).description), .init(.allow, allow),
        ])
        if let supported { headers.append(.supported, supported) }
        for field in fields { headers.append(field.name, field.value) }
        if !body.isEmpty && !headers.contains(.contentType) { headers.append(.contentType, "application/sdp") }
        let request = SIPRequest(
            method: .invite, uri: SIPURI(user: "101", host: "pbx.example"), headers: headers, body: body)
        send(request, branch: "z9hG4bK-invite")
        return request
    }

    /// CANCEL of that INVITE, or the ACK of its refusal.
    func follow(
        _ invite: SIPRequest, with method: SIPMethod, to response: SIPResponse? = nil, fields: [SIPHeaders.Field] = []
    ) {
        var request = SIPRequest(method: method, uri: invite.uri)
        for field in invite.headers.fields where [.from, .to, .callID, .maxForwards].contains(field.name) {
            request.headers.append(field.name, field.value)
        }
        if let to = response?.headers[.to] { request.headers.set(.to, to) }
        request.headers.append(.cseq, "1 \(method)")
        for field in fields { request.headers.append(field.name, field.value) }
        send(request, branch: "z9hG4bK-invite")
    }

    /// Answers a request.
    @discardableResult
    func respond(
        _ request: SIPRequest, _ status: Int, _ body: [UInt8] = [], tag: String = "callee",
        fields: [SIPHeaders.Field] = []
    ) -> SIPResponse {
        var response = SIPResponse(to: request, status: status, toTag: tag)
        response.headers.append(.contact, NameAddress(uri: contact).description)
        if request.method == .invite { response.headers.append(.allow, allow) }
        for field in fields { response.headers.append(field.name, field.value) }
        if !body.isEmpty && !response.headers.contains(.contentType) {
            response.headers.append(.contentType, "application/sdp")
        }
        response.body = body
        world.receive(.response(response), from: flow)
        return response
    }

    /// A provisional response that asks for a PRACK.
    func respondReliably(
        _ request: SIPRequest, _ status: Int, _ body: [UInt8] = [], rseq: Int, tag: String = "callee"
    ) {
        respond(
            request, status, body, tag: tag, fields: [.init(.require, "100rel"), .init(.rseq, "\(rseq)")])
    }

    // MARK: Receiving

    /// Takes the oldest request of that method.
    func take(_ method: SIPMethod, _ location: SourceLocation = #_sourceLocation) throws -> SIPRequest {
        let index = try #require(
            inbox.firstIndex { if case .request(let request) = $0 { request.method == method } else { false } },
            "no \(method) came to \(number), but \(summary)", sourceLocation: location)
        guard case .request(let request) = inbox.remove(at: index) else { throw Missing() }
        return request
    }

    /// Takes the oldest response.
    func response(_ location: SourceLocation = #_sourceLocation) throws -> SIPResponse {
        let index = try #require(
            inbox.firstIndex { if case .response = $0 { true } else { false } },
            "no response came to \(number), but \(summary)", sourceLocation: location)
        guard case .response(let response) = inbox.remove(at: index) else { throw Missing() }
        return response
    }

    /// Every response that waits, taken.
    func responses() -> [SIPResponse] {
        let all = inbox.compactMap { if case .response(let response) = $0 { response } else { nil } }
        inbox.removeAll { if case .response = $0 { true } else { false } }
        return all
    }

    func has(_ method: SIPMethod) -> Bool {
        inbox.contains { if case .request(let request) = $0 { request.method == method } else { false } }
    }

    private var summary: String {
        inbox.map {
            switch $0 {
            case .request(let request): "\(request.method)"
            case .response(let response): "\(response.status)"
            }
        }.joined(separator: ", ")
    }
    private struct Missing: Error {}

    // MARK: Whole steps

    /// The caller's side of a 2xx: sends the ACK.
    func confirm(_ invite: SIPRequest, _ response: SIPResponse, body: [UInt8] = []) throws -> Line {
        let line = Line(self, try Dialog(sent: invite, received: response))
        line.ack(body)
        return line
    }

    /// The callee's side: 200 with `body`, and its ACK.
    func answer(
        _ invite: SIPRequest, _ body: [UInt8] = sdp(["PCMU"], port: 31_000), tag: String = "callee",
        fields: [SIPHeaders.Field] = []
    ) throws -> Line {
        respond(invite, 200, body, tag: tag, fields: fields)
        _ = try take(.ack)
        return Line(self, try Dialog(received: invite, localTag: tag, secure: false))
    }
}

/// One end of a dialog, as the telephone sees it.
final class Line {
    let peer: Peer
    var dialog: Dialog

    init(_ peer: Peer, _ dialog: Dialog) {
        self.peer = peer
        self.dialog = dialog
    }

    func make(
        _ method: SIPMethod, _ body: [UInt8] = [], type: String = "application/sdp", fields: [SIPHeaders.Field] = []
    ) -> SIPRequest {
        var request = dialog.makeRequest(method, contact: peer.contact, contentType: type, body: body)
        for field in fields { request.headers.append(field.name, field.value) }
        return request
    }

    /// Sends a request and gives its answer; a 2xx to INVITE is acknowledged.
    func request(
        _ method: SIPMethod, _ body: [UInt8] = [], type: String = "application/sdp", fields: [SIPHeaders.Field] = []
    ) throws -> SIPResponse {
        peer.send(make(method, body, type: type, fields: fields))
        let response = try peer.response()
        if method == .invite, response.isSuccess { ack() }
        return response
    }

    func ack(_ body: [UInt8] = [], type: String = "application/sdp") {
        peer.send(dialog.makeAck(cseq: dialog.localCSeq, contentType: type, body: body))
    }

    func prack(_ response: SIPResponse, _ body: [UInt8] = [], type: String = "application/sdp") {
        let rack = "\(response.headers[.rseq] ?? "0") \(response.headers[.cseq] ?? "0 INVITE")"
        peer.send(make(.prack, body, type: type, fields: [.init(.rack, rack)]))
    }

    /// Hangs up.
    func bye(_ reason: String? = nil) throws {
        let fields = reason.map { [SIPHeaders.Field(.reason, $0)] } ?? []
        #expect(try request(.bye, fields: fields).status == 200)
    }

    /// Takes the BYE and answers it.
    @discardableResult
    func takeBye(_ location: SourceLocation = #_sourceLocation) throws -> SIPRequest {
        let bye = try peer.take(.bye, location)
        peer.respond(bye, 200)
        return bye
    }
}

extension CallTimers {
    /// As RFC 4028 has it by default: 1800 s, refreshed by the caller, and nothing for who knows no session timers.
    static var recommended: CallTimers {
        var timers = CallTimers()
        timers.session = SessionTimer.Policy()
        timers.lineSession = SessionTimer.Policy()
        return timers
    }
}

/// Two telephones, the first of which calls the second.
struct Desk {
    let world: CallWorld
    let ada: Peer
    let bob: Peer

    init(timers: CallTimers = CallTimers()) {
        world = CallWorld(timers: timers)
        ada = Peer(world, "100", port: 40_000)
        bob = Peer(world, "101", port: 40_100)
        world.callees = [bob]
    }

    /// A call that has been answered.
    func talk(
        _ offer: [UInt8] = sdp(["PCMU"], port: 30_000), supported: String? = nil, fields: [SIPHeaders.Field] = [],
        answering: [SIPHeaders.Field] = []
    ) throws -> (a: Line, b: Line) {
        let invite = ada.invite(offer, supported: supported, fields: fields)
        let b = try bob.answer(bob.take(.invite), fields: answering)
        let response = try ada.response()
        #expect(response.status == 200)
        return (try ada.confirm(invite, response), b)
    }

    /// The same, and Bob has pressed a key, by INFO: so he takes them.
    func talkByInfo() throws -> (a: Line, b: Line) {
        let (a, b) = try talk()
        #expect(try b.request(.info, Array("0".utf8), type: "application/dtmf").status == 200)
        world.forgetDigits()
        return (a, b)
    }

    /// Ada hangs up, Bob follows, and nothing is left.
    func end(_ a: Line, _ b: Line) throws {
        try a.bye()
        try b.takeBye()
        world.expectNothingLeft()
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
