import ApplianceCore
import CloudMessages
import Media
import Primitives
import SIPDialog
import SIPMessage
import Testing

/// Transfer, forwarding and pickup with registrar, dial plan and passwords around them.
@Suite struct TransferTests {
    private func target(_ number: String) -> SIPHeaders.Field { .init(.referTo, "<sip:\(number)@\(World.realm)>") }

    private func refer(_ side: Side, to number: String) throws -> SIPResponse {
        var request = side.dialog.makeRequest(.refer, contact: side.phone.contact)
        request.headers.append(.referTo, "<sip:\(number)@\(World.realm)>")
        side.phone.send(request)
        return try side.phone.nextResponse()
    }

    @Test func `a call is transferred to an extension of the plan`() throws {
        let pair = try Pair()
        let cleo = Phone(pair.world, "102", port: 40_300)
        try cleo.register()
        let (a, b) = try pair.talk()
        #expect(try refer(b, to: "102").status == 202)
        let incoming = try cleo.nextRequest(.invite)
        #expect(try incoming.from().uri.user == "100")
        #expect(try incoming.referredBy()?.uri.user == "101")
        let c = try cleo.answer(incoming, body: sdp(["PCMU"], port: 33_000))
        for _ in 0..<2 { pair.bob.respond(try pair.bob.nextRequest(.notify), 200) }
        try b.takeBye()
        #expect(pair.world.stream(.b)?.remote == Endpoint("10.0.0.100:33000"))
        #expect(try c.request(.bye).status == 200)
        try a.takeBye()
        pair.world.expectEverythingEnded()
    }

    @Test func `a transfer to the echo feature, to nobody, and to who is not registered, fails aloud`() throws {
        let pair = try Pair()
        let (a, b) = try pair.talk()
        for (number, line) in [("600", "SIP/2.0 501"), ("199", "SIP/2.0 404"), ("102", "SIP/2.0 480")] {
            #expect(try refer(b, to: number).status == 202)
            pair.bob.respond(try pair.bob.nextRequest(.notify), 200)
            let last = try pair.bob.nextRequest(.notify)
            #expect(String(decoding: last.body, as: UTF8.self).hasPrefix(line))
            pair.bob.respond(last, 200)
        }
        #expect(try b.request(.bye).status == 200)
        try a.takeBye()
        pair.world.expectEverythingEnded()
    }

    @Test func `a telephone that forwards its calls names an extension`() throws {
        let pair = try Pair()
        let cleo = Phone(pair.world, "102", port: 40_300)
        try cleo.register()
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let incoming = try pair.bob.nextRequest(.invite)
        var moved = SIPResponse(to: incoming, status: 302, toTag: "moved")
        moved.headers.append(.contact, "<sip:102@10.0.0.1:5060>")
        pair.bob.send(.response(moved))
        let c = try cleo.answer(cleo.nextRequest(.invite), body: sdp(["PCMU"], port: 33_000))
        _ = try pair.ada.confirm(invite, try pair.ada.nextResponse())
        #expect(pair.world.records.isEmpty)
        #expect(try c.request(.bye).status == 200)
        #expect(pair.world.records.map(\.connectedUserNumber) == ["102"])
        pair.world.expectEverythingEnded()
    }

    @Test func `telephones of one user ring by their preference`() throws {
        let world = World()
        let ada = Phone(world, "100", port: 40_000)
        let desk = Phone(world, "101", port: 40_100)
        let mobile = Phone(world, "101", port: 40_200)
        try ada.register()
        try desk.register(fields: [.init(.contact, "<\(desk.contact)>;q=0.9")])
        try mobile.register(fields: [.init(.contact, "<\(mobile.contact)>;q=0.4")])
        _ = try ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        #expect(!mobile.has(.invite))
        desk.respond(try desk.nextRequest(.invite), 486)
        #expect(mobile.has(.invite))
        mobile.respond(try mobile.nextRequest(.invite), 480)
        #expect(try ada.nextResponse().status == 486)
        world.expectEverythingEnded()
    }

    @Test func `a ringing call is picked up only with a password, and REFER outside a dialog needs one too`() throws {
        let pair = try Pair()
        let cleo = Phone(pair.world, "102", port: 40_300)
        try cleo.register()
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let incoming = try pair.bob.nextRequest(.invite)
        pair.bob.respond(incoming, 180)
        let tag = try #require(try incoming.from().tag)
        let replaces = Replaces(
            callID: try incoming.callID(), toTag: "t101-40100-in", fromTag: tag, earlyOnly: true)
        let taking = try cleo.invite(
            "101", body: sdp(["PCMU"], port: 33_000),
            fields: [.init(.replaces, replaces.description), .init(.require, "replaces")])
        let c = try cleo.confirm(taking, try cleo.nextResponse())
        pair.bob.respond(try pair.bob.nextRequest(.cancel), 200)
        pair.bob.respond(incoming, 487)
        #expect(try pair.ada.nextResponse().status == 180)
        let a = try pair.ada.confirm(invite, try pair.ada.nextResponse())
        let plain = cleo.request(.refer, to: "100", callID: "refer", fields: [target("101")])
        cleo.send(plain)
        let challenge = try cleo.nextResponse()
        #expect(challenge.status == 401)
        cleo.send(try cleo.authenticated(plain, by: challenge))
        #expect(try cleo.nextResponse().status == 403)
        #expect(try a.request(.bye).status == 200)
        try c.takeBye()
        #expect(pair.world.records.map(\.connectedUserNumber) == ["102"])
        pair.world.expectEverythingEnded()
    }
}
