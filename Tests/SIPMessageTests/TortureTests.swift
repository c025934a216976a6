import Primitives
import SIPMessage
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What becomes of one message of RFC 4475 or RFC 5118.
struct TortureCase: Sendable, CustomTestStringConvertible {
    enum Outcome: Sendable {
        /// Parses, and a request validates. What a user agent then answers is in the note.
        case accepted
        /// `SIPParser.parse` throws this.
        case refused(SIPParseError)
        /// Parses, and `validate` throws this.
        case invalid(SIPParseError)
    }

    let file: String
    let outcome: Outcome
    let note: String

    init(_ file: String, _ outcome: Outcome, _ note: String) {
        self.file = file
        self.outcome = outcome
        self.note = note
    }

    var testDescription: String { "\(file): \(note)" }

    var bytes: [UInt8] {
        get throws {
            let folder = URL(filePath: #filePath).deletingLastPathComponent()
            return Array(try Data(contentsOf: folder.appending(path: "Vectors/\(file).dat")))
        }
    }
}

@Suite struct TortureTests {
    static let syntacticallyValid: [TortureCase] = [
        TortureCase("rfc4475/wsinv", .accepted, "3.1.1.1 white space and folding everywhere"),
        TortureCase("rfc4475/intmeth", .accepted, "3.1.1.2 every character a token may hold"),
        TortureCase("rfc4475/esc01", .accepted, "3.1.1.3 escapes in URIs"),
        TortureCase("rfc4475/escnull", .accepted, "3.1.1.4 escaped NUL in URIs"),
        TortureCase("rfc4475/esc02", .accepted, "3.1.1.5 percent where it is no escape"),
        TortureCase("rfc4475/lwsdisp", .accepted, "3.1.1.6 no space between display name and bracket"),
        TortureCase("rfc4475/longreq", .accepted, "3.1.1.7 long values"),
        TortureCase("rfc4475/dblreq", .accepted, "3.1.1.8 bytes after the body are dropped"),
        TortureCase("rfc4475/semiuri", .accepted, "3.1.1.9 semicolon in the user part"),
        TortureCase("rfc4475/transports", .accepted, "3.1.1.10 unknown transports"),
        TortureCase("rfc4475/mpart01", .accepted, "3.1.1.11 binary body"),
        TortureCase("rfc4475/unreason", .accepted, "3.1.1.12 UTF-8 reason phrase"),
        TortureCase("rfc4475/noreason", .accepted, "3.1.1.13 empty reason phrase"),
    ]

