import Primitives
import SIPMessage
import Testing

@Suite struct BodyTests {
    private static let sdp = MultipartBody.Part(type: "application/sdp", body: Array("v=0\r\n".utf8))

    private func request(_ body: MultipartBody) throws -> SIPRequest {
        var parsed = try SIPMessageTests.request(message())
        let (type, bytes) = body.serialised(boundary: "frontier")
        parsed.headers.set(.contentType, type.description)
        parsed.body = bytes
        return try SIPMessageTests.request(parsed.serialised())
    }

    private func request(_ type: String, extra: String = "", _ body: String) throws -> SIPRequest {
        try SIPMessageTests.request(message(extra: "Content-Type: \(type)\r\n\(extra)", body: body))
    }

    @Test func `a multipart body reads what was written`() throws {
        let body = MultipartBody(
            parts: [
                Self.sdp, .init(type: "text/plain;charset=utf-8", disposition: "render;handling=optional", body: []),
                .init(headers: SIPHeaders(), body: Array("\r\n--frontier\r\n\u{0}--".utf8)),
            ])
        let parsed = try request(body)
        #expect(try parsed.contentType()?.parameters["boundary"] == "frontier1")
        #expect(try MultipartBody(of: parsed) == body)
    }

    @Test func `preamble, epilogue, padding and a quoted boundary are as RFC 2046 has them`() throws {
        let parsed = try request(
            "Multipart/Mixed ; boundary=\"a b\"",
            "preamble\r\n--a bc\r\n--a b \t\r\nContent-Type: text/plain\r\n\r\none\r\n--a b\r\n\r\ntwo\r\n\r\n--a b--\r\nepilogue\r\n--a b\r\n"
        )
        let body = try MultipartBody(of: parsed)
        #expect(body.subtype == "mixed")
        #expect(body.parts.map { String(decoding: $0.body, as: UTF8.self) } == ["one", "two\r\n"])
        #expect(try body.parts.map { try $0.contentType()?.essence } == ["text/plain", nil])
    }

    @Test(arguments: [
        ("text/plain", "--b\r\n\r\n\r\n--b--"), ("multipart/mixed", "--b\r\n\r\n\r\n--b--"),
        ("multipart/mixed;boundary=b", "no boundary"), ("multipart/mixed;boundary=b", "--b\r\n\r\nnever ends"),
        ("multipart/mixed;boundary=b", "--b\r\nno colon\r\n\r\nx\r\n--b--"),
        ("multipart/mixed;boundary=b", "--b\r\nX: y\r\n--b--"), ("multipart/mixed;boundary=\"\"", "----"),
        ("multipart", ""), ("multipart/mixed;;", ""),
    ])
    func `a malformed multipart body is refused`(type: String, body: String) throws {
        let parsed = try request(type, body)
        #expect(throws: SIPParseError.self) { try MultipartBody(of: parsed) }
    }

    @Test func `fields alone are a part, and so is nothing at all`() throws {
        let parsed = try request("multipart/mixed;boundary=b", "--b\r\nX: y\r\n\r\n--b\r\n\r\n--b--")
        let parts = try MultipartBody(of: parsed).parts
        #expect(parts.map(\.body) == [[], []])
        #expect(parts.map(\.headers.fields.count) == [1, 0])
    }

    @Test func `the limit on parts is reached and refused, also across nested bodies`() throws {
        var limits = Limits()
        limits.sipBodyParts = 3
        let three = MultipartBody(parts: [Self.sdp, Self.sdp, Self.sdp])
        #expect(try MultipartBody(of: request(three), limits: limits).parts.count == 3)
        let error = SIPParseError.tooManyParts(limit: 3)
        let four = try request(MultipartBody(parts: three.parts + [Self.sdp]))
        #expect(throws: error) { try MultipartBody(of: four, limits: limits) }
        #expect(error.responseStatus == 413)
        let (type, bytes) = MultipartBody(parts: [Self.sdp, Self.sdp]).serialised(boundary: "inner")
        let inner = MultipartBody.Part(type: type.description, body: bytes)
        let nested = try request(MultipartBody(parts: [inner, Self.sdp]))
        #expect(throws: error) { try nested.part("application/sdp", limits: limits) }
        limits.sipBodyParts = 4
        #expect(try nested.part("application/sdp", limits: limits) == Self.sdp.body)
    }

