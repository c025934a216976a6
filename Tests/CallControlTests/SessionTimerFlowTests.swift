import CallControl
import Primitives
import SIPDialog
import SIPMessage
import Testing

/// RFC 4028 on both legs, as its section 4 recommends it; `SilentPeerTests` has what the appliance does by default.
@Suite struct SessionTimerFlowTests {
    private let desk = Desk(timers: .recommended)
    private let timed: [SIPHeaders.Field] = [.init(.sessionExpires, "1800;refresher=uac"), .init(.require, "timer")]

    @Test func `a peer that knows no timers is taken, and left alone if the policy says so`() throws {
        let (a, b) = try desk.talk()
        desk.world.advance(by: .seconds(4_000))
        #expect(desk.bob.inbox.isEmpty && desk.ada.inbox.isEmpty)
        #expect(desk.world.control.activeCount == 1)
        try desk.end(a, b)
    }

    @Test func `the INVITE says what the 2xx may choose from`() throws {
        _ = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        #expect(try incoming.sessionExpires() == SessionExpires(seconds: 1_800))
        #expect(try incoming.minSE() == 90)
        #expect(incoming.supported().contains("timer"))
        desk.world.advance(by: .seconds(40))
        desk.world.expectNothingLeft()
    }

    @Test func `we refresh by UPDATE at half the time, again and again`() throws {
        let (a, b) = try desk.talk(answering: timed)
        for _ in 0..<3 {
            desk.world.advance(by: .seconds(899))
            #expect(desk.bob.inbox.isEmpty)
            desk.world.advance(by: .milliseconds(1_100))
            let update = try desk.bob.take(.update)
            #expect(update.body.isEmpty)
            #expect(try update.sessionExpires() == SessionExpires(seconds: 1_800, refresher: .uac))
            desk.bob.respond(update, 200, fields: timed)
        }
        #expect(desk.ada.inbox.isEmpty)
        try desk.end(a, b)
    }

    @Test func `a peer without UPDATE is refreshed by a re-INVITE that changes nothing`() throws {
        desk.bob.allow = "INVITE, ACK, BYE, CANCEL"
        let (a, b) = try desk.talk(answering: timed)
        let media = desk.world.media.count
        desk.world.advance(by: .milliseconds(900_100))
        let first = try desk.bob.take(.invite)
        desk.bob.respond(first, 200, sdp(["PCMU"], port: 31_000), fields: timed)
        #expect(try desk.bob.take(.ack).cseq().number == first.cseq().number)
        desk.world.advance(by: .milliseconds(900_100))
        let second = try desk.bob.take(.invite)
        #expect(second.body == first.body, "the same description, version and all")
        desk.bob.respond(second, 200, sdp(["PCMU"], port: 31_000), fields: timed)
        desk.bob.respond(second, 200, sdp(["PCMU"], port: 31_000), fields: timed)
        #expect(try [desk.bob.take(.ack), desk.bob.take(.ack)].map { try $0.cseq() }.allSatisfy { $0.number == 3 })
        #expect(desk.world.media.count == media)
        try desk.end(a, b)
    }

    @Test func `a peer that allowed UPDATE and refuses it is refreshed by re-INVITE at once`() throws {
        let (a, b) = try desk.talk(answering: timed)
        desk.world.advance(by: .milliseconds(900_100))
        desk.bob.respond(try desk.bob.take(.update), 501)
        desk.bob.respond(try desk.bob.take(.invite), 200, sdp(["PCMU"], port: 31_000), fields: timed)
        _ = try desk.bob.take(.ack)
        try desk.end(a, b)
    }

    @Test(arguments: [481, 408, nil])
    func `a refresh that finds nobody ends the call on both sides`(status: Int?) throws {
        let (a, _) = try desk.talk(answering: timed)
        desk.world.advance(by: .milliseconds(900_100))
        let update = try desk.bob.take(.update)
        if let status { desk.bob.respond(update, status) } else { desk.world.advance(by: .seconds(33)) }
        let bye = try desk.bob.take(.bye)
        #expect(bye.reasons().first?.cause == status ?? 408)
        desk.bob.respond(bye, 481)
        #expect(try a.takeBye().reasons().first?.cause == status ?? 408)
        desk.world.expectNothingLeft()
    }

    @Test func `a refresh that is refused is tried again, and without success the session ends by its timer`() throws {
        let (a, _) = try desk.talk(answering: timed)
        var refreshes = 0
        for _ in 0..<1_000 where !desk.bob.has(.bye) {
            desk.world.advance(by: .seconds(2))
            while desk.bob.has(.update) {
                desk.bob.respond(try desk.bob.take(.update), 488)
                refreshes += 1
            }
        }
        #expect(refreshes > 1)
        #expect(try desk.bob.take(.bye).reasons() == [.sip(408, text: "Session expired")])
        try a.takeBye()
        desk.world.expectNothingLeft()
    }

