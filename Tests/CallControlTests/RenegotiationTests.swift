import CallControl
import Media
import Primitives
import SDP
import SIPDialog
import SIPMessage
import Testing

/// Re-INVITE, UPDATE, delayed offers and glare in a running call (RFC 3261 section 14, RFC 3311).
@Suite struct RenegotiationTests {
    private let desk = Desk(timers: .recommended)
    private let timed: [SIPHeaders.Field] = [.init(.sessionExpires, "1800;refresher=uac"), .init(.require, "timer")]

    @Test(arguments: [SIPMethod.invite, .update])
    func `hold and resume in both styles change one side alone`(method: SIPMethod) throws {
        let (a, b) = try desk.talk()
        let steps: [(host: String, direction: String, sends: Bool)] = [
            ("10.0.0.100", "sendonly", false), ("10.0.0.100", "sendrecv", true), ("0.0.0.0", "sendrecv", false),
            ("10.0.0.100", "sendrecv", true), ("10.0.0.100", "inactive", false), ("10.0.0.100", "sendrecv", true),
        ]
        for (index, step) in steps.enumerated() {
            let body = sdp(["PCMU"], port: 30_000, host: step.host, direction: step.direction, version: index + 2)
            #expect(try a.request(method, body).status == 200)
            #expect(desk.world.stream(.a)?.sends == step.sends)
        }
        #expect(desk.bob.inbox.isEmpty)
        try desk.end(a, b)
    }

    @Test func `a re-INVITE without offer is offered in the 200 and answered in the ACK`() throws {
        let (a, b) = try desk.talk()
        desk.ada.send(a.make(.invite))
        let response = try desk.ada.response()
        #expect(try SessionDescription.parse(response.body).media.count == 1)
        // Until the ACK has come the offer is open: no other is taken.
        #expect(try a.request(.update, sdp(["PCMU"], port: 30_100, version: 2)).status == 491)
        let ack = a.dialog.makeAck(
            cseq: try response.cseq().number, contentType: "application/sdp", body: sdp(["PCMU"], port: 30_300))
        desk.ada.send(ack)
        desk.ada.send(ack)
        #expect(desk.world.stream(.a)?.remote?.port == 30_300)
        try desk.end(a, b)
    }

    @Test(arguments: [[], sdp(["G729"], port: 30_000)])
    func `an ACK without the answer it owes ends the call with a reason`(body: [UInt8]) throws {
        let invite = desk.ada.invite([])
        let b = try desk.bob.answer(desk.bob.take(.invite))
        let a = try desk.ada.confirm(invite, try desk.ada.response(), body: body)
        #expect(try a.takeBye().reasons().first?.cause == 488)
        #expect(try b.takeBye().reasons().first?.cause == 488)
        desk.world.expectNothingLeft()
    }

    @Test func `a re-INVITE whose ACK is lost does not bar the next one`() throws {
        let (a, b) = try desk.talk()
        desk.ada.send(a.make(.invite, sdp(["PCMU"], port: 30_100, version: 2)))
        #expect(try desk.ada.response().status == 200)
        #expect(try a.request(.invite, sdp(["PCMU"], port: 30_200, version: 3)).status == 200)
        desk.world.advance(by: .seconds(40))
        #expect(desk.world.control.activeCount == 1)
        #expect(desk.world.stream(.a)?.remote?.port == 30_200)
        try desk.end(a, b)
    }

    @Test func `a telephone that moves its Contact is found there`() throws {
        let (a, b) = try desk.talk()
        let elsewhere = Peer(desk.world, "100", port: 41_000)
        var moved = a.make(.update)
        moved.headers.set(.contact, NameAddress(uri: elsewhere.contact).description)
        desk.ada.send(moved)
        #expect(try desk.ada.response().status == 200)
        try b.bye()
        let bye = try elsewhere.take(.bye)
        #expect(bye.uri == elsewhere.contact)
        elsewhere.respond(bye, 200)
        desk.world.expectNothingLeft()
    }

    // MARK: Ours

    /// A running call whose callee has been sent a re-INVITE of ours.
    private func reinvited() throws -> (a: Line, b: Line, ours: SIPRequest) {
        desk.bob.allow = "INVITE, ACK, BYE, CANCEL"
        let (a, b) = try desk.talk(answering: timed)
        desk.world.advance(by: .milliseconds(900_100))
        let ours = try desk.bob.take(.invite)
        return (a, b, ours)
    }

