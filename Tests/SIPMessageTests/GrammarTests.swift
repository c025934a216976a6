import SIPMessage
import Testing

/// The forms that RFC 3261 sections 7.3, 20 and 25 allow, one by one.
@Suite struct GrammarTests {
    @Test(arguments: [
        ("a", "Accept-Contact"), ("b", "Referred-By"), ("c", "Content-Type"), ("d", "Request-Disposition"),
        ("e", "Content-Encoding"), ("f", "From"), ("i", "Call-ID"), ("j", "Reject-Contact"), ("k", "Supported"),
        ("l", "Content-Length"), ("m", "Contact"), ("n", "Identity-Info"), ("o", "Event"), ("r", "Refer-To"),
        ("s", "Subject"), ("t", "To"), ("u", "Allow-Events"), ("v", "Via"), ("x", "Session-Expires"), ("y", "Identity"),
    ])
    func `every compact name stands for its header, in both cases`(letter: String, name: String) throws {
        for spelling in [letter, letter.uppercased()] {
            let parsed = try SIPParser.parse(Array("OPTIONS sip:a SIP/2.0\r\n\(spelling) : 0\r\n\r\n".utf8))
            #expect(parsed.headers.fields.map(\.name.description) == [name])
            #expect(parsed.headers[SIPHeaderName(name)] == "0")
        }
    }

    @Test(arguments: ["g", "h", "p", "q", "w", "z", "1", "-"])
    func `other letters are names of their own`(letter: String) throws {
        let parsed = try SIPParser.parse(Array("OPTIONS sip:a SIP/2.0\r\n\(letter): x\r\n\r\n".utf8))
        #expect(parsed.headers.fields.map(\.name.description) == [letter])
    }

    @Test(arguments: [
        ("Subject: I know you're there,\r\n pick up the phone\r\n", "I know you're there, pick up the phone"),
        ("Subject:\r\n\t \r\n  x\r\n", "x"), ("Subject: a \t\r\n\t b\r\n c\r\n", "a b c"), ("Subject:\r\n", ""),
        ("Subject:   \r\n", ""), ("Subject \t: x:y\r\n", "x:y"), ("Subject: \r\n \r\n", ""), ("Subject:é \r\n", "é"),
    ])
    func `white space and folding are undone`(line: String, value: String) throws {
        #expect(try request(message(extra: line)).headers[.subject] == value)
    }

    /// The pairs of RFC 3261 section 7.3.1 that are equivalent.
    @Test func `fields of one name may stand together or apart, in one order`() throws {
        let together = "Route: <sip:alice@atlanta.com>, <sip:bob@biloxi.com>,\r\n <sip:carol@chicago.com>\r\n"
        let apart =
            "Route: <sip:alice@atlanta.com>\r\nSubject: x\r\nroute: <sip:bob@biloxi.com>\r\nROUTE:<sip:carol@chicago.com>\r\n"
        for extra in [together, apart] {
            let users = try request(message(extra: extra)).routes().map(\.uri.user)
            #expect(users == ["alice", "bob", "carol"])
        }
    }

    @Test func `commas inside quotes and brackets do not separate`() throws {
        let parsed = try request(
            message(extra: #"Contact: "Mr. \"W\", <x>" <sip:w@h;m=a,b?s=c,d>;q=0.7, A,<sip:b@h>"# + "\r\n"))
        #expect(throws: SIPParseError.self) { try parsed.contacts() }  // a display name "A," needs quotes
        let good = try request(
            message(extra: #"Contact: "Mr. \"W\", <x>" <sip:w@h;m=a,b?s=c,d>;q=0.7;y="1,2",<mailto:b@h>"# + "\r\n"))
        guard case .list(let contacts) = try good.contacts() else {
            Issue.record("not a list")
            return
        }
        #expect(contacts.map(\.displayName) == ["Mr. \"W\", <x>", nil])
        #expect(contacts.map(\.uri.scheme) == [.sip, .other("mailto")])
        #expect(contacts.first?.uri.headers == "s=c,d")
        #expect(contacts.first?.parameters["y"] == "1,2")
    }

    @Test(arguments: [
        "Content-Type: application/sdp", "c: text/html; charset=ISO-8859-4",
        "c: multipart / mixed ; boundary = \"a b\"",
        "Content-Disposition: session", "Content-Disposition: Render ; handling=Optional",
    ])
    func `types and dispositions read and write themselves`(line: String) throws {
        let parsed = try request(message(extra: line + "\r\n"))
        if let type = try parsed.contentType() {
            #expect(try ContentType(parsing: type.description) == type)
            #expect(type.type == type.type.lowercased())
        } else {
            let disposition = try #require(try parsed.contentDisposition())
            #expect(try ContentDisposition(parsing: disposition.description) == disposition)
            #expect(disposition.isRequired == (disposition.type == "session"))
        }
    }

    @Test(arguments: ["", "text", "text/", "/plain", "text/plain x", "text/plain;", "te xt/plain"])
    func `a malformed type is refused`(text: String) {
        #expect(throws: SIPParseError.self) { try ContentType(parsing: text) }
        #expect(throws: SIPParseError.self) { try ContentDisposition(parsing: text.hasPrefix("text") ? "\"\"" : text) }
    }

    /// RFC 3261 section 20.33.
    @Test(
        arguments: [
            ("18000;duration=3600", 18_000), ("120 (I'm in a meeting)", 120), ("5", 5), ("99999999999", 86_400),
            ("86401", 86_400),
            ("", nil), ("soon", nil), ("-1", nil),
        ] as [(String, Int?)])
    func `Retry-After gives its seconds`(text: String, seconds: Int?) throws {
        #expect(try request(message(extra: "Retry-After: \(text)\r\n")).retryAfter() == seconds)
    }

    @Test func `unknown headers, methods, schemes and parameters are kept as they came`() throws {
        let bytes = message(
            start: "X-DO.It cid:foo4*foo1@bar.net SIP/2.0",
            extra: "X-Own-Header:  v;1, \"\u{1F600}\"\r\nwhatever%: \r\n")
        let parsed = try request(bytes)
        #expect(parsed.method.rawValue == "X-DO.It")
        #expect(parsed.uri.scheme == .other("cid") && parsed.uri.description == "cid:foo4*foo1@bar.net")
        let text = String(decoding: parsed.serialised(), as: UTF8.self)
        #expect(text.hasPrefix("X-DO.It cid:foo4*foo1@bar.net SIP/2.0\r\n"))
        #expect(text.contains("\r\nX-Own-Header: v;1, \"\u{1F600}\"\r\nwhatever%: \r\n"))
    }

    @Test(
        arguments: [
            ("sip:[2001:db8::1]", "[2001:db8::1]", nil), ("sip:a@[::1]:5061;lr", "[::1]", 5061),
            ("sips:a@[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]", nil), ("sip:a.example.:1", "a.example.", 1),
        ] as [(String, String, UInt16?)])
    func `hosts may be IPv6 references, addresses and names with a final dot`(
        text: String, host: String, port: UInt16?
    ) throws {
        let uri = try SIPURI(parsing: text)
        #expect(uri.host == host && uri.port == port && uri.description == text)
    }
}