    @Test func `a caller who refreshes no more is hung up before the time is over`() throws {
        let invite = desk.ada.invite(
            supported: "timer", fields: [.init(.sessionExpires, "180;refresher=uac"), .init(.minSE, "90")])
        let b = try desk.bob.answer(desk.bob.take(.invite))
        let response = try desk.ada.response()
        #expect(try response.sessionExpires() == SessionExpires(seconds: 180, refresher: .uac))
        #expect(response.required().contains("timer"))
        let a = try desk.ada.confirm(invite, response)
        desk.world.advance(by: .seconds(100))
        let refreshed = try a.request(
            .update, fields: [.init(.sessionExpires, "180;refresher=uac"), .init(.supported, "timer")])
        #expect(try refreshed.sessionExpires()?.seconds == 180)
        desk.world.advance(by: .seconds(140))
        #expect(desk.world.control.activeCount == 1, "the refresh has moved the end")
        desk.world.advance(by: .seconds(10))
        #expect(try a.takeBye().reasons() == [.sip(408, text: "Session expired")])
        try b.takeBye()
        #expect(desk.world.count("calls.session-expired") == 1)
        desk.world.expectNothingLeft()
    }

    @Test func `a caller may leave the refreshing to us`() throws {
        let (a, b) = try desk.talk(supported: "timer", fields: [.init(.sessionExpires, "600;refresher=uas")])
        desk.world.advance(by: .seconds(301))
        let update = try desk.ada.take(.update)
        #expect(try update.sessionExpires() == SessionExpires(seconds: 600, refresher: .uac))
        desk.ada.respond(update, 200, fields: [.init(.sessionExpires, "600;refresher=uac")])
        try desk.end(a, b)
    }

    @Test(arguments: [("timer", 422), (nil, 200)])
    func `too short a session is refused to who understands that`(supported: String?, status: Int) throws {
        let invite = desk.ada.invite(supported: supported, fields: [.init(.sessionExpires, "30")])
        guard status == 422 else {
            let b = try desk.bob.answer(desk.bob.take(.invite))
            try desk.end(try desk.ada.confirm(invite, try desk.ada.response()), b)
            return
        }
        let refusal = try desk.ada.response()
        #expect(refusal.status == 422)
        #expect(try refusal.minSE() == 90)
        #expect(!desk.bob.has(.invite))
        desk.ada.follow(invite, with: .ack, to: refusal)
        desk.world.expectNothingLeft()
    }

    @Test func `a refresh with too short a time is refused and the session lives on`() throws {
        let (a, b) = try desk.talk(supported: "timer", fields: [.init(.sessionExpires, "600;refresher=uac")])
        let refused = try a.request(.update, fields: [.init(.sessionExpires, "10"), .init(.supported, "timer")])
        #expect(refused.status == 422)
        #expect(try refused.minSE() == 90)
        #expect(
            try a.request(.invite, sdp(["PCMU"], port: 30_000), fields: [.init(.sessionExpires, "x")]).status == 400)
        #expect(desk.world.control.activeCount == 1)
        try desk.end(a, b)
    }

    @Test func `a callee that wants longer sessions is called again as it asks, a greedy one not for ever`() throws {
        let invite = desk.ada.invite()
        let first = try desk.bob.take(.invite)
        desk.bob.respond(first, 422, fields: [.init(.minSE, "3600")])
        _ = try desk.bob.take(.ack)
        let second = try desk.bob.take(.invite)
        #expect(try second.sessionExpires()?.seconds == 3_600)
        #expect(try second.minSE() == 3_600)
        #expect(try second.cseq().number == 2)
        #expect(second.headers[.callID] == first.headers[.callID])
        #expect(try second.from().tag == first.from().tag)
        for seconds in [4_000, 5_000, 6_000, 7_000] {
            let again = seconds == 4_000 ? second : try desk.bob.take(.invite)
            desk.bob.respond(again, 422, tag: "t\(seconds)", fields: [.init(.minSE, "\(seconds)")])
        }
        desk.bob.respond(try desk.bob.take(.invite), 422, tag: "last", fields: [.init(.minSE, "9000")])
        #expect(!desk.bob.has(.invite))
        let refusal = try desk.ada.response()
        desk.ada.follow(invite, with: .ack, to: refusal)
        desk.world.expectNothingLeft()
    }

    @Test func `a session of another length is what the timers say`() throws {
        var timers = CallTimers()
        timers.session.interval = 300
        timers.session.minimum = 120
        let desk = Desk(timers: timers)
        let invite = desk.ada.invite(supported: "timer", fields: [.init(.sessionExpires, "100")])
        let refusal = try desk.ada.response()
        #expect(try refusal.minSE() == 120)
        desk.ada.follow(invite, with: .ack, to: refusal)
        desk.world.expectNothingLeft()
    }
}
