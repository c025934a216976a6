import CallControl
import CloudMessages
import Media
import Primitives
import SIPMessage
import Testing

@Suite struct RankTests {
    let world = Switchboard()
    let ada: TestPhone
    let bob: TestPhone
    let desk: TestPhone

    init() {
        ada = world.phone("100", port: 40_000)
        bob = world.phone("101", port: 40_100)
        desk = world.phone("101", port: 40_200)
    }

    /// Two lines to the outside, the first one preferred.
    private func addLines() -> (TestPhone, TestPhone) {
        let first = world.phone("+49301", port: 5_070)
        let second = world.phone("+49301", port: 5_080)
        var targets = [world.target(first), world.target(second)]
        targets[0].line = LineID(1)
        targets[1].line = LineID(2)
        world.ranks["+49301"] = targets.map { [$0] }
        return (first, second)
    }

    @Test func `bindings are ranked by preference, and stand in order within a rank`() {
        let targets = [(500, bob), (1000, desk), (500, ada), (0, desk)].map { world.target($1, preference: $0) }
        #expect(CallTarget.ranked(targets).map { $0.map(\.preference) } == [[1000], [500, 500], [0]])
        #expect(CallTarget.ranked(targets)[1] == [targets[0], targets[2]])
        #expect(CallTarget.ranked([]).isEmpty)
    }

    @Test func `the next rank rings when the one before has refused, not sooner`() throws {
        world.ranks["101"] = [[world.target(bob)], [world.target(desk)]]
        let invite = ada.invite("101")
        #expect(!desk.has(.invite))
        try bob.refuse(486)
        let far = try desk.answer()
        _ = try ada.confirm(invite)
        try far.hangUp()
        world.expectNothingLeft()
    }

    @Test func `a rank that does not answer in time is cancelled for the next`() throws {
        world.ranks["101"] = [[world.target(bob)], [world.target(desk)]]
        let invite = ada.invite("101")
        let first = try bob.nextRequest(.invite)
        bob.respond(first, 180)
        world.advance(by: .seconds(19))
        #expect(!desk.has(.invite))
        world.advance(by: .seconds(2))
        try bob.takeCancel(first)
        let far = try desk.answer()
        _ = try ada.confirm(invite)
        try far.hangUp()
        world.expectNothingLeft()
    }

    @Test func `a decline ends the search among the user's telephones`() throws {
        world.ranks["101"] = [[world.target(bob)], [world.target(desk)]]
        _ = ada.invite("101")
        try bob.refuse(603)
        #expect(!desk.has(.invite))
        _ = try ada.nextResponse(603)
        world.expectNothingLeft()
    }

    @Test(arguments: [500, 502, 503, 599, 430])
    func `a line that fails makes room for the next`(status: Int) throws {
        let (first, second) = addLines()
        let invite = ada.invite("+49301")
        try first.refuse(status)
        let far = try second.answer()
        #expect(world.control.legCount(using: LineID(1)) == 0)
        #expect(world.control.legCount(using: LineID(2)) == 1)
        let near = try ada.confirm(invite)
        try near.hangUp()
        try far.takeBye()
        #expect(world.control.legCount(using: LineID(2)) == 0)
        world.expectNothingLeft()
    }

    @Test(arguments: [(404, 404), (486, 486), (484, 484), (403, 480), (603, 603), (407, 480)])
    func `what the called party decides is not asked of another line`(status: Int, passedOn: Int) throws {
        let (first, second) = addLines()
        _ = ada.invite("+49301")
        try first.refuse(status)
        #expect(!second.has(.invite))
        _ = try ada.nextResponse(passedOn)
        world.expectNothingLeft()
    }

    @Test func `a line without a sign of life is left after six seconds, one that rings is waited for`() throws {
        let (first, second) = addLines()
        let invite = ada.invite("+49301")
        world.advance(by: .seconds(7))
        let outgoing = try second.nextRequest(.invite)
        #expect(!first.inbox.isEmpty)
        second.respond(outgoing, 180)
        world.advance(by: .seconds(40))
        let far = try second.answer(outgoing)
        _ = try ada.confirm(invite)
        try far.hangUp()
        world.expectNothingLeft()
    }

    @Test func `a line whose connection fails makes room for the next`() throws {
        let (first, second) = addLines()
        let invite = ada.invite("+49301")
        world.closeFlow(first.flow)
        let far = try second.answer()
        _ = try ada.confirm(invite)
        try far.hangUp()
        world.expectNothingLeft()
    }

