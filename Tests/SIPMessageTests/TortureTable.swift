import Primitives
import SIPMessage
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One message of RFC 4475 or RFC 5118, and what becomes of it.
struct TortureCase: Sendable, CustomTestStringConvertible {
    enum Verdict: Sendable {
        /// Parses, validates, and reads as the RFC says.
        case accepted
        /// The same, although the message breaks a rule; the RFC lets who receives it be liberal.
        case tolerated
        /// Accepted by the parser; what it asks for is refused by the layers above, as `Vectors/answers.tsv` says.
        case refusedAbove
        /// Answered with that status, without state, because of that fault.
        case rejected(Int, SIPParseError)
        /// No answer is possible or allowed: a response, or no usable Via.
        case dropped(SIPParseError)
    }

    let file: String
    let verdict: Verdict
    /// The section of the RFC and why the verdict is what it is.
    let note: String
    /// What an accepted message must read as.
    var meaning: @Sendable (Reading) throws -> Bool

    init(
        _ file: String, _ verdict: Verdict, _ note: String,
        meaning: @escaping @Sendable (Reading) throws -> Bool = { _ in true }
    ) {
        self.file = file
        self.verdict = verdict
        self.note = note
        self.meaning = meaning
    }

    var testDescription: String { file }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Vectors")

    var bytes: [UInt8] {
        get throws { Array(try Data(contentsOf: Self.folder.appending(path: "\(file).dat"))) }
    }

    /// What the whole appliance answers, by message: the columns of `answers.tsv` after the first.
    static let answers: [String: [String]] = {
        guard let data = try? Data(contentsOf: folder.appending(path: "answers.tsv")) else { return [:] }
        let rows = String(decoding: data, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { $0.split(separator: "\t").map(String.init) }
        return Dictionary(rows.map { ($0[0], Array($0[1...])) }, uniquingKeysWith: { first, _ in first })
    }()

    /// A parsed message with short ways to what rows ask for.
    struct Reading {
        let message: SIPMessage
        var request: SIPRequest? { if case .request(let request) = message { request } else { nil } }
        var response: SIPResponse? { if case .response(let response) = message { response } else { nil } }
        var contacts: [NameAddress] {
            get throws { if case .list(let list) = try message.contacts() { list } else { [] } }
        }
    }
}

extension TortureCase {
    static let all = syntacticallyValid + syntacticallyInvalid + otherLayers + ipv6

    static let syntacticallyValid: [TortureCase] = [
        TortureCase("rfc4475/wsinv", .accepted, "3.1.1.1 white space and folding everywhere") {
            try $0.message.cseq() == CSeq(number: 9, method: .invite) && $0.message.vias().count == 3
        },
        TortureCase("rfc4475/intmeth", .accepted, "3.1.1.2 every character a token may hold") {
            try $0.message.from().parameters["fromParam''~+*_!.-%"] == "работающий"
        },
        TortureCase("rfc4475/esc01", .accepted, "3.1.1.3 escapes in URIs") {
            try $0.request?.uri.user == "sips:user@example.com" && $0.message.from().uri.user == "I have spaces"
        },
        TortureCase("rfc4475/escnull", .accepted, "3.1.1.4 escaped NUL in URIs") {
            try $0.contacts.map(\.uri.user) == ["\u{0}", "\u{0}\u{0}"]
        },
        TortureCase("rfc4475/esc02", .accepted, "3.1.1.5 percent where it is no escape") {
            try $0.message.cseq().method.rawValue == "RE%47IST%45R" && $0.contacts.count == 2
        },
        TortureCase("rfc4475/lwsdisp", .accepted, "3.1.1.6 no space between display name and bracket") {
            try $0.message.from().displayName == "caller" && $0.message.from().tag == "323"
        },
        TortureCase("rfc4475/longreq", .accepted, "3.1.1.7 long values") {
            try $0.message.vias().count == 34 && $0.message.topVia().host == "sip33.example.com"
        },
        TortureCase("rfc4475/dblreq", .accepted, "3.1.1.8 bytes after the body are dropped") {
            $0.request?.method == .register && $0.message.body.isEmpty
        },
        TortureCase("rfc4475/semiuri", .accepted, "3.1.1.9 semicolon in the user part") {
            $0.request?.uri.user == "user;par=u@example.net" && $0.message.tokens(.accept).count == 6
        },
        TortureCase("rfc4475/transports", .accepted, "3.1.1.10 unknown transports") {
            try $0.message.vias().map(\.transport) == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]
        },
        TortureCase("rfc4475/mpart01", .accepted, "3.1.1.11 multipart MESSAGE with a binary part") {
            let parts = try MultipartBody(of: $0.message).parts
            return try parts.map { try $0.contentType()?.essence } == ["text/plain", "application/octet-stream"]
                && parts[0].body == Array("Hello".utf8)
        },
        TortureCase("rfc4475/unreason", .accepted, "3.1.1.12 UTF-8 reason phrase") {
            $0.response?.reason.contains("девять") == true
        },
        TortureCase("rfc4475/noreason", .accepted, "3.1.1.13 empty reason phrase") {
            $0.response?.status == 100 && $0.response?.reason == ""
        },
    ]

