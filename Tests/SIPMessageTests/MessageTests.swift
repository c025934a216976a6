import Primitives
import SIPMessage
import Testing

/// A request with `extra` header lines, each with its CRLF, before an empty line and `body`.
func message(start: String = "OPTIONS sip:a@b SIP/2.0", extra: String = "", body: String = "") -> [UInt8] {
    Array(
        ("\(start)\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:x@y>;tag=1\r\nTo: <sip:a@b>\r\n"
            + "Call-ID: 1@y\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\(extra)\r\n\(body)").utf8)
}

func request(_ bytes: [UInt8]) throws -> SIPRequest {
    let parsed = try SIPParser.parse(bytes)
    guard case .request(let request) = parsed else { throw SIPParseError.malformedStartLine }
    return request
}

@Suite struct MessageTests {
    @Test func `leading line breaks are skipped`() throws {
        #expect(try SIPParser.parse(Array("\r\n\r\n".utf8) + message()) == SIPParser.parse(message()))
        #expect(throws: SIPParseError.empty) { try SIPParser.parse(Array("\r\n\r\n".utf8)) }
        #expect(throws: SIPParseError.empty) { try SIPParser.parse([]) }
    }

    @Test func `compact names are spelt out`() throws {
        let bytes = Array(
            "OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h\r\nf: <sip:x@y>\r\nT: <sip:a@b>\r\ni: 1\r\nm: *\r\nk: 100rel\r\nl: 0\r\n\r\n"
                .utf8)
        let names = try SIPParser.parse(bytes).headers.fields.map(\.name.description)
        #expect(names == ["Via", "From", "To", "Call-ID", "Contact", "Supported", "Content-Length"])
    }