    @Test func `bodies nested too deeply are refused`() throws {
        var part = Self.sdp
        for depth in 1...5 {
            let (type, bytes) = MultipartBody(parts: [part]).serialised(boundary: "b\(depth)")
            part = MultipartBody.Part(type: type.description, body: bytes)
            let outer = try request(part.headers[.contentType] ?? "", String(decoding: bytes, as: UTF8.self))
            if depth <= 3 {
                #expect(try outer.part("application/sdp") == Self.sdp.body)
            } else {
                #expect(throws: SIPParseError.tooManyParts(limit: 16)) { try outer.part("application/sdp") }
            }
        }
    }

    @Test func `a session description is found alone, in mixed and in alternative bodies`() throws {
        let optional = MultipartBody.Part(type: "application/isup", disposition: "signal;handling=optional", body: [1])
        let other = MultipartBody.Part(type: "application/sdp", body: Array("v=1\r\n".utf8))
        let unknown = MultipartBody.Part(type: "application/future", body: [2])
        #expect(try SIPMessageTests.request(message()).part("application/sdp") == nil)
        #expect(try request("Application/SDP;x=y", "v=0\r\n").part("application/sdp") == Self.sdp.body)
        #expect(try request(MultipartBody(parts: [optional, Self.sdp])).part("application/sdp") == Self.sdp.body)
        let alternative = MultipartBody("alternative", parts: [other, Self.sdp, unknown])
        #expect(try request(alternative).part("application/sdp") == Self.sdp.body)
        #expect(try request(MultipartBody("future", parts: [Self.sdp, optional])).part("application/sdp") != nil)
    }

    @Test func `what must be understood and is not is refused with 415`() throws {
        let isup = MultipartBody.Part(type: "application/isup", disposition: "signal;handling=required", body: [1])
        let early = MultipartBody.Part(
            type: "application/sdp", disposition: "early-session;handling=optional", body: Array("v=1\r\n".utf8))
        let error = SIPParseError.unsupportedBody("application/isup")
        #expect(error.responseStatus == 415)
        let mixed = try request(MultipartBody(parts: [Self.sdp, isup]))
        #expect(throws: error) { try mixed.part("application/sdp") }
        let alternative = try request(MultipartBody("alternative", parts: [isup]))
        #expect(throws: SIPParseError.unsupportedBody("multipart/alternative")) {
            try alternative.part("application/sdp")
        }
        #expect(try request(MultipartBody(parts: [early, Self.sdp])).part("application/sdp") == Self.sdp.body)
        #expect(try request(MultipartBody(parts: [early])).part("application/sdp") == nil)
        let zipped = try request("application/sdp", extra: "e: gzip\r\n", "xyz")
        #expect(throws: SIPParseError.unsupportedBody("application/sdp")) { try zipped.part("application/sdp") }
        #expect(try request("application/sdp", extra: "e: Identity\r\n", "xyz").part("application/sdp") != nil)
        let untyped = try SIPMessageTests.request(message(body: "xyz"))
        #expect(throws: SIPParseError.unsupportedBody("of no type")) { try untyped.part("application/sdp") }
    }

    @Test(arguments: [1, 2] as [UInt64]) func `mutated multipart bodies never trap`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let body = MultipartBody("alternative", parts: [Self.sdp, .init(type: "text/plain", body: [10, 13, 45, 45])])
        let (type, bytes) = body.serialised(boundary: "b")
        let alphabet = Array("-b\r\n: ;x".utf8)
        for _ in 0..<2_000 {
            var mutated = bytes
            for _ in 0..<4 {
                let index = Int.random(in: 0..<mutated.count, using: &generator)
                switch generator.next() % 3 {
                case 0: mutated[index] = alphabet[Int(generator.next() % 8)]
                case 1: mutated.remove(at: index)
                default: mutated.insert(alphabet[Int(generator.next() % 8)], at: index)
                }
            }
            let part = MultipartBody.Part(type: type.description, body: mutated)
            _ = try? MultipartBody(of: part)
            _ = try? part.part("application/sdp")
        }
    }
}