    static let syntacticallyInvalid: [TortureCase] = [
        TortureCase(
            "rfc4475/badinv01", .invalid(.malformedHeader(.via, reason: "what follows sent-by are no parameters")),
            "3.1.2.1 separators without parameters"),
        TortureCase(
            "rfc4475/clerr", .refused(.bodyShorterThanContentLength(bytes: 154, contentLength: 9999)),
            "3.1.2.2 Content-Length beyond the datagram"),
        TortureCase("rfc4475/ncl", .refused(.invalidContentLength("-999")), "3.1.2.3 negative Content-Length"),
        TortureCase(
            "rfc4475/scalar02", .invalid(.malformedHeader(.maxForwards, reason: "it is not 0 to 255")),
            "3.1.2.4 request numbers out of range"),
        TortureCase("rfc4475/scalarlg", .accepted, "3.1.2.5 response numbers out of range: cseq() throws"),
        TortureCase(
            "rfc4475/quotbal", .invalid(.malformedHeader(.to, reason: "a quote is not closed")),
            "3.1.2.6 unbalanced quote"),
        TortureCase(
            "rfc4475/ltgtruri", .refused(.malformedURI(reason: "its scheme is no name")),
            "3.1.2.7 Request-URI in angle brackets"),
        TortureCase("rfc4475/lwsruri", .refused(.malformedStartLine), "3.1.2.8 space inside the Request-URI"),
        TortureCase("rfc4475/lwsstart", .refused(.malformedStartLine), "3.1.2.9 two spaces in the Request-Line"),
        TortureCase("rfc4475/trws", .refused(.malformedStartLine), "3.1.2.10 spaces at the end of the Request-Line"),
        TortureCase(
            "rfc4475/escruri",
            .invalid(.malformedURI(reason: "a Request-URI must not hold headers (RFC 3261 section 19.1.1)")),
            "3.1.2.11 headers in the Request-URI"),
        TortureCase("rfc4475/baddate", .accepted, "3.1.2.12 a Date nobody reads"),
        TortureCase(
            "rfc4475/regbadct",
            .invalid(
                .malformedHeader(.contact, reason: "a URI with a question mark or comma needs angle brackets")),
            "3.1.2.13 Contact that needs angle brackets"),
        TortureCase(
            "rfc4475/badaspec",
            .invalid(
                .malformedHeader(.to, reason: "URI: its scheme is no name")),
            "3.1.2.14 spaces inside angle brackets"),
        TortureCase(
            "rfc4475/baddn", .refused(.headersNotTerminated),
            "3.1.2.15 unquoted comma in a display name (the archive's file also lacks its empty line)"),
        TortureCase("rfc4475/badvers", .refused(.unsupportedVersion("SIP/7.0")), "3.1.2.16 unknown version: 505"),
        TortureCase(
            "rfc4475/mismatch01", .invalid(.methodMismatch(request: .options, cseq: .invite)),
            "3.1.2.17 CSeq method differs"),
        TortureCase(
            "rfc4475/mismatch02",
            .invalid(.methodMismatch(request: SIPMethod(rawValue: "NEWMETHOD"), cseq: .invite)),
            "3.1.2.18 CSeq method differs, unknown method"),
        TortureCase(
            "rfc4475/bigcode", .refused(.invalidStatus("4294967301")), "3.1.2.19 status code that overflows 32 bits"),
        TortureCase("rfc4475/test", .refused(.malformedStartLine), "a Request-Line without version"),
    ]

    static let otherLayers: [TortureCase] = [
        TortureCase(
            "rfc4475/badbranch", .invalid(.malformedHeader(.via, reason: "its branch ends after the magic cookie")),
            "3.2.1 branch that is the magic cookie alone"),
        TortureCase("rfc4475/insuf", .invalid(.missingHeader(.to)), "3.3.1 mandatory headers missing"),
        TortureCase("rfc4475/unkscm", .accepted, "3.3.2 unknown scheme in the Request-URI: 416 above"),
        TortureCase("rfc4475/novelsc", .accepted, "3.3.3 known atypical scheme in the Request-URI: 416 above"),
        TortureCase("rfc4475/unksm2", .accepted, "3.3.4 unknown schemes in To, From, Contact"),
        TortureCase("rfc4475/bext01", .accepted, "3.3.5 unknown extensions required: 420 above"),
        TortureCase("rfc4475/invut", .accepted, "3.3.6 unknown content type: 415 above"),
        TortureCase("rfc4475/regaut01", .accepted, "3.3.7 unknown authorization scheme: challenged anew"),
        TortureCase("rfc4475/multi01", .invalid(.duplicateHeader(.from)), "3.3.8 single headers repeated"),
        TortureCase("rfc4475/mcl01", .refused(.conflictingContentLength), "3.3.9 two Content-Lengths"),
        TortureCase("rfc4475/bcast", .accepted, "3.3.10 response with a second Via: dropped above"),
        TortureCase("rfc4475/zeromf", .accepted, "3.3.11 Max-Forwards 0: answered by an endpoint"),
        TortureCase("rfc4475/cparam01", .accepted, "3.3.12 unknown parameter of the Contact"),
        TortureCase("rfc4475/cparam02", .accepted, "3.3.13 unknown parameter of the Contact URI"),
        TortureCase("rfc4475/regescrt", .accepted, "3.3.14 escaped header in a Contact URI"),
        TortureCase("rfc4475/sdp01", .accepted, "3.3.15 Accept without SDP: 406 above"),
        TortureCase("rfc4475/inv2543", .accepted, "3.4.1 INVITE of RFC 2543"),
    ]