    @Test func `the body is what Content-Length says, else the rest of the datagram`() throws {
        #expect(try request(message(extra: "Content-Length: 2\r\n", body: "abc")).body == Array("ab".utf8))
        #expect(try request(message(body: "abc")).body == Array("abc".utf8))
        #expect(throws: SIPParseError.bodyShorterThanContentLength(bytes: 3, contentLength: 4)) {
            try request(message(extra: "l: 4\r\n", body: "abc"))
        }
        #expect(throws: SIPParseError.missingContentLength) {
            try SIPParser.parse(message(body: "abc"), framing: .stream)
        }
    }

    @Test(arguments: ["-1", "1x", "", "0x1", "99999999999999999999", "1 1"])
    func `a Content-Length that is no number is refused`(value: String) {
        #expect(throws: SIPParseError.self) { try SIPParser.parse(message(extra: "Content-Length: \(value)\r\n")) }
    }

    @Test(arguments: [
        ("INVITE sip:a@b", SIPParseError.malformedStartLine),
        ("INVITE sip:a@b SIP/3.0", .unsupportedVersion("SIP/3.0")),
        ("INVITE sip:a@b HTTP/1.1", .malformedStartLine), ("IN VITE sip:a@b SIP/2.0", .malformedStartLine),
        ("IN\"ITE sip:a@b SIP/2.0", .malformedStartLine), ("SIP/2.0 99 Low", .invalidStatus("99")),
        ("SIP/2.0 700 High", .invalidStatus("700")), ("SIP/2.0 099 Low", .invalidStatus("99")),
        ("SIP/2.0", .malformedStartLine), ("SIP/1.0 200 OK", .unsupportedVersion("SIP/1.0")),
        ("SIP/2.0  200 OK", .invalidStatus("")),
    ])
    func `a bad start line is refused with its reason`(line: String, error: SIPParseError) {
        #expect(throws: error) { try SIPParser.parse(message(start: line)) }
    }

    @Test func `a status line may lack its phrase`() throws {
        guard case .response(let response) = try SIPParser.parse(message(start: "sip/2.0 200")) else {
            Issue.record("not a response")
            return
        }
        #expect(response.status == 200 && response.reason.isEmpty)
    }

    @Test(arguments: [
        ("No colon\r\n", SIPParseError.malformedHeaderLine(number: 7)), (": x\r\n", .malformedHeaderLine(number: 7)),
        ("a b: x\r\n", .malformedHeaderLine(number: 7)), ("X: a\nb\r\n", .bareLineBreak),
        ("X: a\rb\r\n", .bareLineBreak),
    ])
    func `a bad header line is refused with its number`(extra: String, error: SIPParseError) {
        #expect(throws: error) { try SIPParser.parse(message(extra: extra)) }
    }

    @Test func `text that is not UTF-8 is refused`() {
        let bytes = Array("OPTIONS sip:a@b SIP/2.0\r\nSubject: ".utf8) + [0xFC] + Array("\r\n\r\n".utf8)
        #expect(throws: SIPParseError.notUTF8(SIPHeaderName("Subject"))) { try SIPParser.parse(bytes) }
    }

    @Test func `a header section without end is refused`() {
        #expect(throws: SIPParseError.headersNotTerminated) { try SIPParser.parse(message().dropLast(2)) }
        #expect(throws: SIPParseError.headersNotTerminated) { try SIPParser.parse(message().dropLast(1)) }
        #expect(throws: SIPParseError.headersNotTerminated) { try SIPParser.parse(Array("OPTIONS".utf8)) }
    }

    @Test func `each size limit is reached and refused`() throws {
        var limits = Limits()
        let size = message().count
        limits.sipMessageBytes = size
        _ = try SIPParser.parse(message(), limits: limits)
        limits.sipMessageBytes = size - 1
        #expect(throws: SIPParseError.messageTooLong(bytes: size, limit: size - 1)) {
            try SIPParser.parse(message(), limits: limits)
        }
        limits = Limits()
        limits.sipStartLineBytes = 22
        #expect(throws: SIPParseError.startLineTooLong(bytes: 23, limit: 22)) {
            try SIPParser.parse(message(), limits: limits)
        }
        limits = Limits()
        limits.sipHeaderCount = 6
        _ = try SIPParser.parse(message(), limits: limits)
        #expect(throws: SIPParseError.tooManyHeaders(count: 7, limit: 6)) {
            try SIPParser.parse(message(extra: "X: y\r\n"), limits: limits)
        }
        limits = Limits()
        limits.sipHeaderLineBytes = 100
        _ = try SIPParser.parse(message(extra: "X: " + String(repeating: "y", count: 97) + "\r\n"), limits: limits)
        #expect(throws: SIPParseError.headerLineTooLong(bytes: 104, limit: 100)) {
            try SIPParser.parse(
                message(extra: "X: " + String(repeating: "y", count: 97) + "\r\n z\r\n"), limits: limits)
        }
        limits = Limits()
        limits.sipBodyBytes = 3
        _ = try SIPParser.parse(message(body: "abc"), limits: limits)
        #expect(throws: SIPParseError.bodyTooLong(bytes: 4, limit: 3)) {
            try SIPParser.parse(message(body: "abcd"), limits: limits)
        }
    }

    /// The statuses of RFC 3261 sections 21.4.11, 21.4.12 and 21.5.7.
    @Test func `a request over a size limit is answered with the status of that limit`() throws {
        func status(_ bytes: [UInt8], _ limits: Limits) throws -> Int? {
            do throws(SIPParseError) {
                _ = try SIPParser.parse(bytes, limits: limits)
                return nil
            } catch {
                let response = try #require(SIPParser.rejection(of: bytes, because: error, limits: limits))
                #expect(try response.callID() == "1@y")
                return response.status
            }
        }
        #expect(try status(message(body: "abc"), Limits()) == nil)
        var limits = Limits()
        limits.sipMessageBytes = message().count + 2
        #expect(try status(message(body: "abc"), limits) == 513)
        limits = Limits()
        limits.sipStartLineBytes = 20
        #expect(try status(message(), limits) == 414)
        limits = Limits()
        limits.sipHeaderCount = 6
        #expect(try status(message(extra: "X: y\r\n"), limits) == 513)
        limits = Limits()
        limits.sipHeaderLineBytes = 60
        #expect(try status(message(extra: "X: " + String(repeating: "y", count: 60) + "\r\n"), limits) == 513)
        limits = Limits()
        limits.sipBodyBytes = 3
        #expect(try status(message(body: "abcd"), limits) == 413)
        #expect(try status(message(extra: "Content-Length: 99\r\n"), limits) == 413)
    }

    @Test func `error texts name bytes and limit`() {
        let text = SIPParseError.messageTooLong(bytes: 70_000, limit: 65_535).description
        #expect(text.contains("70000") && text.contains("65535"))
        #expect(SIPParseError.bodyTooLong(bytes: 1, limit: 0).responseStatus == 413)
        #expect(SIPParseError.unsupportedVersion("SIP/7.0").responseStatus == 505)
        #expect(!SIPParseError.missingHeader(.via).isAnswerable)
        #expect(SIPParseError.missingHeader(.to).isAnswerable)
    }

    @Test(arguments: [
        ("Via: nonsense\r\n", SIPHeaderName.via), ("Contact: *, <sip:a@b>\r\n", .contact), ("Route: x\r\n", .route),
        ("Record-Route: <sip:a@b>,\r\n", .recordRoute),
    ])
    func `validation names the malformed header`(extra: String, name: SIPHeaderName) throws {
        let parsed = try request(message(extra: extra))
        do throws(SIPParseError) {
            try parsed.validate()
            Issue.record("accepted")
        } catch {
            guard case .malformedHeader(name, _) = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test(arguments: ["From: <sip:q@r>\r\n", "Max-Forwards: 7\r\n", "CSeq: 1 OPTIONS\r\n", "Call-ID: 1@y\r\n"])
    func `validation refuses a single header that occurs twice`(extra: String) throws {
        let parsed = try request(message(extra: extra))
        let name = SIPHeaderName(String(extra.prefix { $0 != ":" }))
        #expect(throws: SIPParseError.duplicateHeader(name)) { try parsed.validate() }
    }

    @Test func `a Content-Length that was changed after parsing does not validate`() throws {
        var parsed = try request(message(extra: "Content-Length: 2\r\n", body: "ab"))
        try parsed.validate()
        parsed.body = []
        #expect(throws: SIPParseError.contentLengthMismatch(bytes: 0, contentLength: 2)) { try parsed.validate() }
    }

    @Test func `accessors read lists and tokens`() throws {
        let parsed = try request(
            message(
                extra:
                    "Contact: \"A, B\" <sip:a@b;x=1,2>;q=1, <sip:c@d>\r\nContact: sip:e@f\r\nSupported: path, 100rel,, gruu\r\n"
                    + "Supported: timer\r\nRoute: <sip:p1;lr>, <sip:p2;lr>\r\nExpires: 60\r\n"
                    + "Proxy-Authorization: Digest a=\"1,2\", b=2\r\nAuthorization: Digest broken\r\n"))
        guard case .list(let contacts) = try parsed.contacts() else {
            Issue.record("not a list")
            return
        }
        #expect(contacts.map(\.uri.host) == ["b", "d", "f"])
        #expect(parsed.tokens(.supported) == ["path", "100rel", "gruu", "timer"])
        #expect(try parsed.routes().map(\.uri.host) == ["p1", "p2"])
        #expect(parsed.expires() == 60)
        #expect(parsed.authorizations().map { $0.parameters["a"] } == ["1,2"])
        #expect(try parsed.recordRoutes().isEmpty)
        #expect(parsed.challenges().isEmpty)
    }

    @Test func `a wildcard Contact stands alone`() throws {
        #expect(try request(message(extra: "Contact: *\r\n")).contacts() == .wildcard)
        #expect(try request(message()).contacts() == .list([]))
    }

    @Test(arguments: [("x", nil), ("-1", nil), ("3600", 3600), ("99999999999", 4_294_967_295)] as [(String, Int?)])
    func `Expires that is malformed counts as absent`(text: String, seconds: Int?) throws {
        #expect(try request(message(extra: "Expires: \(text)\r\n")).expires() == seconds)
    }

    @Test func `Content-Length is always right and stands once`() throws {
        var parsed = try request(message(extra: "l: 1\r\nContent-Length: 1\r\n", body: "a"))
        parsed.body = Array("abcd".utf8)
        let again = try request(parsed.serialised())
        #expect(again.headers.all(.contentLength) == ["4"])
        #expect(again.body == parsed.body)
        parsed.headers.remove(.contentLength)
        #expect(try request(parsed.serialised()).headers.all(.contentLength) == ["4"])
    }

    @Test func `no value can add a header or end the header section`() throws {
        var headers = SIPHeaders()
        headers.append(SIPHeaderName("Ex"), "a\r\nEvil: 1\r\n\r\nbody")
        headers.append(SIPHeaderName("Bad\r\nName: x"), "y")
        let response = SIPResponse(status: 200, reason: "OK\r\nEvil: 2", headers: headers)
        guard case .response(let again) = try SIPParser.parse(response.serialised()) else {
            Issue.record("not a response")
            return
        }
        #expect(again.headers.fields.map(\.name.description) == ["Ex", "BadNamex", "Content-Length"])
        #expect(again.reason == "OK  Evil: 2")
        #expect(again.body.isEmpty)
        let method = SIPRequest(method: SIPMethod(rawValue: "A B\r\nC: d"), uri: SIPURI(host: "h")).serialised()
        #expect(try request(method).method.rawValue == "ABCd")
    }

    @Test func `what was read once answers until the request is changed`() throws {
        var parsed = try request(
            message(extra: "Route: <sip:p1;lr>\r\nAuthorization: Digest a=1\r\nContact: <sip:c@d>\r\n"))
        let unread = parsed
        #expect(parsed.fields == nil)
        let fields = try parsed.read()
        #expect(parsed == unread)
        #expect(try parsed.read() === fields)
        #expect(try fields.via == unread.topVia() && fields.viaCount == 1)
        #expect(try fields.from == unread.from() && fields.to == unread.to() && fields.callID == unread.callID())
        #expect(try fields.cseq == unread.cseq() && fields.maxForwards == unread.maxForwards())
        #expect(try fields.contacts == unread.contacts() && fields.routes == unread.routes())
        #expect(fields.authorizations == unread.authorizations() && fields.recordRoutes.isEmpty)
        parsed.headers.set(.to, "<sip:other@b>;tag=9")
        #expect(parsed.fields == nil)
        #expect(try parsed.to().tag == "9")
        #expect(parsed.toTag() == "9")
        try parsed.read()
        parsed.body = [1]
        #expect(parsed.fields == nil)
    }

    @Test func `the top Via is replaced, what follows it and what was read stay`() throws {
        var parsed = try request(message(start: "OPTIONS sip:a@b SIP/2.0", extra: "Via: SIP/2.0/TCP h3\r\n"))
        let via = Via(transport: "UDP", host: "h0", port: 7)
        let text = "SIP/2.0/UDP h1;x=\"a,b\" , SIP/2.0/TCP h2"
        parsed.headers.replaceFirst(.via, bytes: Array(text.utf8)[...])
        try parsed.read()
        let replaced = parsed.replacingTopVia(with: via)
        #expect(replaced.headers.all(.via) == ["SIP/2.0/UDP h0:7, SIP/2.0/TCP h2", "SIP/2.0/TCP h3"])
        #expect(replaced.fields?.via == via && replaced.fields?.viaCount == 3)
        #expect(try replaced.vias().map(\.host) == ["h0", "h2", "h3"])
        #expect(try replaced.from() == parsed.from())
    }

    @Test(
        arguments: [
            ("<sip:a@b>", nil), ("<sip:a@b;tag=x>", nil), ("\"a;tag=1\" <sip:a@b> ; TAG = 2;tag=3", "2"),
            ("sip:a@b;tag=4", "4"),
            ("A <sip:a@b>;x=\";tag=5\";tag=6", "6"), ("\"open <sip:a@b>;tag=7", nil), ("<sip:a@b;tag=8", nil),
            ("", nil),
        ] as [(String, String?)]) func `the To tag is found without reading the address`(to: String, tag: String?)
        throws
    {
        var parsed = try request(message())
        parsed.headers.set(.to, to)
        #expect(parsed.toTag() == tag)
        if let address = try? parsed.to() { #expect(address.tag == tag) }
    }

    @Test func `every header name has its spelling, whatever the case it comes in`() throws {
        let names: [(SIPHeaderName, String)] = [
            (.via, "Via"), (.callID, "Call-ID"), (.cseq, "CSeq"), (.wwwAuthenticate, "WWW-Authenticate"),
            (.rack, "RAck"),
            (.assertedIdentity, "P-Asserted-Identity"), (.ifMatch, "SIP-If-Match"), (.mimeVersion, "MIME-Version"),
            (.minSE, "Min-SE"), (.userToUser, "User-to-User"), (.subscriptionState, "Subscription-State"),
        ]
        for (name, spelling) in names {
            #expect(name.description == spelling)
            #expect(SIPHeaderName(spelling.uppercased()) == name)
            #expect(SIPHeaderName(spelling.lowercased()).hashValue == name.hashValue)
            let parsed = try request(message(extra: "\(spelling.uppercased()): x\r\n"))
            #expect(parsed.headers.fields.last?.name == name)
        }
        #expect(SIPHeaderName("X-Own") == SIPHeaderName("x-oWN") && SIPHeaderName("X-Own") != SIPHeaderName("X-Owm"))
        #expect(SIPHeaderName("X-Own").hashValue == SIPHeaderName("x-own").hashValue)
        #expect(SIPHeaderName("x-Own").description == "x-Own")
        #expect(SIPHeaderName("Vix") != .via && SIPHeaderName("") != .via)
    }

    @Test func `methods compare by name, case and all`() {
        let known: [SIPMethod] = [
            .invite, .ack, .bye, .cancel, .options, .register, .info, .update, .prack, .refer, .notify, .subscribe,
            .publish, .message,
        ]
        for method in known { #expect(SIPMethod(rawValue: method.description) == method) }
        #expect(Set(known).count == 14)
        #expect(SIPMethod(rawValue: "invite") != .invite && SIPMethod(rawValue: "FOO") == SIPMethod(rawValue: "FOO"))
        #expect(SIPMethod(rawValue: "FOO") != SIPMethod(rawValue: "BAR"))
    }

    @Test func `a field is sent on as the bytes that came`() throws {
        let value = "<sip:a@b> ; x = \"y\\z\" ;\tq=0.5  , \"é\"<sip:c@d>"
        let parsed = try request(message(extra: "m:  \(value)\t \r\nX-Own:\r\n\tz\r\n"))
        let text = String(decoding: parsed.serialised(), as: UTF8.self)
        #expect(text.contains("\r\nContact: \(value)\r\nX-Own: z\r\n"))
        #expect(
            parsed.reducedToReply().headers.fields.map(\.name.description) == ["Via", "From", "To", "Call-ID", "CSeq"])
        #expect(SIPResponse(to: parsed.reducedToReply(), status: 100) == SIPResponse(to: parsed, status: 100))
    }

    @Test func `a response copies what the RFC names`() throws {
        let parsed = try request(message(extra: "Via: SIP/2.0/TCP h2\r\nTimestamp: 5\r\nSubject: s\r\n"))
        let ringing = SIPResponse(to: parsed, status: 180, toTag: "t1")
        #expect(ringing.reason == "Ringing")
        #expect(try ringing.vias().map(\.host) == ["192.0.2.1", "h2"])
        #expect(try ringing.to().tag == "t1")
        #expect(try ringing.from().tag == "1")
        #expect(try ringing.callID() == "1@y")
        #expect(ringing.headers.fields.count == 6)
        #expect(SIPResponse(to: parsed, status: 100).headers[.timestamp] == "5")
        var inDialog = parsed
        inDialog.headers.set(.to, "<sip:a@b>;tag=old")
        #expect(try SIPResponse(to: inDialog, status: 200, toTag: "new").to().tag == "old")
        #expect(SIPResponse(to: parsed, status: 499).reason == "Request Failure")
        #expect(SIPResponse.reasonPhrase(603) == "Decline")
    }

    @Test func `a refused ACK, response or request without Via gets no answer`() {
        let error = SIPParseError.malformedHeaderLine(number: 7)
        #expect(SIPParser.rejection(of: message(extra: "x\r\n"), because: error)?.status == 400)
        #expect(SIPParser.rejection(of: message(start: "ACK sip:a@b SIP/2.0", extra: "x\r\n"), because: error) == nil)
        let start = SIPParseError.malformedStartLine
        #expect(SIPParser.rejection(of: message(start: "INVITE  sip:a@b SIP/2.0 "), because: start)?.status == 400)
        #expect(SIPParser.rejection(of: message(start: "ACK  sip:a@b SIP/2.0 "), because: start) == nil)
        #expect(SIPParser.rejection(of: message(start: "GET / HTTP/1.1"), because: start) == nil)
        #expect(SIPParser.rejection(of: message(start: "SIP/2.0 200 OK", extra: "x\r\n"), because: error) == nil)
        #expect(SIPParser.rejection(of: Array("OPTIONS sip:a SIP/2.0\r\nx\r\n\r\n".utf8), because: error) == nil)
    }
}
