import CallControl
import Media
import Primitives
import SIPDialog
import SIPMessage
import Testing

@Suite struct ReplacesTests: AmongThree {
    let trio = Trio()

    private func invite(_ phone: TestPhone, replacing value: String, callID: String = "r") -> SIPRequest {
        phone.invite("101", callID: callID, fields: [.init(.replaces, value), .init(.require, "replaces")])
    }

    @Test func `a call is picked up from the telephone that rings`() throws {
        let waiting = ada.invite("101")
        let incoming = try bob.nextRequest(.invite)
        bob.respond(incoming, 180)
        // What the dialog event package says of the watched telephone: its tag is the local one.
        let lamp = try #require(world.control.dialogs(of: "101").first)
        #expect(lamp.state == .early && lamp.direction == .recipient)
        let replaces = Replaces(
            callID: lamp.callID, toTag: try #require(lamp.localTag), fromTag: lamp.remoteTag, earlyOnly: true)
        let pickup = invite(cleo, replacing: replaces.description)
        let far = try cleo.confirm(pickup)
        try bob.takeCancel(incoming)
        let near = try ada.confirm(waiting)
        #expect(world.stream(.b)?.remote?.port == 40_201)
        #expect(world.lamps("101").last == "terminated/replaced")
        #expect(world.control.dialogs(of: "102").map(\.remote.number) == ["100"])
        try near.hangUp()
        try far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a running call moves to another telephone of the same user`() throws {
        let call = try ada.call(bob)
        let other = world.phone("101", port: 40_150)
        let id = call.far.dialog.id
        let replaces = Replaces(callID: id.callID, toTag: id.localTag, fromTag: id.remoteTag)
        let taking = invite(other, replacing: replaces.description)
        let far = try other.confirm(taking)
        try call.far.takeBye()
        #expect(world.stream(.b)?.remote?.port == 40_151)
        #expect(!ada.has(.bye))
        try far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a pick-up without a description offers ours`() throws {
        let waiting = ada.invite("101")
        let incoming = try bob.nextRequest(.invite)
        bob.respond(incoming, 180)
        let lamp = try #require(world.control.dialogs(of: "101").first)
        let replaces = Replaces(callID: lamp.callID, toTag: try #require(lamp.localTag), fromTag: lamp.remoteTag)
        var request = cleo.request(.invite, to: "101", callID: "r", fields: [.init(.replaces, replaces.description)])
        request.body = []
        cleo.send(request)
        var response = try cleo.nextResponse()
        while response.isProvisional { response = try cleo.nextResponse() }
        let far = TestSide(cleo, try Dialog(sent: request, received: response))
        cleo.send(
            far.dialog.makeAck(cseq: 1, contentType: "application/sdp", body: sdp(["PCMU"], port: 40_201)))
        #expect(world.stream(.b)?.remote?.port == 40_201)
        try bob.takeCancel(incoming)
        try ada.confirm(waiting).hangUp()
        try far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `what cannot be replaced is answered by RFC 3891`() throws {
        let call = try ada.call(bob)
        let confirmed = call.far.replaces
        func status(_ phone: TestPhone, _ value: String, _ callID: String) throws -> Int {
            _ = invite(phone, replacing: value, callID: callID)
            return try phone.nextResponse().status
        }
        #expect(try status(cleo, "unknown@x;to-tag=a;from-tag=b", "r1") == 481)
        #expect(try status(cleo, "nonsense", "r2") == 400)
        #expect(try status(cleo, "\(confirmed);early-only", "r3") == 486)
        #expect(try status(cleo, "\(confirmed)", "r4") == 403, "somebody else's conversation")
        #expect(
            try status(bob, Replaces(callID: confirmed.callID, toTag: confirmed.toTag, fromTag: "x").description, "r5")
                == 481)
        let waiting = cleo.invite("101", callID: "early")
        let incoming = try bob.nextRequest(.invite)
        bob.respond(incoming, 180)
        let ringing = try cleo.nextResponse(180)
        let id = try Dialog(sent: waiting, received: ringing).id
        #expect(
            try status(ada, Replaces(callID: id.callID, toTag: id.remoteTag, fromTag: id.localTag).description, "r6")
                == 481, "the caller's early dialog is not ours to give away")
        bob.respond(incoming, 486)
        let twice = ada.request(
            .invite, to: "101", callID: "r7",
            fields: [.init(.replaces, "\(confirmed)"), .init(.replaces, "\(confirmed)")],
            body: sdp(["PCMU"], port: 30_000))
        ada.send(twice)
        #expect(try ada.nextResponse().status == 400)
        try call.near.hangUp()
        #expect(try status(bob, "\(confirmed)", "r8") == 603, "its BYE is on the way")
        try call.far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a caller from outside who shows a user's number is not that user`() throws {
        let outside = world.phone("100", port: 5_070)
        world.lines["100"] = LineID(7)
        let foreign = try outside.call(bob, callID: "outside")
        world.lines["100"] = nil
        #expect(world.control.callCount(chargedTo: "100") == 0)
        _ = invite(ada, replacing: foreign.near.replaces.description)
        _ = try ada.nextResponse(403)
        let own = try ada.call(cleo)
        #expect(world.control.callCount(chargedTo: "100") == 1)
        #expect(try own.near.refer(to: foreign.near).status == 202)
        var notes = [try own.near.takeNotify()]
        while ada.has(.notify) { notes.append(try own.near.takeNotify()) }
        #expect(notes.last == "403 Forbidden, terminated")
        #expect(world.control.activeCount == 2 && !bob.has(.bye) && !outside.has(.bye))
        try own.near.hangUp()
        try own.far.takeBye()
        try foreign.near.hangUp()
        try foreign.far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a replacement without a common codec changes nothing`() throws {
        let call = try ada.call(bob)
        let other = world.phone("101", port: 40_150)
        _ = other.invite("101", codecs: ["G729"], callID: "r", fields: [.init(.replaces, "\(call.far.replaces)")])
        _ = try other.nextResponse(488)
        #expect(world.control.activeCount == 1)
        try call.far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }
}

@Suite struct DialogStateTests {
    let world = Switchboard()
    let ada: TestPhone
    let bob: TestPhone

    init() {
        ada = world.phone("100", port: 40_000)
        bob = world.phone("101", port: 40_100)
    }

    @Test func `both lamps follow a call from the first ring to the end`() throws {
        let invite = ada.invite("101")
        let incoming = try bob.nextRequest(.invite)
        bob.respond(incoming, 180)
        world.advance(by: .seconds(3))
        let far = try bob.answer(incoming)
        let near = try ada.confirm(invite)
        let dialog = try #require(world.control.dialogs(of: "101").first)
        #expect(dialog.callID == incoming.headers[.callID])
        #expect(dialog.localTag == far.dialog.id.localTag && dialog.remoteTag == far.dialog.id.remoteTag)
        #expect(dialog.localTarget == bob.contact)
        #expect(dialog.began == Switchboard.wallStart)
        #expect(dialog.confirmed == Switchboard.wallStart + .seconds(3))
        #expect(dialog.remote == world.party("100") && dialog.direction == .recipient)
        let own = try #require(world.control.dialogs(of: "100").first)
        #expect(own.localTag == near.dialog.id.localTag && own.direction == .initiator)
        #expect(own.remote == world.party("101"))
        try far.hangUp()
        try near.takeBye()
        #expect(world.lamps("100") == ["trying", "early", "confirmed", "terminated/remote-bye"])
        #expect(world.lamps("101") == ["trying", "early", "confirmed", "terminated/local-bye"])
        #expect(world.control.dialogs(of: "101").isEmpty)
        world.expectNothingLeft()
    }

    @Test func `a refusal, a caller who gives up, and nobody at home`() throws {
        _ = ada.invite("101", callID: "1")
        try bob.refuse(486)
        #expect(world.lamps("101") == ["trying", "terminated/rejected"])
        #expect(world.lamps("100") == ["trying", "terminated/rejected"])
        #expect(world.states.last { $0.party.number == "100" }?.code == 486)
        let second = ada.invite("101", callID: "2")
        bob.respond(try bob.nextRequest(.invite), 180)
        ada.cancel(second, callID: "2")
        #expect(world.lamps("101").suffix(2) == ["early", "terminated/cancelled"])
        #expect(world.lamps("100").suffix(2) == ["early", "terminated/cancelled"])
        world.advance(by: .seconds(40))
        _ = ada.invite("101", callID: "3")
        bob.respond(try bob.nextRequest(.invite), 180)
        world.advance(by: .seconds(61))
        #expect(world.lamps("101").suffix(2) == ["early", "terminated/timeout"])
        _ = ada.invite("101", callID: "4")
        try bob.refuse(500)
        #expect(world.lamps("101").suffix(2) == ["trying", "terminated/error"])
        world.expectNothingLeft()
    }

    @Test func `a user who holds the other end shows it`() throws {
        let call = try ada.call(bob)
        let hold = sdp(["PCMU"], port: 40_101, direction: "sendonly", version: 2)
        #expect(try call.far.request(.invite, body: hold).status == 200)
        bob.send(call.far.dialog.makeAck(cseq: call.far.dialog.localCSeq))
        #expect(world.control.dialogs(of: "101").map(\.isHeld) == [true])
        #expect(world.control.dialogs(of: "100").map(\.isHeld) == [false])
        try call.near.hangUp()
        try call.far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a lamp changes its partner, and never says the same twice`() throws {
        let cleo = world.phone("102", port: 40_200)
        let call = try ada.call(bob)
        _ = try call.far.refer(to: "102")
        let far = try cleo.answer()
        #expect(world.states.last { $0.party.number == "100" }?.remote == world.party("102"))
        try far.hangUp()
        world.advance(by: .seconds(70))
        for (state, next) in zip(world.states, world.states.dropFirst()) { #expect(state != next) }
        world.expectNothingLeft()
    }
}