    @Test func `two re-INVITEs that cross: theirs gets 491, ours is tried again after 2,1 to 4 s`() throws {
        let (a, b, ours) = try reinvited()
        let theirs = try b.request(.invite, sdp(["PCMU"], port: 31_100, version: 2))
        #expect(theirs.status == 491)
        desk.bob.respond(ours, 491)
        _ = try desk.bob.take(.ack)
        let began = desk.world.now
        for _ in 0..<450 where !desk.bob.has(.invite) { desk.world.advance(by: .milliseconds(10)) }
        let waited = desk.world.now - began
        #expect(waited >= .milliseconds(2_100) && waited <= .milliseconds(4_010))
        let again = try desk.bob.take(.invite)
        #expect(try again.cseq().number > ours.cseq().number)
        // In between the other side had its turn.
        desk.bob.respond(again, 200, sdp(["PCMU"], port: 31_200, version: 3), fields: timed)
        _ = try desk.bob.take(.ack)
        #expect(desk.world.stream(.b)?.remote?.port == 31_200)
        try desk.end(a, b)
    }

    @Test func `an answer to our re-INVITE moves the media, one without description ends the call`() throws {
        let (a, b, ours) = try reinvited()
        desk.bob.respond(ours, 180)
        desk.bob.respond(ours, 200, sdp(["PCMU"], port: 31_300, version: 2), fields: timed)
        #expect(try desk.bob.take(.ack).cseq().number == ours.cseq().number)
        #expect(desk.world.stream(.b)?.remote?.port == 31_300)
        desk.world.advance(by: .milliseconds(900_100))
        desk.bob.respond(try desk.bob.take(.invite), 200, fields: timed)
        _ = try desk.bob.take(.ack)
        #expect(try b.takeBye().reasons().first?.cause == 488)
        #expect(try a.takeBye().reasons().first?.cause == 488)
        desk.world.expectNothingLeft()
    }

    @Test(arguments: [400, 403, 415, 488, 603])
    func `a refused re-INVITE leaves the session as it was`(status: Int) throws {
        let (a, b, ours) = try reinvited()
        let before = desk.world.stream(.b)
        desk.bob.respond(ours, status)
        _ = try desk.bob.take(.ack)
        #expect(desk.world.stream(.b) == before)
        #expect(desk.world.control.activeCount == 1)
        #expect(
            try b.request(.invite, sdp(["PCMU"], port: 31_500, version: 2)).status == 200, "nothing is open any more")
        try desk.end(a, b)
    }

    @Test func `a 500 with Retry-After is obeyed`() throws {
        let (a, b, ours) = try reinvited()
        desk.bob.respond(ours, 500, fields: [.init(.retryAfter, "5 (busy);duration=3")])
        _ = try desk.bob.take(.ack)
        desk.world.advance(by: .milliseconds(4_900))
        #expect(!desk.bob.has(.invite))
        desk.world.advance(by: .milliseconds(200))
        desk.bob.respond(try desk.bob.take(.invite), 200, sdp(["PCMU"], port: 31_000), fields: timed)
        _ = try desk.bob.take(.ack)
        try desk.end(a, b)
    }

    @Test(arguments: [481, 408, nil])
    func `a re-INVITE that finds nobody ends the call`(status: Int?) throws {
        let (a, _, ours) = try reinvited()
        if let status { desk.bob.respond(ours, status) } else { desk.world.advance(by: .seconds(33)) }
        #expect(try desk.bob.take(.bye).reasons().first?.cause == status ?? 408)
        try a.takeBye()
        desk.world.expectNothingLeft()
    }

    @Test func `hanging up does not wait for a re-INVITE of ours, whose late answer is acknowledged`() throws {
        let (a, b, ours) = try reinvited()
        try a.bye()
        let bye = try desk.bob.take(.bye)
        desk.bob.respond(ours, 200, sdp(["PCMU"], port: 31_000), fields: timed)
        #expect(try desk.bob.take(.ack).cseq().number == ours.cseq().number)
        desk.bob.respond(bye, 200)
        #expect(b.dialog.id.callID == bye.headers[.callID])
        desk.world.expectNothingLeft()
    }
}
