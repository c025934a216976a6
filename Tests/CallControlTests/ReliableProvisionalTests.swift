import CloudMessages
import Media
import Primitives
import SDP
import SIPDialog
import SIPMessage
import Testing

/// RFC 3262, both roles.
@Suite struct ReliableProvisionalTests {
    private let desk = Desk()
    private let early = sdp(["PCMU"], port: 31_000)

    /// Ada's call has reached Bob, who sends 183 with a description; gives what Ada got.
    private func progress(
        _ supported: String? = "100rel", fields: [SIPHeaders.Field] = [], offer: [UInt8] = sdp(["PCMU"], port: 30_000)
    ) throws -> (invite: SIPRequest, incoming: SIPRequest, progress: SIPResponse, line: Line) {
        let invite = desk.ada.invite(offer, supported: supported, fields: fields)
        let incoming = try desk.bob.take(.invite)
        desk.bob.respond(incoming, 183, early)
        let progress = try desk.ada.response()
        #expect(progress.status == 183)
        return (invite, incoming, progress, Line(desk.ada, try Dialog(sent: invite, received: progress)))
    }

    @Test func `early media are told reliably, repeated until the PRACK, and hold the 200 back`() throws {
        let (invite, incoming, progress, line) = try progress()
        #expect(progress.required().contains("100rel"))
        #expect(try progress.rseq() != nil)
        #expect(!progress.body.isEmpty)
        desk.world.advance(by: .milliseconds(1_600))
        let repeated = desk.ada.responses()
        #expect(repeated.count == 2)
        #expect(repeated.allSatisfy { $0 == progress })
        let b = try desk.bob.answer(incoming, early)
        #expect(desk.ada.inbox.isEmpty, "the 200 waits for the PRACK")
        line.prack(progress)
        let answers = desk.ada.responses()
        #expect(answers.map(\.status) == [200, 200])
        #expect(try answers.map { try $0.cseq().method } == [.prack, .invite])
        #expect(answers[1].body.isEmpty, "the answer was given in the 183")
        desk.world.advance(by: .seconds(1))
        #expect(desk.ada.responses().map(\.status) == [200], "now the 200 is repeated")
        let a = try desk.ada.confirm(invite, answers[1])
        a.dialog.noteSent(cseq: line.dialog.localCSeq)
        desk.world.advance(by: .seconds(40))
        #expect(desk.ada.inbox.isEmpty)
        try desk.end(a, b)
    }

    @Test func `a PRACK for nothing of ours is answered 481, one that cannot be read 400`() throws {
        let (invite, incoming, progress, line) = try progress()
        desk.ada.send(line.make(.prack, fields: [.init(.rack, "1 1 INVITE")]))
        #expect(try desk.ada.response().status == 481)
        desk.ada.send(line.make(.prack, fields: [.init(.rack, "one 1 INVITE")]))
        #expect(try desk.ada.response().status == 400)
        desk.ada.send(line.make(.prack))
        #expect(try desk.ada.response().status == 400)
        line.prack(progress)
        #expect(try desk.ada.response().status == 200)
        line.prack(progress)
        #expect(try desk.ada.response().status == 481, "once is enough")
        let b = try desk.bob.answer(incoming, early)
        let a = try desk.ada.confirm(invite, try desk.ada.response())
        a.dialog.noteSent(cseq: line.dialog.localCSeq)
        try desk.end(a, b)
    }

    @Test func `nobody acknowledges: 504 to the caller, CANCEL to the callee`() throws {
        let (invite, incoming, _, _) = try progress()
        desk.world.advance(by: .seconds(33))
        let last = try #require(desk.ada.responses().last)
        #expect(last.status == 504)
        desk.ada.follow(invite, with: .ack, to: last)
        desk.bob.respond(try desk.bob.take(.cancel), 200)
        desk.bob.respond(incoming, 487)
        #expect(desk.world.count("calls.prack-missing") == 1)
        #expect(desk.world.records.map(\.success) == [false])
        desk.world.expectNothingLeft()
    }

