import CallControl
import Media
import Primitives
import SIPDialog
import SIPMessage
import Testing

/// Several telephones behind one address, each with a dialog of its own: only the one in use speaks for the call.
@Suite struct SurplusForkTests {
    let desk = Desk()
    var ada: Peer { desk.ada }
    var bob: Peer { desk.bob }

    /// The side of the telephone with that tag.
    private func fork(_ invite: SIPRequest, _ tag: String) throws -> Line {
        Line(bob, try Dialog(received: invite, localTag: tag, secure: false))
    }

    /// A call that the telephone `x` has answered, while `y` rings on.
    private func talk() throws -> (a: Line, x: Line, y: Line, invite: SIPRequest) {
        let invite = ada.invite()
        let outgoing = try bob.take(.invite)
        bob.respond(outgoing, 180, tag: "x")
        bob.respond(outgoing, 180, tag: "y")
        let x = try bob.answer(outgoing, tag: "x")
        let response = try #require(ada.responses().last { $0.status == 200 })
        return (try ada.confirm(invite, response), x, try fork(outgoing, "y"), outgoing)
    }

    private static let requests: [(method: SIPMethod, fields: [SIPHeaders.Field], status: Int)] = [
        (.bye, [], 200), (.invite, [], 481), (.refer, [.init(.referTo, "<sip:102@pbx.example>")], 481),
        (.options, [], 481), (.info, [], 481), (.subscribe, [.init(.event, "refer")], 481),
    ]

    @Test(arguments: requests)
    func `a fork that lost can neither end nor change nor transfer the call`(
        method: SIPMethod, fields: [SIPHeaders.Field], status: Int
    ) throws {
        let (a, x, y, _) = try talk()
        let streams = [desk.world.stream(.a), desk.world.stream(.b)]
        let body = method == .invite ? sdp(["PCMU"], port: 32_000) : []
        #expect(try y.request(method, body, fields: fields).status == status)
        #expect(!ada.has(.bye) && !bob.has(.bye) && !ada.has(.invite) && !bob.has(.notify))
        #expect([desk.world.stream(.a), desk.world.stream(.b)] == streams)
        #expect(try x.request(.options).status == 200)
        try desk.end(a, x)
    }

    @Test func `the BYE of a fork that answered too late crosses ours, and the call goes on`() throws {
        let (a, x, y, invite) = try talk()
        bob.respond(invite, 200, sdp(["PCMU"], port: 32_000), tag: "y")
        _ = try bob.take(.ack)
        let ours = try bob.take(.bye)
        #expect(try ours.to().tag == "y")
        try y.bye()
        bob.respond(ours, 481)
        #expect(!ada.has(.bye) && !bob.has(.bye))
        #expect(try x.request(.options).status == 200)
        try desk.end(a, x)
    }

    @Test func `forks are forgotten when none can answer any more`() throws {
        let (a, x, y, _) = try talk()
        desk.world.advance(by: .seconds(31))
        #expect(try y.request(.update).status == 200)
        desk.world.advance(by: .seconds(2))
        #expect(try y.request(.bye).status == 481)
        try desk.end(a, x)
    }

    @Test(arguments: ["x", "y"]) func `a BYE while others ring ends that fork alone`(leaver: String) throws {
        let invite = ada.invite()
        let outgoing = try bob.take(.invite)
        bob.respond(outgoing, 183, sdp(["PCMU"], port: 31_000), tag: "x")  // its media count
        bob.respond(outgoing, 180, tag: "y")
        try fork(outgoing, leaver).bye()
        #expect(!bob.has(.cancel))
        let stayer = leaver == "x" ? "y" : "x"
        let b = try bob.answer(outgoing, sdp(["PCMU"], port: 32_000), tag: stayer)
        #expect(desk.world.stream(.b)?.remote?.port == 32_000)
        let response = try #require(ada.responses().last { $0.status == 200 })
        try desk.end(ada.confirm(invite, response), b)
    }

    @Test(arguments: [180, 183]) func `the BYE of the only one that rings refuses the call`(status: Int) throws {
        let invite = ada.invite()
        let outgoing = try bob.take(.invite)
        bob.respond(outgoing, status, status == 183 ? sdp(["PCMU"], port: 31_000) : [])
        try fork(outgoing, "callee").bye()
        bob.respond(try bob.take(.cancel), 200)
        bob.respond(outgoing, 487)
        let refusal = try #require(ada.responses().last)
        #expect(refusal.status == 480)
        ada.follow(invite, with: .ack, to: refusal)
        desk.world.expectNothingLeft()
    }
}
