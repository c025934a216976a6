import ApplianceCore
import CloudMessages
import Media
import Primitives
import SIPMessage
import Testing

@Suite struct ForkTests {
    @Test func `all telephones of a user ring, the first to answer wins, the others are cancelled`() throws {
        let pair = try Pair()
        let desk = Phone(pair.world, "101", port: 40_200)
        try desk.register()
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let first = try pair.bob.nextRequest(.invite)
        let second = try desk.nextRequest(.invite)
        #expect(first.headers[.callID] != second.headers[.callID])
        pair.bob.respond(first, 180)
        desk.respond(second, 180)
        #expect(try pair.ada.nextResponse().status == 180)
        #expect(pair.ada.inbox.isEmpty, "one 180 is enough")
        let b = try desk.answer(second, body: sdp(["PCMU"], port: 32_000))
        pair.bob.respond(try pair.bob.nextRequest(.cancel), 200)
        pair.bob.respond(first, 487)
        let a = try pair.ada.confirm(invite, try pair.ada.nextResponse())
        #expect(pair.world.stream(.b)?.remote == Endpoint("10.0.0.100:32000"))
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        pair.world.expectEverythingEnded()
    }

    @Test func `two answers at the same time: the later one is acknowledged and hung up`() throws {
        let pair = try Pair()
        let desk = Phone(pair.world, "101", port: 40_200)
        try desk.register()
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let first = try pair.bob.nextRequest(.invite)
        let second = try desk.nextRequest(.invite)
        pair.bob.respond(first, 180)
        _ = try desk.answer(second, body: sdp(["PCMU"], port: 32_000))
        let late = try pair.bob.answer(first, body: sdp(["PCMU"], port: 31_000))
        try late.takeBye()
        #expect(try pair.ada.nextResponse().status == 180)
        let a = try pair.ada.confirm(invite, try pair.ada.nextResponse())
        #expect(pair.world.telephony.callCount == 1)
        #expect(try a.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }

    @Test func `a group rings all members but the caller, and the record names the group`() throws {
        let pair = try Pair()
        let cleo = Phone(pair.world, "102", port: 40_300)
        try cleo.register()
        let invite = try pair.ada.invite("610", body: sdp(["PCMU"], port: 30_000))
        #expect(!pair.ada.has(.invite))
        let toBob = try pair.bob.nextRequest(.invite)
        pair.bob.respond(toBob, 603)  // one member declines, the others go on ringing
        let b = try cleo.answer(cleo.nextRequest(.invite), body: sdp(["PCMU"], port: 33_000))
        let a = try pair.ada.confirm(invite, try pair.ada.nextResponse())
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        let record = try #require(pair.world.records.first)
        #expect([record.groupNumber, record.groupName] == ["610", "Sales"])
        #expect(record.connectedUserName == "Cleo")
        pair.world.expectEverythingEnded()
    }

    @Test func `when everybody refuses the caller hears the best refusal`() throws {
        let pair = try Pair()
        let cleo = Phone(pair.world, "102", port: 40_300)
        try cleo.register()
        let invite = try pair.ada.invite("610", body: sdp(["PCMU"], port: 30_000))
        pair.bob.respond(try pair.bob.nextRequest(.invite), 486)
        #expect(pair.ada.inbox.isEmpty)
        cleo.respond(try cleo.nextRequest(.invite), 480)
        let refusal = try pair.ada.nextResponse()
        #expect(refusal.status == 486)
        pair.ada.ack(refusal: refusal, of: invite)
        pair.world.expectEverythingEnded()
    }

    @Test func `a decline on one telephone silences the same user's others`() throws {
        let pair = try Pair()
        let desk = Phone(pair.world, "101", port: 40_200)
        try desk.register()
        _ = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let second = try desk.nextRequest(.invite)
        desk.respond(second, 180)
        pair.bob.respond(try pair.bob.nextRequest(.invite), 603)
        desk.respond(try desk.nextRequest(.cancel), 200)
        desk.respond(second, 487)
        #expect(try pair.ada.nextResponse().status == 180)
        #expect(try pair.ada.nextResponse().status == 603)
        pair.world.expectEverythingEnded()
    }
}