    @Test(arguments: [(SIPHeaderName.require, true), (.supported, false)])
    func `a plain 180 is reliable only for a caller who requires that`(header: SIPHeaderName, isReliable: Bool) throws {
        let invite = desk.ada.invite(fields: [.init(header, "100rel")])
        let incoming = try desk.bob.take(.invite)
        desk.bob.respond(incoming, 180)
        let ringing = try desk.ada.response()
        #expect(ringing.status == 180)
        #expect(try (ringing.rseq() != nil) == isReliable)
        let early = Line(desk.ada, try Dialog(sent: invite, received: ringing))
        let b = try desk.bob.answer(incoming)
        // Without a description in the 180 the 200 need not wait.
        let response = try desk.ada.response()
        #expect(response.status == 200)
        #expect(!response.body.isEmpty)
        let a = try desk.ada.confirm(invite, response)
        if isReliable {
            early.prack(ringing)
            #expect(try desk.ada.response().status == 200, "a late PRACK is taken")
            a.dialog.noteSent(cseq: early.dialog.localCSeq)
        }
        try desk.end(a, b)
    }

    @Test func `an INVITE without offer that requires 100rel is offered in the 180 and answered in the PRACK`() throws {
        let invite = desk.ada.invite([], fields: [.init(.require, "100rel")])
        let incoming = try desk.bob.take(.invite)
        desk.bob.respond(incoming, 180)
        let ringing = try desk.ada.response()
        #expect(try SessionDescription.parse(ringing.body).media.first?.port == 20_000)
        let early = Line(desk.ada, try Dialog(sent: invite, received: ringing))
        let b = try desk.bob.answer(incoming)
        #expect(desk.ada.inbox.isEmpty, "the offer has no answer yet")
        early.prack(ringing, sdp(["PCMU"], port: 30_400))
        let answers = desk.ada.responses()
        #expect(answers.map(\.status) == [200, 200])
        #expect(answers[1].body.isEmpty)
        #expect(desk.world.stream(.a)?.remote == Endpoint("10.0.0.100:30400"))
        let a = try desk.ada.confirm(invite, answers[1])
        a.dialog.noteSent(cseq: early.dialog.localCSeq)
        try desk.end(a, b)
    }

    @Test(arguments: [[], sdp(["G729"], port: 30_000)])
    func `a PRACK without the answer it owes ends the call`(body: [UInt8]) throws {
        let (invite, incoming, progress, line) = try progress(offer: [])
        line.prack(progress, body)
        let answers = desk.ada.responses()
        #expect(answers.map(\.status) == [200, 488])
        desk.ada.follow(invite, with: .ack, to: answers[1])
        desk.bob.respond(try desk.bob.take(.cancel), 200)
        desk.bob.respond(incoming, 487)
        desk.world.expectNothingLeft()
    }

    @Test func `a PRACK with an offer is answered in its 200, one that cannot be met with 488`() throws {
        let (invite, incoming, progress, line) = try progress()
        line.prack(progress, sdp(["PCMU"], port: 30_800, version: 2))
        let answer = try desk.ada.response()
        #expect(answer.status == 200)
        #expect(!answer.body.isEmpty)
        #expect(desk.world.stream(.a)?.remote == Endpoint("10.0.0.100:30800"))
        let b = try desk.bob.answer(incoming, early)
        let a = try desk.ada.confirm(invite, try desk.ada.response())
        a.dialog.noteSent(cseq: line.dialog.localCSeq)
        try desk.end(a, b)
    }

    @Test(arguments: [SIPMethod.cancel, .bye])
    func `a caller who leaves while the 200 is held back gets 487, the callee BYE`(method: SIPMethod) throws {
        let (invite, incoming, _, line) = try progress()
        let b = try desk.bob.answer(incoming, early)
        if method == .cancel { desk.ada.follow(invite, with: .cancel) } else { desk.ada.send(line.make(.bye)) }
        let answers = desk.ada.responses()
        #expect(answers.map(\.status) == [200, 487])
        desk.ada.follow(invite, with: .ack, to: answers[1])
        try b.takeBye()
        desk.world.expectNothingLeft()
    }

    @Test func `a caller without 100rel gets the 183 once, and the same answer in the 200`() throws {
        let (invite, incoming, progress, _) = try progress(nil)
        #expect(!progress.headers.contains(.rseq))
        desk.world.advance(by: .seconds(3))
        #expect(desk.ada.inbox.isEmpty)
        let b = try desk.bob.answer(incoming, early)
        let response = try desk.ada.response()
        #expect(response.body == progress.body)
        try desk.end(try desk.ada.confirm(invite, response), b)
    }

