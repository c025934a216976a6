import Primitives
import SIPMessage
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite struct TortureTests {
    @Test(arguments: ["rfc4475", "rfc5118"]) func `every vector has its row and every row its vector`(folder: String)
        throws
    {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Vectors/\(folder)").path()
        let files = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".dat") }
        let rows = TortureCase.all.map { $0.file + ".dat" }.filter { $0.hasPrefix(folder) }
        #expect(rows.count == (folder == "rfc4475" ? 50 : 12))
        #expect(rows.count == files.count)
        #expect(rows.sorted() == files.map { "\(folder)/\($0)" }.sorted())
    }

    @Test func `what the layers above answer is stated for every message that reaches them, and for no other`() {
        let reaching = TortureCase.all.filter {
            switch $0.verdict {
            case .accepted, .tolerated, .refusedAbove: true
            case .rejected, .dropped: false
            }
        }
        #expect(TortureCase.answers.keys.sorted() == reaching.map(\.file).sorted())
        for row in reaching {
            guard case .refusedAbove = row.verdict else { continue }
            #expect(TortureCase.answers[row.file]?.first.flatMap { Int($0) } ?? 0 >= 400, "\(row.file) is not refused")
        }
    }

    @Test(arguments: TortureCase.all) func `a torture message has its verdict`(row: TortureCase) throws {
        let bytes = try row.bytes
        let outcome = Self.outcome(of: bytes)
        print("torture \(row.file): \(outcome.text) [\(row.note)]")
        switch (row.verdict, outcome) {
        case (.accepted, .read(let message)), (.tolerated, .read(let message)), (.refusedAbove, .read(let message)):
            #expect(try row.meaning(TortureCase.Reading(message: message)))
            let again = try SIPParser.parse(message.serialised())
            #expect(try SIPParser.parse(again.serialised()) == again)
            #expect(again.body == message.body)
        case (.rejected(let status, let error), .faulty(let found, let answer)):
            #expect(found == error)
            #expect(answer?.status == status)
            if let answer { _ = try SIPParser.parse(answer.serialised(), framing: .stream) }
        case (.dropped(let error), .faulty(let found, let answer)):
            #expect(found == error)
            #expect(answer == nil)
        default: Issue.record("\(row.file) was \(outcome.text)")
        }
    }

    /// What the appliance makes of a datagram before any transaction sees it.
    private enum Outcome {
        case read(SIPMessage)
        /// The fault, and the answer that it gets.
        case faulty(SIPParseError, SIPResponse?)

        var text: String {
            switch self {
            case .read(.request(let request)): "accepted \(request.method)"
            case .read(.response(let response)): "accepted \(response.status)"
            case .faulty(let error, let answer?): "rejected with \(answer.status): \(error)"
            case .faulty(let error, nil): "dropped: \(error)"
            }
        }
    }

    private static func outcome(of bytes: [UInt8]) -> Outcome {
        let message: SIPMessage
        do {
            message = try SIPParser.parse(bytes)
        } catch {
            return .faulty(error, SIPParser.rejection(of: bytes, because: error))
        }
        do {
            switch message {
            case .request(let request):
                do {
                    try request.validate()
                } catch {
                    let answer = error.isAnswerable ? SIPResponse(to: request, status: error.responseStatus) : nil
                    return .faulty(error, answer)
                }
            case .response(let response):
                // What a response is matched by (RFC 3261 section 17.1.3).
                _ = try response.topVia()
                _ = try response.cseq()
            }
        } catch {
            return .faulty(error, nil)
        }
        return .read(message)
    }

    private static func parsed(_ file: String) throws -> SIPMessage {
        try SIPParser.parse(try TortureCase(file, .accepted, "").bytes)
    }

    @Test func `the short tortuous INVITE reads as if it were tidy`() throws {
        let message = try Self.parsed("rfc4475/wsinv")
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
        let message = try Self.parsed("rfc4475/intmeth")
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
        let message = try Self.parsed("rfc4475/esc01")
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
        let plain = try Self.parsed("rfc4475/esc02")
        #expect(try plain.cseq().method.rawValue == "RE%47IST%45R")
        #expect(try plain.to().displayName == "%Z%45")
        #expect(plain.headers.all(.contact).count == 2)
    }

    @Test func `numbers out of range are refused or saturate`() throws {
        let register = try Self.parsed("rfc4475/scalar02")
        #expect(register.expires() == 4_294_967_295)
        let error = SIPParseError.malformedHeader(.cseq, reason: "its number is not below 2^31")
        #expect(throws: error) { try register.cseq() }
        let response = try Self.parsed("rfc4475/scalarlg")
        #expect(throws: error) { try response.cseq() }
    }

    @Test func `a parameter outside angle brackets belongs to the header`() throws {
        guard case .list(let outside) = try Self.parsed("rfc4475/cparam01").contacts(),
            case .list(let inside) = try Self.parsed("rfc4475/cparam02").contacts()
        else {
            Issue.record("no contact lists")
            return
        }
        #expect(outside.first?.parameters.contains("unknownparam") == true)
        #expect(inside.first?.parameters.contains("unknownparam") == false)
        #expect(inside.first?.uri.parameters.contains("unknownparam") == true)
    }

    @Test func `the display name with a comma is refused in the RFC's own text too`() throws {
        let bytes = try TortureCase("rfc4475/baddn", .accepted, "").bytes + [0x0D, 0x0A]
        let reason = "a display name with a comma or quote must be quoted"
        guard case .faulty(let error, let answer) = Self.outcome(of: bytes) else {
            Issue.record("accepted")
            return
        }
        #expect(error == .malformedHeader(.to, reason: reason))
        #expect(answer?.status == 400)
    }

    @Test func `a rejection copies what the RFC names`() throws {
        let bytes = try TortureCase("rfc4475/clerr", .accepted, "").bytes
        let error = SIPParseError.bodyShorterThanContentLength(bytes: 154, contentLength: 9999)
        let response = try #require(SIPParser.rejection(of: bytes, because: error))
        #expect(response.status == 400)
        #expect(try response.cseq() == CSeq(number: 8, method: .invite))
        #expect(try response.topVia().host == "host5.example.com")
    }
}
