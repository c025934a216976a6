import Media
import OpenSSLCrypto
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SoftphoneCore
import Testing

/// A softphone on the bench: the test plays registrar and peer, and time passes when it says so.
struct Bench {
    static let flow = SIPFlow(
        transport: .udp, local: Endpoint(address: .v4(0xC000_0214), port: 5060),
        remote: Endpoint(address: .v4(0xC000_020A), port: 5060))

    var core: SoftphoneCore
    var entropy = Entropy(SeededGenerator(seed: 1))
    var now = Instant.origin
    /// What was sent and not yet looked at.
    var outbox: [SIPMessage] = []
    var events: [SoftphoneEvent] = []
    var configured: [MediaStreamDescription] = []
    var openedCount = 0
    var closedCount = 0
    /// Answers `openMedia` at once.
    var opensMedia = true

    init(
        codecs: [AudioCodec] = [.pcmu, .opus], answersAfter: Duration? = nil,
        _ change: (inout SoftphoneAccount) -> Void = { _ in }
    ) {
        var account = SoftphoneAccount(
            user: "100", displayName: "Ada", password: Secret("ada-secret"), domain: "pbx.example",
            codecs: codecs, answersAfter: answersAfter)
        change(&account)
        core = SoftphoneCore(account: account, hashes: OpenSSLHashes())
    }

    // MARK: Driving

    mutating func input(_ input: SoftphoneInput) {
        for effect in core.handle(input, at: now, entropy: &entropy) {
            switch effect {
            case .transmit(let bytes, _):
                guard let message = try? SIPParser.parse(bytes, framing: .datagram) else {
                    Issue.record("the softphone sent what cannot be parsed")
                    continue
                }
                outbox.append(message)
            case .openMedia:
                openedCount += 1
                if opensMedia { self.input(.mediaReady(.v4(0xC000_0214), port: 7078)) }
            case .configureMedia(let stream): configured.append(stream)
            case .closeMedia: closedCount += 1
            case .event(let event): events.append(event)
            }
        }
    }

    mutating func receive(_ message: SIPMessage) { input(.message(message.serialised(), Self.flow)) }

    mutating func advance(_ duration: Duration) {
        let end = now + duration
        while let due = core.nextDeadline, due <= end {
            now = max(now, due)
            input(.deadline)
        }
        now = end
    }

    /// The oldest request of that method which the softphone has sent.
    mutating func sent(_ method: SIPMethod) throws -> SIPRequest {
        let index = try #require(
            outbox.firstIndex { if case .request(let request) = $0 { request.method == method } else { false } },
            "no \(method) was sent")
        guard case .request(let request) = outbox.remove(at: index) else { throw Missing.request }
        return request
    }

    mutating func sentStatus() throws -> SIPResponse {
        let index = try #require(
            outbox.firstIndex { if case .response = $0 { true } else { false } }, "no response was sent")
        guard case .response(let response) = outbox.remove(at: index) else { throw Missing.request }
        return response
    }

    func hasSent(_ method: SIPMethod) -> Bool {
        outbox.contains { if case .request(let request) = $0 { request.method == method } else { false } }
    }
    enum Missing: Error { case request }

    // MARK: Playing the other side

    mutating func answer(
        _ request: SIPRequest, _ status: Int, fields: [SIPHeaders.Field] = [], body: [UInt8] = []
    ) {
        var response = SIPResponse(to: request, status: status, toTag: status == 100 ? nil : "peer")
        if status < 300, status > 100 { response.headers.append(.contact, "<sip:101@192.0.2.10>") }
        for field in fields { response.headers.append(field.name, field.value) }
        if !body.isEmpty { response.headers.append(.contentType, "application/sdp") }
        response.body = body
        receive(.response(response))
    }

    mutating func challenge(_ request: SIPRequest, nonce: String = "n1", isStale: Bool = false) {
        let stale = isStale ? ", stale=true" : ""
        answer(
            request, 401,
            fields: [
                .init(
                    .wwwAuthenticate,
                    "Digest realm=\"pbx.example\", nonce=\"\(nonce)\", algorithm=SHA-256, qop=\"auth\"\(stale)")
            ])
    }

    mutating func register() throws {
        input(.connected(Self.flow))
        challenge(try sent(.register))
        answer(try sent(.register), 200, fields: [.init(.expires, "300")])
    }

    /// Places a call up to the challenged INVITE.
    mutating func placeCall() throws -> SIPRequest {
        input(.command(.call("101")))
        challenge(try sent(.invite))
        _ = try sent(.ack)
        return try sent(.invite)
    }

    /// A call that is answered with PCMU; the peer's view of the dialog.
    mutating func establishOutgoing() throws -> Dialog {
        let invite = try placeCall()
        answer(invite, 200, body: Self.sdp())
        _ = try sent(.ack)
        var response = SIPResponse(to: invite, status: 200, toTag: "peer")
        response.headers.append(.contact, "<sip:101@192.0.2.10>")
        return try Dialog(received: invite, localTag: "peer", secure: false)
    }

    static func invite(branch: String = "z9hG4bKin1", callID: String = "in1", body: [UInt8] = sdp()) -> SIPRequest {
        var headers = SIPHeaders()
        headers.append(.via, "SIP/2.0/UDP 192.0.2.10:5060;branch=\(branch)")
        headers.append(.maxForwards, "70")
        headers.append(.from, "\"Bob\" <sip:101@pbx.example>;tag=bob")
        headers.append(.to, "<sip:100@pbx.example>")
        headers.append(.callID, callID)
        headers.append(.cseq, "1 INVITE")
        headers.append(.contact, "<sip:101@192.0.2.10>")
        if !body.isEmpty { headers.append(.contentType, "application/sdp") }
        return SIPRequest(
            method: .invite, uri: SIPURI(user: "100", host: "192.0.2.20", port: 5060), headers: headers, body: body)
    }

    /// An incoming call, answered and confirmed; the peer's view of the dialog.
    mutating func establishIncoming() throws -> Dialog {
        let invite = Self.invite()
        receive(.request(invite))
        _ = try sentStatus()
        advance(.milliseconds(10))
        let ok = try sentStatus()
        #expect(ok.status == 200)
        let dialog = try Dialog(sent: invite, received: ok)
        send(dialog.makeAck(cseq: 1), branch: "z9hG4bKack")
        return dialog
    }

    /// Puts the peer's Via on a request and delivers it.
    mutating func send(_ request: SIPRequest, branch: String) {
        var request = request
        request.headers.prepend(.via, "SIP/2.0/UDP 192.0.2.10:5060;branch=\(branch)")
        receive(.request(request))
    }

    static func sdp(
        port: UInt16 = 16_384, codecs: String = "0 101", direction: String = "sendrecv", version: Int = 1
    ) -> [UInt8] {
        Array(
            ("v=0\r\no=- 1 \(version) IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
                + "m=audio \(port) RTP/AVP \(codecs)\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
                + "a=rtpmap:18 G729/8000\r\na=\(direction)\r\n").utf8)
    }
}
