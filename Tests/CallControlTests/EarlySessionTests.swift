import Media
import Primitives
import SIPDialog
import SIPMessage
import Testing

/// What is heard and changed before anybody answers: early media, UPDATE (RFC 3311).
@Suite struct EarlySessionTests {
    private let desk = Desk()
    private let early = sdp(["PCMU"], port: 31_000)

    @Test func `a callee's early media are bridged, and a 180 that follows leaves them alone`() throws {
        let invite = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        desk.bob.respond(incoming, 183, early)
        #expect(desk.world.stream(.a)?.remote == Endpoint("10.0.0.100:30000"))
        #expect(desk.world.stream(.b)?.remote == Endpoint("10.0.0.100:31000"))
        let configured = desk.world.media.count
        desk.bob.respond(incoming, 180)
        desk.bob.respond(incoming, 183, early)
        #expect(desk.ada.responses().map(\.status) == [183, 180])
        #expect(desk.world.media.count == configured)
        let b = try desk.bob.answer(incoming, early)
        #expect(desk.world.media.count == configured, "nothing has changed")
        try desk.end(try desk.ada.confirm(invite, try desk.ada.response()), b)
    }

    @Test(arguments: [
        (180, true, [183, 180]), (183, true, [183]), (180, false, [180]), (181, false, [180]), (182, false, [180]),
        (183, false, [180]), (199, false, []),
    ])
    func `what a callee says before it answers`(status: Int, isHeard: Bool, passedOn: [Int]) throws {
        let invite = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        desk.bob.respond(
            incoming, status, isHeard ? early : [],
            fields: [.init(.alertInfo, "<http://example.com/ring>"), .init(.reason, "SIP;cause=300")])
        #expect(desk.ada.responses().map(\.status) == passedOn)
        #expect((desk.world.stream(.b) != nil) == isHeard)
        let b = try desk.bob.answer(incoming, early)
        try desk.end(try desk.ada.confirm(invite, try desk.ada.response()), b)
    }

    @Test func `the first of two callees that lets itself be heard is heard, until the other one answers`() throws {
        let cleo = Peer(desk.world, "102", port: 40_200)
        desk.world.callees = [desk.bob, cleo]
        let invite = desk.ada.invite()
        let (toBob, toCleo) = (try desk.bob.take(.invite), try cleo.take(.invite))
        desk.bob.respond(toBob, 183, early)
        cleo.respond(toCleo, 183, sdp(["PCMU"], port: 32_000))
        #expect(desk.world.stream(.b)?.remote == Endpoint("10.0.0.100:31000"))
        #expect(desk.ada.responses().map(\.status) == [183])
        let b = try cleo.answer(toCleo, sdp(["PCMU"], port: 32_000))
        #expect(desk.world.stream(.b)?.remote == Endpoint("10.0.0.100:32000"))
        let cancel = try desk.bob.take(.cancel)
        #expect(cancel.reasons() == [.sip(200, text: "Call completed elsewhere")])
        desk.bob.respond(cancel, 200)
        desk.bob.respond(toBob, 487)
        try desk.end(try desk.ada.confirm(invite, try desk.ada.response()), b)
    }

    @Test func `early media that cannot be understood are not heard, the answer counts`() throws {
        let invite = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        desk.bob.respond(incoming, 183, sdp(["G729"], port: 31_000))
        #expect(desk.world.stream(.b) == nil)
        #expect(desk.ada.responses().map(\.status) == [180])
        let b = try desk.bob.answer(incoming, early)
        try desk.end(try desk.ada.confirm(invite, try desk.ada.response()), b)
    }

    @Test func `a reliable answer that cannot be met ends that callee with 488`() throws {
        let invite = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        desk.bob.respondReliably(incoming, 183, sdp(["G729"], port: 31_000), rseq: 1)
        desk.bob.respond(try desk.bob.take(.prack), 200)
        let cancel = try desk.bob.take(.cancel)
        #expect(cancel.reasons() == [.sip(488)])
        desk.bob.respond(cancel, 200)
        desk.bob.respond(incoming, 487)
        let refusal = try desk.ada.response()
        #expect(refusal.status == 488)
        desk.ada.follow(invite, with: .ack, to: refusal)
        desk.world.expectNothingLeft()
    }

