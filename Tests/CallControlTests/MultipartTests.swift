import CallControl
import Media
import Primitives
import SIPDialog
import SIPMessage
import Testing

/// Session descriptions that come with something else (RFC 5621), in everything that may carry one.
@Suite struct MultipartTests {
    private let desk = Desk()

    /// A part that nobody here understands, as a gateway sends it (RFC 3204).
    private static func isup(_ handling: String?) -> MultipartBody.Part {
        MultipartBody.Part(
            type: "application/ISUP;version=itu-t92+",
            disposition: "signal" + (handling.map { ";handling=\($0)" } ?? ""),
            body: [1, 0x49, 0, 0, 3])
    }

    private func mixed(
        _ description: [UInt8], _ others: [MultipartBody.Part] = [isup("optional")], subtype: String = "mixed"
    ) -> (body: [UInt8], type: String) {
        let part = MultipartBody.Part(type: "application/sdp", body: description)
        let (type, body) = MultipartBody(subtype, parts: others + [part]).serialised(boundary: "unique")
        return (body, type.description)
    }

    private func field(_ type: String) -> [SIPHeaders.Field] { [.init(.contentType, type)] }

    @Test(arguments: ["mixed", "alternative", "related"])
    func `a call whose descriptions are parts of multipart bodies is set up`(subtype: String) throws {
        let offer = mixed(sdp(["PCMU"], port: 30_000), subtype: subtype)
        let answer = mixed(sdp(["PCMU"], port: 31_000), subtype: subtype)
        let invite = desk.ada.invite(offer.body, fields: field(offer.type))
        let b = try desk.bob.answer(desk.bob.take(.invite), answer.body, fields: field(answer.type))
        let a = try desk.ada.confirm(invite, try desk.ada.response())
        #expect(desk.world.stream(.a)?.remote == Endpoint("10.0.0.100:30000"))
        #expect(desk.world.stream(.b)?.remote == Endpoint("10.0.0.100:31000"))
        try desk.end(a, b)
    }

    @Test func `a callee is offered what the part holds, so that nothing is transcoded`() throws {
        let offer = mixed(sdp(["PCMA"], port: 30_000))
        let invite = desk.ada.invite(offer.body, fields: field(offer.type))
        let incoming = try desk.bob.take(.invite)
        #expect(String(decoding: incoming.body, as: UTF8.self).contains("RTP/AVP 8 "))
        let b = try desk.bob.answer(incoming, sdp(["PCMA"], port: 31_000))
        try desk.end(try desk.ada.confirm(invite, try desk.ada.response()), b)
    }

    @Test func `the answer may be a part of the ACK`() throws {
        let invite = desk.ada.invite([])
        let b = try desk.bob.answer(desk.bob.take(.invite))
        let a = Line(desk.ada, try Dialog(sent: invite, received: try desk.ada.response()))
        let answer = mixed(sdp(["PCMU"], port: 30_002), [Self.isup(nil)])
        a.ack(answer.body, type: answer.type)
        #expect(desk.world.stream(.a)?.remote == Endpoint("10.0.0.100:30002"), "an ACK cannot be refused")
        try desk.end(a, b)
    }

    @Test func `the answer may be a part of the PRACK; one with what must be understood acknowledges nothing`() throws {
        let invite = desk.ada.invite([], supported: "100rel")
        let incoming = try desk.bob.take(.invite)
        desk.bob.respond(incoming, 183, sdp(["PCMU"], port: 31_000))
        let progress = try desk.ada.response()
        let line = Line(desk.ada, try Dialog(sent: invite, received: progress))
        let refused = mixed(sdp(["PCMU"], port: 30_004), [Self.isup("required")])
        line.prack(progress, refused.body, type: refused.type)
        #expect(try desk.ada.response().status == 415)
        #expect(desk.world.stream(.a) == nil)
        let answer = mixed(sdp(["PCMU"], port: 30_004))
        line.prack(progress, answer.body, type: answer.type)
        #expect(try desk.ada.response().status == 200)
        #expect(desk.world.stream(.a)?.remote == Endpoint("10.0.0.100:30004"))
        let b = try desk.bob.answer(incoming)
        let a = try desk.ada.confirm(invite, try desk.ada.response())
        a.dialog.noteSent(cseq: line.dialog.localCSeq)
        try desk.end(a, b)
    }