    static let syntacticallyInvalid: [TortureCase] = [
        TortureCase(
            "rfc4475/badinv01",
            .rejected(400, .malformedHeader(.via, reason: "what follows sent-by are no parameters")),
            "3.1.2.1 separators without parameters"),
        TortureCase(
            "rfc4475/clerr", .rejected(400, .bodyShorterThanContentLength(bytes: 154, contentLength: 9999)),
            "3.1.2.2 Content-Length beyond the datagram"),
        TortureCase("rfc4475/ncl", .rejected(400, .invalidContentLength("-999")), "3.1.2.3 negative Content-Length"),
        TortureCase(
            "rfc4475/scalar02", .rejected(400, .malformedHeader(.maxForwards, reason: "it is not 0 to 255")),
            "3.1.2.4 request numbers out of range"),
        TortureCase(
            "rfc4475/scalarlg", .dropped(.malformedHeader(.cseq, reason: "its number is not below 2^31")),
            "3.1.2.5 a response with numbers out of range matches no transaction"),
        TortureCase(
            "rfc4475/quotbal", .rejected(400, .malformedHeader(.to, reason: "a quote is not closed")),
            "3.1.2.6 unbalanced quote"),
        TortureCase(
            "rfc4475/ltgtruri", .rejected(400, .malformedURI(reason: "its scheme is no name")),
            "3.1.2.7 Request-URI in angle brackets"),
        TortureCase("rfc4475/lwsruri", .rejected(400, .malformedStartLine), "3.1.2.8 space inside the Request-URI"),
        TortureCase("rfc4475/lwsstart", .rejected(400, .malformedStartLine), "3.1.2.9 two spaces in the Request-Line"),
        TortureCase("rfc4475/trws", .rejected(400, .malformedStartLine), "3.1.2.10 spaces after the SIP version"),
        TortureCase(
            "rfc4475/escruri",
            .rejected(400, .malformedURI(reason: "a Request-URI must not hold headers (RFC 3261 section 19.1.1)")),
            "3.1.2.11 headers in the Request-URI"),
        TortureCase("rfc4475/baddate", .tolerated, "3.1.2.12 a Date in another zone than GMT: nobody here reads Date") {
            $0.message.headers[.date] == "Fri, 01 Jan 2010 16:00:00 EST"
        },
        TortureCase(
            "rfc4475/regbadct",
            .rejected(
                400,
                .malformedHeader(.contact, reason: "a URI with a question mark or comma needs angle brackets")),
            "3.1.2.13 Contact that needs angle brackets"),
        TortureCase(
            "rfc4475/badaspec", .rejected(400, .malformedHeader(.to, reason: "URI: its scheme is no name")),
            "3.1.2.14 spaces inside angle brackets"),
        TortureCase(
            "rfc4475/baddn", .rejected(400, .headersNotTerminated),
            "3.1.2.15 unquoted comma in a display name; the archive's file also lacks its empty line"),
        TortureCase(
            "rfc4475/badvers", .rejected(505, .unsupportedVersion("SIP/7.0")), "3.1.2.16 unknown protocol version"),
        TortureCase(
            "rfc4475/mismatch01", .rejected(400, .methodMismatch(request: .options, cseq: .invite)),
            "3.1.2.17 CSeq method differs"),
        TortureCase(
            "rfc4475/mismatch02",
            .rejected(400, .methodMismatch(request: SIPMethod(rawValue: "NEWMETHOD"), cseq: .invite)),
            "3.1.2.18 CSeq method differs, unknown method"),
        TortureCase(
            "rfc4475/bigcode", .dropped(.invalidStatus("4294967301")),
            "3.1.2.19 a response whose status overflows 32 bits"),
        TortureCase(
            "rfc4475/test", .dropped(.malformedStartLine),
            "in the archive, not in the text: a Request-Line without version, and no Via to answer to"),
    ]