    @Test func `a 200 that says otherwise than its 183 is followed, unless that was acknowledged`() throws {
        for isReliable in [false, true] {
            let desk = Desk()
            let invite = desk.ada.invite()
            let incoming = try desk.bob.take(.invite)
            if isReliable {
                desk.bob.respondReliably(incoming, 183, early, rseq: 1)
                desk.bob.respond(try desk.bob.take(.prack), 200)
            } else {
                desk.bob.respond(incoming, 183, early)
            }
            let b = try desk.bob.answer(incoming, sdp(["PCMU"], port: 31_600))
            #expect(desk.world.stream(.b)?.remote?.port == (isReliable ? 31_000 : 31_600))
            try desk.end(try desk.ada.confirm(invite, try #require(desk.ada.responses().last)), b)
        }
    }

    // MARK: UPDATE before the answer

    @Test func `a caller changes its session by UPDATE once the 183 was acknowledged`() throws {
        let invite = desk.ada.invite(supported: "100rel")
        let incoming = try desk.bob.take(.invite)
        desk.bob.respond(incoming, 183, early)
        let progress = try desk.ada.response()
        let line = Line(desk.ada, try Dialog(sent: invite, received: progress))
        line.prack(progress)
        #expect(try desk.ada.response().status == 200)
        let updated = try line.request(.update, sdp(["PCMU"], port: 30_200, version: 2))
        #expect(updated.status == 200)
        #expect(!updated.body.isEmpty)
        #expect(desk.world.stream(.a)?.remote?.port == 30_200)
        #expect(try line.request(.update, sdp(["G729"], port: 30_200, version: 3)).status == 488)
        #expect(try line.request(.update, Array("x".utf8), type: "text/plain").status == 415)
        #expect(try line.request(.update).status == 200, "without description it changes nothing")
        let b = try desk.bob.answer(incoming, early)
        let a = try desk.ada.confirm(invite, try desk.ada.response())
        a.dialog.noteSent(cseq: line.dialog.localCSeq)
        try desk.end(a, b)
    }

    @Test func `an UPDATE before the first offer has its answer is refused: 500 to who offered, 491 to the other`()
        throws
    {
        let invite = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        desk.bob.respond(incoming, 180)
        let line = Line(desk.ada, try Dialog(sent: invite, received: try desk.ada.response()))
        let refused = try line.request(.update, sdp(["PCMU"], port: 30_200, version: 2))
        #expect(refused.status == 500)
        #expect((0...10).contains(Int(refused.headers[.retryAfter] ?? "") ?? -1))
        #expect(try line.request(.invite, sdp(["PCMU"], port: 30_200, version: 2)).status == 500)
        let callee = Line(desk.bob, try Dialog(received: incoming, localTag: "callee", secure: false))
        #expect(try callee.request(.update, sdp(["PCMU"], port: 31_200)).status == 491)
        desk.world.expectAfterRefusedInvite(desk, invite, incoming)
    }

    @Test func `a callee changes its session by UPDATE once its 183 was acknowledged, before that it is told to wait`()
        throws
    {
        let invite = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        desk.bob.respond(incoming, 183, early)
        let callee = Line(desk.bob, try Dialog(received: incoming, localTag: "callee", secure: false))
        #expect(try callee.request(.update, sdp(["PCMU"], port: 31_200)).status == 491)
        desk.bob.respondReliably(incoming, 183, early, rseq: 4)
        desk.bob.respond(try desk.bob.take(.prack), 200)
        #expect(try callee.request(.update, sdp(["PCMU"], port: 31_400)).status == 200)
        #expect(desk.world.stream(.b)?.remote?.port == 31_400)
        desk.bob.respond(incoming, 200)
        _ = try desk.bob.take(.ack)
        #expect(desk.world.stream(.b)?.remote?.port == 31_400)
        let a = try desk.ada.confirm(invite, try #require(desk.ada.responses().last))
        try desk.end(a, callee)
    }
}

extension CallWorld {
    /// The caller gives up, the callee stops ringing, and nothing is left.
    func expectAfterRefusedInvite(_ desk: Desk, _ invite: SIPRequest, _ incoming: SIPRequest) {
        desk.ada.follow(invite, with: .cancel)
        desk.bob.respond(incoming, 487)
        expectNothingLeft()
    }
}