    @Test(arguments: [SIPMethod.invite, .update]) func `a session is changed by a part`(method: SIPMethod) throws {
        let (a, b) = try desk.talk()
        let offer = mixed(sdp(["PCMU"], port: 30_006, version: 2))
        let response = try a.request(method, offer.body, type: offer.type)
        #expect(response.status == 200)
        #expect(response.headers[.contentType] == "application/sdp")
        #expect(desk.world.stream(.a)?.remote == Endpoint("10.0.0.100:30006"))
        let refused = mixed(sdp(["PCMU"], port: 30_008, version: 3), [Self.isup("required")])
        #expect(try a.request(method, refused.body, type: refused.type).status == 415)
        #expect(desk.world.stream(.a)?.remote == Endpoint("10.0.0.100:30006"))
        try desk.end(a, b)
    }

    @Test func `a callee's early description and its 200 may hold parts that must be understood`() throws {
        let invite = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        let answer = mixed(sdp(["PCMU"], port: 31_004), [Self.isup("required")])
        desk.bob.respond(incoming, 183, answer.body, fields: field(answer.type))
        #expect(try desk.ada.response().status == 183)
        let b = try desk.bob.answer(incoming, answer.body, fields: field(answer.type))
        #expect(desk.world.stream(.b)?.remote == Endpoint("10.0.0.100:31004"), "a response cannot be refused")
        try desk.end(try desk.ada.confirm(invite, try desk.ada.response()), b)
    }

    // MARK: Refused

    private static let offer = sdp(["PCMU"], port: 30_000)
    private static func body(_ parts: [MultipartBody.Part], _ subtype: String = "mixed") -> (String, [UInt8]) {
        let (type, bytes) = MultipartBody(subtype, parts: parts).serialised(boundary: "unique")
        return (type.description, bytes)
    }
    private static let description = MultipartBody.Part(type: "application/sdp", body: offer)
    /// Content-Type, body and status.
    private static let refused: [(String, [UInt8], Int)] = {
        let isupAlone = body([isup("required")])
        let notSaid = body([isup(nil), description])
        let required = body([description, isup("required")])
        let early = body([MultipartBody.Part(type: "application/sdp", disposition: "early-session", body: offer)])
        let many = body(Array(repeating: description, count: Limits().sipBodyParts + 1))
        return [
            (isupAlone.0, isupAlone.1, 415), (notSaid.0, notSaid.1, 415), (required.0, required.1, 415),
            (early.0, early.1, 415), ("text/plain", offer, 415), ("multipart/mixed", offer, 400),
            ("multipart/mixed;boundary=x", offer, 400), (many.0, many.1, 413),
        ]
    }()

    @Test(arguments: refused)
    func `an INVITE with what must be understood and is not is refused`(type: String, body: [UInt8], status: Int)
        throws
    {
        let invite = desk.ada.invite(body, fields: field(type))
        let refusal = try desk.ada.response()
        #expect(refusal.status == status)
        #expect(refusal.headers[.accept] == (status == 415 ? "application/sdp, multipart/mixed" : nil))
        #expect(!desk.bob.has(.invite))
        desk.ada.follow(invite, with: .ack, to: refusal)
        desk.world.expectNothingLeft()
    }

    @Test func `a compressed description is refused with the encodings that are understood`() throws {
        let invite = desk.ada.invite(fields: [.init(.contentEncoding, "gzip")])
        let refusal = try desk.ada.response()
        #expect(refusal.status == 415)
        #expect(refusal.headers[.acceptEncoding] == "identity")
        desk.ada.follow(invite, with: .ack, to: refusal)
        desk.world.expectNothingLeft()
    }

    @Test func `what is optional alone is no offer: the callee's telephone is offered ours`() throws {
        let (type, body) = Self.body([Self.isup("optional")])
        let invite = desk.ada.invite(body, fields: field(type))
        let b = try desk.bob.answer(desk.bob.take(.invite))
        let response = try desk.ada.response()
        #expect(!response.body.isEmpty)
        try desk.end(try desk.ada.confirm(invite, response, body: Self.offer), b)
    }

    // MARK: Accept

    @Test(arguments: [
        ("application/sdp;level=1, text/html", true), ("*/*", true), ("application/*", true), ("text/html", false),
        ("", false),
    ])
    func `who would not take a session description is refused with 406`(accept: String, isTaken: Bool) throws {
        let invite = desk.ada.invite(fields: [.init(.accept, accept)])
        guard isTaken else {
            let refusal = try desk.ada.response()
            #expect(refusal.status == 406)
            desk.ada.follow(invite, with: .ack, to: refusal)
            desk.world.expectNothingLeft()
            return
        }
        let b = try desk.bob.answer(desk.bob.take(.invite))
        let a = try desk.ada.confirm(invite, try desk.ada.response())
        let wish = [SIPHeaders.Field(.accept, "text/html")]
        #expect(try a.request(.invite, sdp(["PCMU"], port: 30_000), fields: wish).status == 406)
        #expect(try a.request(.update, fields: wish).status == 200, "there is nothing to describe")
        try desk.end(a, b)
    }
}