    static let otherLayers: [TortureCase] = [
        TortureCase(
            "rfc4475/badbranch",
            .rejected(400, .malformedHeader(.via, reason: "its branch ends after the magic cookie")),
            "3.2.1 branch that is the magic cookie alone"),
        TortureCase("rfc4475/insuf", .rejected(400, .missingHeader(.to)), "3.3.1 mandatory headers missing"),
        TortureCase("rfc4475/unkscm", .refusedAbove, "3.3.2 unknown scheme in the Request-URI") {
            $0.request?.uri.scheme == .other("nobodyknowsthisscheme") && $0.request?.uri.host == "totallyopaquecontent"
        },
        TortureCase("rfc4475/novelsc", .refusedAbove, "3.3.3 known atypical scheme in the Request-URI") {
            $0.request?.uri.scheme == .other("soap.beep") && $0.request?.uri.host == "//192.0.2.103:3002"
        },
        TortureCase("rfc4475/unksm2", .refusedAbove, "3.3.4 unknown schemes in To, From, Contact") {
            try $0.message.to().uri.scheme == .other("isbn") && $0.message.from().uri.scheme == .other("http")
                && $0.contacts.map(\.uri.description) == ["name:John_Smith"]
        },
        TortureCase("rfc4475/bext01", .refusedAbove, "3.3.5 unknown extensions required") {
            $0.message.required().list == ["nothingSupportsThis", "nothingSupportsThisEither"]
                && $0.message.proxyRequired().list.count == 2
        },
        TortureCase("rfc4475/invut", .refusedAbove, "3.3.6 unknown content type") {
            let body = $0.message
            #expect(throws: SIPParseError.unsupportedBody("application/unknownformat")) {
                try body.part("application/sdp")
            }
            return true
        },
        TortureCase("rfc4475/regaut01", .refusedAbove, "3.3.7 unknown authorization scheme") {
            $0.message.authorizations().map(\.scheme) == ["NoOneKnowsThisScheme"]
                && $0.message.authorizations().allSatisfy { !$0.isDigest }
        },
        TortureCase("rfc4475/multi01", .rejected(400, .duplicateHeader(.from)), "3.3.8 single headers repeated"),
        TortureCase("rfc4475/mcl01", .rejected(400, .conflictingContentLength), "3.3.9 two Content-Lengths"),
        TortureCase("rfc4475/bcast", .tolerated, "3.3.10 a response with two Vias: the transaction layer drops it") {
            try $0.message.vias().map(\.host) == ["192.0.2.198", "255.255.255.255"]
        },
        TortureCase("rfc4475/zeromf", .accepted, "3.3.11 Max-Forwards 0: answered by an endpoint") {
            try $0.message.maxForwards() == 0
        },
        TortureCase("rfc4475/cparam01", .accepted, "3.3.12 unknown parameter of the Contact") {
            try $0.contacts.allSatisfy { $0.parameters.contains("unknownparam") && $0.uri.parameters.list.isEmpty }
        },
        TortureCase("rfc4475/cparam02", .accepted, "3.3.13 unknown parameter of the Contact URI") {
            try $0.contacts.allSatisfy { $0.uri.parameters.contains("unknownparam") && $0.parameters.list.isEmpty }
        },
        TortureCase("rfc4475/regescrt", .accepted, "3.3.14 escaped header in a Contact URI") {
            try $0.contacts.first?.uri.headerFields() == [.init(.route, "<sip:sip.example.com>")]
        },
        TortureCase("rfc4475/sdp01", .refusedAbove, "3.3.15 Accept without SDP") {
            try $0.message.tokens(.accept) == ["text/nobodyKnowsThis"] && $0.message.part("application/sdp") != nil
        },
        TortureCase("rfc4475/inv2543", .accepted, "3.4.1 INVITE of RFC 2543") {
            try $0.message.from().tag == nil && !$0.message.topVia().hasMagicCookie && $0.message.maxForwards() == nil
        },
    ]

    static let ipv6: [TortureCase] = [
        TortureCase("rfc5118/ipv6-good", .accepted, "4.1 IPv6 reference") {
            try $0.request?.uri.host == "[2001:db8::10]" && $0.message.topVia().host == "[2001:db8::9:1]"
        },
        TortureCase(
            "rfc5118/ipv6-bad", .rejected(400, .malformedURI(reason: "its port is not 0 to 65535")),
            "4.2 an address without brackets"),
        TortureCase("rfc5118/port-ambiguous", .accepted, "4.3 a port inside the brackets is part of the address") {
            $0.request?.uri.host == "[2001:db8::10:5070]" && $0.request?.uri.port == nil
        },
        TortureCase("rfc5118/port-unambiguous", .accepted, "4.4 port after the brackets") {
            $0.request?.uri.host == "[2001:db8::10]" && $0.request?.uri.port == 5070
        },
        TortureCase(
            "rfc5118/via-received-param-with-delim", .tolerated, "4.5 received with brackets, not in the grammar"
        ) {
            try $0.message.topVia().parameters["received"] == "[2001:db8::9:255]"
        },
        TortureCase("rfc5118/via-received-param-no-delim", .accepted, "4.5 received without brackets") {
            try $0.message.topVia().parameters["received"] == "2001:db8::9:255"
        },
        TortureCase("rfc5118/ipv6-in-sdp", .accepted, "4.6 IPv6 in the body") {
            try $0.message.part("application/sdp").map { String(decoding: $0, as: UTF8.self) }?
                .contains("c=IN IP6 2001:db8::20") == true
        },
        TortureCase("rfc5118/mult-ip-in-header", .accepted, "4.7 both families in Via") {
            try $0.message.vias().map(\.host) == ["[2001:db8::9:1]", "192.0.2.1", "[2001:db8::9:255]"]
        },
        TortureCase("rfc5118/mult-ip-in-sdp", .accepted, "4.8 both families in the body") {
            try $0.message.part("application/sdp") != nil
        },
        TortureCase("rfc5118/ipv4-mapped-ipv6", .accepted, "4.9 IPv4-mapped addresses") {
            try $0.message.topVia().port == 19823 && $0.contacts.map(\.uri.host) == ["[::ffff:192.0.2.2]"]
        },
        TortureCase("rfc5118/ipv6-bug-abnf-3-colons", .tolerated, "4.10 three colons, read as two and never written") {
            $0.request?.uri.host == "[2001:db8::192.0.2.1]"
        },
        TortureCase("rfc5118/ipv6-correct-abnf-2-colons", .accepted, "4.10 two colons") {
            $0.request?.uri.host == "[2001:db8::192.0.2.1]"
        },
    ]
}