    // MARK: As UAC

    @Test func `provisional responses of a callee are acknowledged in order, each once`() throws {
        let invite = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        #expect(incoming.supported().contains("100rel"))
        desk.bob.respondReliably(incoming, 183, early, rseq: 8)
        let prack = try desk.bob.take(.prack)
        #expect(try prack.rack() == RAck(rseq: 8, number: 1, method: .invite))
        #expect(prack.uri == desk.bob.contact)
        #expect(try prack.to().tag == "callee")
        desk.bob.respondReliably(incoming, 183, early, rseq: 8)
        #expect(!desk.bob.has(.prack), "a repetition is for the transaction to answer")
        desk.bob.respondReliably(incoming, 180, rseq: 10)
        #expect(!desk.bob.has(.prack), "one is missing before it")
        desk.bob.respond(prack, 200)
        desk.bob.respondReliably(incoming, 182, rseq: 9)
        desk.bob.respond(try desk.bob.take(.prack), 200)
        desk.bob.respondReliably(incoming, 180, rseq: 10)
        let last = try desk.bob.take(.prack)
        #expect(try last.cseq().number == 4)
        desk.bob.respond(last, 200)
        #expect(desk.ada.responses().map(\.status) == [183, 180])
        let b = try desk.bob.answer(incoming, [])
        #expect(desk.world.stream(.b)?.remote == Endpoint("10.0.0.100:31000"))
        try desk.end(try desk.ada.confirm(invite, try desk.ada.response()), b)
    }

    @Test func `a lost PRACK is repeated, and one that is refused changes nothing`() throws {
        let invite = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        var lost = 0
        desk.world.loses = { message, _ in
            guard case .request(let request) = message, request.method == .prack, lost < 2 else { return false }
            lost += 1
            return true
        }
        desk.bob.respondReliably(incoming, 180, rseq: 1)
        #expect(!desk.bob.has(.prack))
        desk.world.advance(by: .seconds(2))
        desk.bob.respond(try desk.bob.take(.prack), 481)
        let b = try desk.bob.answer(incoming)
        #expect(desk.ada.responses().map(\.status) == [180, 200].filter { $0 != 0 })
        let line = Line(desk.ada, try Dialog(sent: invite, received: repeated200(invite)))
        line.ack()
        try desk.end(line, b)
    }

    /// The 200 that is repeated as long as no ACK came.
    private func repeated200(_ invite: SIPRequest) throws -> SIPResponse {
        desk.world.advance(by: .seconds(1))
        return try #require(desk.ada.responses().last)
    }

    @Test func `of two telephones behind one address the one that answers counts, with what it said before`() throws {
        let invite = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        desk.bob.respondReliably(incoming, 183, early, rseq: 1, tag: "desk")
        desk.bob.respondReliably(incoming, 183, sdp(["PCMU"], port: 32_000), rseq: 7, tag: "cell")
        let pracks = [try desk.bob.take(.prack), try desk.bob.take(.prack)]
        #expect(try pracks.map { try $0.to().tag } == ["desk", "cell"])
        for prack in pracks { desk.bob.respond(prack, 200) }
        #expect(desk.world.stream(.b)?.remote == Endpoint("10.0.0.100:31000"), "the first is heard")
        let b = try desk.bob.answer(incoming, [], tag: "cell")
        #expect(desk.world.stream(.b)?.remote == Endpoint("10.0.0.100:32000"))
        // The other one answers as well: acknowledged, hung up, and that once.
        desk.bob.respond(incoming, 200, early, tag: "desk")
        desk.bob.respond(incoming, 200, early, tag: "desk")
        #expect(try [desk.bob.take(.ack), desk.bob.take(.ack)].allSatisfy { try $0.to().tag == "desk" })
        let bye = try desk.bob.take(.bye)
        #expect(try bye.to().tag == "desk")
        #expect(try bye.cseq().number > pracks[0].cseq().number)
        desk.bob.respond(bye, 200)
        #expect(!desk.bob.has(.bye))
        #expect(desk.ada.responses().map(\.status) == [183, 200])
        let line = Line(desk.ada, try Dialog(sent: invite, received: repeated200(invite)))
        line.ack()
        try desk.end(line, b)
    }
}