    @Test func `the record of a call to the outside, and of one from there`() throws {
        let (first, _) = addLines()
        let call = try ada.call(first)
        try call.near.hangUp()
        try call.far.takeBye()
        world.lines["+49301"] = LineID(1)
        let incoming = try first.call(bob, callID: "in")
        try incoming.near.hangUp()
        try incoming.far.takeBye()
        #expect(world.records.map(\.direction) == [.outgoing, .incoming])
        #expect(world.records.map(\.externalPhoneNumber) == ["+49301", "+49301"])
        #expect(world.records.map(\.userNumber) == ["100", "101"])
        #expect(world.records.map(\.connectedUserNumber) == ["", ""])
        world.expectNothingLeft()
    }

    @Test func `a line that rings is not left for another`() throws {
        let (first, second) = addLines()
        _ = ada.invite("+49301")
        first.respond(try first.nextRequest(.invite), 183)
        world.advance(by: .seconds(50))
        #expect(!second.has(.invite))
        world.advance(by: .seconds(20))
        #expect(first.has(.cancel))
        world.expectNothingLeft()
    }

    @Test func `when every line is out of order the caller hears 503`() throws {
        let (first, second) = addLines()
        _ = ada.invite("+49301")
        try first.refuse(503)
        try second.refuse(500)
        _ = try ada.nextResponse(503)
        world.expectNothingLeft()
    }

    @Test func `the route of a target stands in the INVITE, in its order`() throws {
        var target = world.target(bob)
        target.routes = [
            try NameAddress(parsing: "<sip:edge.example;lr>"), try NameAddress(parsing: "<sip:core.example;lr>"),
        ]
        world.ranks["101"] = [[target]]
        let call = try ada.call(bob)
        try call.near.hangUp()
        _ = ada.invite("101", callID: "again")
        let invite = try bob.nextRequest(.invite)
        #expect(try invite.routes() == target.routes)
        #expect(invite.uri == bob.contact)
        world.advance(by: .seconds(70))
        world.expectNothingLeft()
    }
}

@Suite struct ManyTelephonesTests {
    let world = Switchboard()
    let ada: TestPhone
    let bobs: [TestPhone]

    init() {
        let world = world
        ada = world.phone("100", port: 40_000)
        bobs = (1...3).map { world.phone("101", port: UInt16(40_000 + 100 * $0)) }
    }

    @Test func `of three telephones one answers, a second crosses its CANCEL and is hung up, the third stops`() throws {
        let invite = ada.invite("101")
        let invites = try bobs.map { try $0.nextRequest(.invite) }
        for (phone, invite) in zip(bobs, invites) { phone.respond(invite, 180) }
        let winner = try bobs[1].answer(invites[1])
        let late = try bobs[0].answer(invites[0])
        try late.takeBye()
        try bobs[2].takeCancel(invites[2])
        let near = try ada.confirm(invite)
        #expect(world.stream(.b)?.remote?.port == 40_201)
        try near.hangUp()
        try winner.takeBye()
        #expect(world.records.map(\.success) == [true])
        world.expectNothingLeft()
    }

    @Test func `the caller's CANCEL stops every telephone`() throws {
        let invite = ada.invite("101")
        let invites = try bobs.map { try $0.nextRequest(.invite) }
        for (phone, invite) in zip(bobs, invites) { phone.respond(invite, 180) }
        ada.cancel(invite)
        for (phone, invite) in zip(bobs, invites) { try phone.takeCancel(invite) }
        #expect(ada.inbox.map(\.summary) == ["180", "200", "487"])
        #expect(
            world.lamps("101").suffix(3) == ["terminated/cancelled", "terminated/cancelled", "terminated/cancelled"])
        world.expectNothingLeft()
    }

    @Test func `an early dialog that ended (199) rings nobody`() throws {
        _ = ada.invite("101")
        let invites = try bobs.map { try $0.nextRequest(.invite) }
        bobs[0].respond(invites[0], 199)
        #expect(ada.inbox.isEmpty)
        bobs[0].respond(invites[0], 486)
        bobs[2].respond(invites[2], 180)
        _ = try ada.nextResponse(180)
        bobs[1].respond(invites[1], 600)  // the same user's third telephone stops as well
        try bobs[2].takeCancel(invites[2])
        _ = try ada.nextResponse(600)
        world.expectNothingLeft()
    }

    @Test func `two answers of one telephone's proxy: the second is acknowledged and ended`() throws {
        let invite = ada.invite("101")
        let first = try bobs[0].nextRequest(.invite)
        let winner = try bobs[0].answer(first)
        bobs[0].respond(first, 200, tag: "other", body: sdp(["PCMU"], port: 45_000))
        _ = try bobs[0].nextRequest(.ack)
        let bye = try bobs[0].nextRequest(.bye)
        #expect(try bye.to().tag == "101-40100-other")
        bobs[0].respond(bye, 200)
        _ = try ada.confirm(invite)
        try winner.hangUp()
        world.expectNothingLeft()
    }
}
