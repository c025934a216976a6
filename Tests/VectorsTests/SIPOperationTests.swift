import Primitives
import Testing
import Vectors

struct SIPOperationTests {
    private func parse(_ file: String) throws -> Answer {
        ask("sip_parse", ["message": .text(Hex.encode(try vectorFile("SIPMessageTests/Vectors/\(file).dat")))])
    }

    @Test(arguments: [
        "wsinv", "intmeth", "esc01", "escnull", "esc02", "lwsdisp", "longreq", "dblreq", "semiuri", "transports",
        "mpart01", "unreason", "noreason", "unkscm", "regaut01", "bcast", "zeromf", "cparam01", "inv2543",
    ])
    func `a valid message of RFC 4475 parses`(file: String) throws {
        let answer = try parse("rfc4475/\(file)")
        #expect(answer.isOK, "\(answer.line)")
        #expect(answer["start"]?.text?.isEmpty == false && answer["headers"]?.list?.isEmpty == false)
    }

    @Test(arguments: [
        "badinv01", "clerr", "ncl", "scalar02", "scalarlg", "quotbal", "ltgtruri", "lwsruri", "lwsstart", "trws",
        "escruri", "regbadct", "badaspec", "baddn", "badvers", "mismatch01", "mismatch02", "bigcode", "badbranch",
        "insuf", "multi01", "mcl01",
    ])
    func `an invalid message of RFC 4475 is refused`(file: String) throws {
        #expect(try parse("rfc4475/\(file)").isRefused)
    }

    @Test func `folding is undone and compact names are spelt out`() throws {
        let answer = try parse("rfc4475/wsinv")
        #expect(answer["start"] == .text("INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0"))
        let headers = try #require(answer["headers"]?.list).compactMap(\.list)
        #expect(headers.contains([.text("Max-Forwards"), .text("0068")]))
        #expect(headers.contains([.text("Call-ID"), .text("wsinv.ndaksdj@192.0.2.1")]))
        #expect(headers.allSatisfy { $0.count == 2 && $0[1].text?.contains("\r") == false })
        let body = String(decoding: try #require(answer.bytes("body")), as: UTF8.self)
        #expect(body.hasPrefix("v=0\r\no=mhandley"))
    }

    @Test func `an empty reason keeps its place in the start line`() throws {
        #expect(try parse("rfc4475/noreason")["start"] == .text("SIP/2.0 100 "))
    }

    private static let rfc7616: [String: JSONValue] = [
        "username": .text("Mufasa"), "realm": .text("http-auth@example.org"), "password": .text("Circle of Life"),
        "nonce": .text("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"), "nc": .text("00000001"),
        "cnonce": .text("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"), "qop": .text("auth"),
        "method": .text("GET"), "uri": .text("/dir/index.html"),
    ]

    @Test(arguments: [
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
    ])
    func `sip_digest computes the examples of RFC 7616 section 3_9_1`(algorithm: String, response: String) {
        var fields = Self.rfc7616
        fields["algorithm"] = .text(algorithm)
        #expect(ask("sip_digest", fields)["response"] == .text(response))
        fields["nc"] = .integer(1)
        #expect(ask("sip_digest", fields)["response"] == .text(response))
    }

    @Test(arguments: [JSONValue.null, .text("")])
    func `without qop the response is that of RFC 2069`(qop: JSONValue) {
        let answer = ask(
            "sip_digest",
            [
                "username": .text("Mufasa"), "realm": .text("testrealm@host.com"), "password": .text("CircleOfLife"),
                "nonce": .text("dcd98b7102dd2f0e8b11d0f600bfb0c093"), "qop": qop, "method": .text("GET"),
                "uri": .text("/dir/index.html"),
            ])
        // RFC 2069 section 2.4, as its errata 749 corrects it.
        #expect(answer["response"] == .text("1949323746fe6a43ef61f9606e7febea"))
    }

    @Test func `what the product cannot compute is unsupported, what lacks a part is refused`() {
        var fields = Self.rfc7616
        fields["algorithm"] = .text("SHA-1")
        #expect(ask("sip_digest", fields).isUnsupported)
        fields["algorithm"] = .text("MD5")
        fields["qop"] = .text("auth-int")
        #expect(ask("sip_digest", fields).isUnsupported)
        fields["qop"] = .text("auth")
        fields["cnonce"] = .null
        #expect(ask("sip_digest", fields).isRefused)
        fields["username"] = nil
        #expect(ask("sip_digest", fields).isMalformed)
    }
}