    static let ipv6: [TortureCase] = [
        TortureCase("rfc5118/ipv6-good", .accepted, "4.1 IPv6 reference"),
        TortureCase(
            "rfc5118/ipv6-bad", .refused(.malformedURI(reason: "its port is not 0 to 65535")), "4.2 no brackets"),
        TortureCase("rfc5118/port-ambiguous", .accepted, "4.3 port inside the brackets is part of the address"),
        TortureCase("rfc5118/port-unambiguous", .accepted, "4.4 port after the brackets"),
        TortureCase("rfc5118/via-received-param-with-delim", .accepted, "4.5 received with brackets"),
        TortureCase("rfc5118/via-received-param-no-delim", .accepted, "4.5 received without brackets"),
        TortureCase("rfc5118/ipv6-in-sdp", .accepted, "4.6 IPv6 in the body"),
        TortureCase("rfc5118/mult-ip-in-header", .accepted, "4.7 both families in Via"),
        TortureCase("rfc5118/mult-ip-in-sdp", .accepted, "4.8 both families in the body"),
        TortureCase("rfc5118/ipv4-mapped-ipv6", .accepted, "4.9 IPv4-mapped addresses"),
        TortureCase("rfc5118/ipv6-bug-abnf-3-colons", .accepted, "4.10 three colons, read as two"),
        TortureCase("rfc5118/ipv6-correct-abnf-2-colons", .accepted, "4.10 two colons"),
    ]

    static let all = syntacticallyValid + syntacticallyInvalid + otherLayers + ipv6

    @Test(arguments: ["rfc4475", "rfc5118"]) func `every vector has its row`(folder: String) throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Vectors/\(folder)").path()
        let files = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".dat") }
        let rows = Self.all.map { $0.file + ".dat" }.filter { $0.hasPrefix(folder) }
        #expect(rows.sorted() == files.map { "\(folder)/\($0)" }.sorted())
    }

    @Test(arguments: all) func `a torture message has the outcome its RFC asks for`(message: TortureCase) throws {
        let bytes = try message.bytes
        switch message.outcome {
        case .refused(let error):
            #expect(throws: error) { try SIPParser.parse(bytes) }
        case .invalid(let error):
            let request = try #require(Self.request(try SIPParser.parse(bytes)))
            #expect(throws: error) { try request.validate() }
        case .accepted:
            let parsed = try SIPParser.parse(bytes)
            try Self.request(parsed)?.validate()
            let again = try SIPParser.parse(parsed.serialised())
            #expect(try SIPParser.parse(again.serialised()) == again)
            #expect(again.body == parsed.body)
        }
    }

    private static func request(_ message: SIPMessage) -> SIPRequest? {
        if case .request(let request) = message { request } else { nil }
    }

    private func parsed(_ file: String) throws -> SIPMessage {
        try SIPParser.parse(try TortureCase(file, .accepted, "").bytes)
    }

    @Test func `the short tortuous INVITE reads as if it were tidy`() throws {
        let message = try parsed("rfc4475/wsinv")
        #expect(try message.to().description == "<sip:vivekg@chair-dnrc.example.com>;tag=1918181833n")
        #expect(try message.from().displayName == #"J Rosenberg \""#)
        #expect(try message.from().tag == "98asjd8")
        #expect(try message.cseq() == CSeq(number: 9, method: .invite))
        #expect(try message.maxForwards() == 68)
        let vias = try message.vias()
        #expect(vias.map(\.host) == ["192.0.2.2", "spindle.example.com", "192.168.255.111"])
        #expect(vias.map(\.transport) == ["UDP", "TCP", "UDP"])
        #expect(vias.map(\.branch) == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"])
        #expect(vias.map(\.hasMagicCookie) == [false, true, true])
        guard case .list(let contacts) = try message.contacts() else {
            Issue.record("not a list")
            return
        }
        #expect(contacts.map(\.displayName) == [#"Quoted string """#])
        #expect(contacts.first?.parameters["q"] == "0.33")
        #expect(message.headers[SIPHeaderName("NewFangledHeader")] == "newfangled value continued newfangled value")
        #expect(message.body.count == 150)
    }

    @Test func `unusual characters survive`() throws {
        let message = try parsed("rfc4475/intmeth")
        let from = try message.from()
        #expect(from.displayName == "token1~` token2'+_ token3*%!.-")
        #expect(from.tag == "_token~1'+`*%!-.")
        #expect(from.parameters["fromParam''~+*_!.-%"] == "работающий")
        #expect(try message.to().displayName == "BEL:\u{07} NUL:\u{00} DEL:\u{7F}")
        guard case .request(let request) = message else {
            Issue.record("not a request")
            return
        }
        #expect(request.method.rawValue == "!interesting-Method0123456789_*+`.%indeed'~")
        #expect(request.uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")
        #expect(request.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*")
    }

    @Test func `escapes are undone in URIs and nowhere else`() throws {
        let message = try parsed("rfc4475/esc01")
        guard case .request(let request) = message, case .list(let contacts) = try message.contacts() else {
            Issue.record("not a request with a contact")
            return
        }
        #expect(request.uri.user == "sips:user@example.com")
        #expect(request.uri.host == "example.net")
        #expect(request.uri.description == "sip:sips%3Auser%40example.com@example.net")
        #expect(try message.to().uri.user == "user")
        #expect(try message.from().uri.description == "sip:I%20have%20spaces@example.net")
        #expect(contacts.first?.uri.user == "caller")
        #expect(contacts.first?.uri.parameters.contains("lr") == true)
        #expect(contacts.first?.uri.parameters["name"] == "value%41")
        let plain = try parsed("rfc4475/esc02")
        #expect(try plain.cseq().method.rawValue == "RE%47IST%45R")
        #expect(try plain.to().displayName == "%Z%45")
        #expect(plain.headers.all(.contact).count == 2)
    }

    @Test func `numbers out of range are refused or saturate`() throws {
        let register = try parsed("rfc4475/scalar02")
        #expect(register.expires() == 4_294_967_295)
        let error = SIPParseError.malformedHeader(.cseq, reason: "its number is not below 2^31")
        #expect(throws: error) { try register.cseq() }
        let response = try parsed("rfc4475/scalarlg")
        #expect(throws: error) { try response.cseq() }
    }

    @Test func `a parameter outside angle brackets belongs to the header`() throws {
        guard case .list(let outside) = try parsed("rfc4475/cparam01").contacts(),
            case .list(let inside) = try parsed("rfc4475/cparam02").contacts()
        else {
            Issue.record("no contact lists")
            return
        }
        #expect(outside.first?.parameters.contains("unknownparam") == true)
        #expect(inside.first?.parameters.contains("unknownparam") == false)
        #expect(inside.first?.uri.parameters.contains("unknownparam") == true)
    }

    @Test func `what cannot be validated can still be answered`() throws {
        for row in Self.all {
            guard case .refused(let error) = row.outcome else { continue }
            let response = SIPParser.rejection(of: try row.bytes, because: error)
            #expect((response != nil) == error.isAnswerable, "\(row.file)")
        }
        let bytes = try TortureCase("rfc4475/clerr", .accepted, "").bytes
        let error = SIPParseError.bodyShorterThanContentLength(bytes: 154, contentLength: 9999)
        let response = try #require(SIPParser.rejection(of: bytes, because: error))
        #expect(response.status == 400)
        #expect(try response.cseq() == CSeq(number: 8, method: .invite))
        #expect(try response.topVia().host == "host5.example.com")
    }
}
