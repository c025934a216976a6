import CallControl
import Media
import Primitives
import SIPDialog
import SIPMessage
import Testing

/// BYE, CANCEL, their reasons (RFC 3326), and requests that are neither session nor end.
@Suite struct EndingTests {
    private let desk = Desk()

    @Test(arguments: [
        ("Q.850;cause=16;text=\"Normal call clearing\"", [ReasonValue.q850(16, text: "Normal call clearing")]),
        ("SIP;cause=486", [.sip(486)]), ("Q.850;cause=17, SIP;cause=486", [.q850(17), .sip(486)]), (nil, []),
        ("x/y", []),
    ])
    func `the reason of a BYE crosses the bridge`(reason: String?, passedOn: [ReasonValue]) throws {
        let (a, b) = try desk.talk()
        try a.bye(reason)
        #expect(try b.takeBye().reasons() == passedOn)
        desk.world.expectNothingLeft()
    }

    @Test func `why a callee refuses is told to the caller, and to nobody else later`() throws {
        let cleo = Peer(desk.world, "102", port: 40_200)
        desk.world.callees = [desk.bob, cleo]
        let busy: [SIPHeaders.Field] = [.init(.reason, "Q.850;cause=17;text=\"User busy\"")]
        let invite = desk.ada.invite()
        desk.bob.respond(try desk.bob.take(.invite), 486, fields: busy)
        let b = try cleo.answer(cleo.take(.invite))
        let a = try desk.ada.confirm(invite, try desk.ada.response())
        try a.bye()
        #expect(try b.takeBye().reasons().isEmpty)
        desk.world.expectNothingLeft()
        let next = Desk()
        let second = next.ada.invite()
        next.bob.respond(try next.bob.take(.invite), 486, fields: busy)
        let refusal = try next.ada.response()
        #expect(refusal.reasons() == [.q850(17, text: "User busy")])
        next.ada.follow(second, with: .ack, to: refusal)
        next.world.expectNothingLeft()
    }

    @Test func `a caller who gives up: 487, and CANCEL to the callee`() throws {
        let invite = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        desk.ada.follow(invite, with: .cancel)
        let answers = desk.ada.responses()
        #expect(answers.map(\.status) == [200, 487])
        desk.ada.follow(invite, with: .ack, to: answers[1])
        #expect(!desk.bob.has(.cancel), "nothing came from the callee yet (RFC 3261 section 9.1)")
        desk.bob.respond(incoming, 180)
        desk.bob.respond(try desk.bob.take(.cancel), 200)
        desk.bob.respond(incoming, 487)
        desk.world.expectNothingLeft()
    }

    @Test func `why a caller cancels is passed on to who rang in vain`() throws {
        let invite = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        desk.bob.respond(incoming, 180)
        let reason = ReasonValue.sip(200, text: "Call completed elsewhere")
        desk.ada.follow(invite, with: .cancel, fields: [.init(.reason, reason.description)])
        #expect(try desk.bob.take(.cancel).reasons() == [reason])
        desk.bob.respond(incoming, 487)
        desk.ada.follow(invite, with: .ack, to: desk.ada.responses().last)
        desk.world.expectNothingLeft()
    }

    @Test func `a callee that answers as it is cancelled is acknowledged and hung up`() throws {
        let invite = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        desk.bob.respondReliably(incoming, 180, rseq: 1)
        desk.ada.follow(invite, with: .cancel)
        _ = try desk.bob.take(.cancel)
        let b = try desk.bob.answer(incoming)
        try b.takeBye()
        desk.world.expectNothingLeft()
    }

    @Test func `a callee's BYE before it answers is the end of its ringing`() throws {
        let invite = desk.ada.invite()
        let incoming = try desk.bob.take(.invite)
        desk.bob.respond(incoming, 183, sdp(["PCMU"], port: 31_000))
        let b = Line(desk.bob, try Dialog(received: incoming, localTag: "callee", secure: false))
        desk.bob.send(b.make(.bye))
        desk.bob.respond(try desk.bob.take(.cancel), 200)
        desk.bob.respond(incoming, 487)
        let last = try #require(desk.ada.responses().last)
        #expect(last.status == 480)
        desk.ada.follow(invite, with: .ack, to: last)
        desk.world.expectNothingLeft()
    }

    @Test func `BYE from both sides at once ends both`() throws {
        let (a, b) = try desk.talk()
        let crossing = b.make(.bye)
        try a.bye()
        let ours = try desk.bob.take(.bye)
        desk.bob.send(crossing)
        #expect(try desk.bob.response().status == 200)
        desk.bob.respond(ours, 481)
        desk.world.expectNothingLeft()
    }

    @Test func `a BYE that nobody answers ends as well`() throws {
        let (a, _) = try desk.talk()
        try a.bye()
        desk.world.expectNothingLeft()
    }

    @Test func `a missing ACK ends both sides with its reason`() throws {
        _ = desk.ada.invite()
        let b = try desk.bob.answer(desk.bob.take(.invite))
        desk.world.advance(by: .seconds(33))
        #expect(try desk.ada.take(.bye).reasons() == [.sip(408, text: "ACK missing")])
        #expect(try b.takeBye().reasons().first?.cause == 408)
        desk.world.expectNothingLeft()
    }

    // MARK: Other requests

    @Test(arguments: [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "Signal=5\r\nDuration=160\r\n"),
        ("Application/DTMF-Relay; charset=utf-8", "Signal= *\nDuration= 9000", "Signal=*\r\nDuration=5000\r\n"),
        ("application/dtmf-relay", "Signal=11", "Signal=#\r\nDuration=160\r\n"),
        ("application/dtmf", "7\r\n", "Signal=7\r\nDuration=160\r\n"),
        ("application/dtmf", "flash", "Signal=!\r\nDuration=160\r\n"),
    ])
    func `a key in an INFO is passed on to a peer that sends INFO`(type: String, body: String, relayed: String) throws {
        let (a, b) = try desk.talkByInfo()
        #expect(try a.request(.info, Array(body.utf8), type: type).status == 200)
        let info = try desk.bob.take(.info)
        #expect(info.headers[.contentType] == "application/dtmf-relay")
        #expect(String(decoding: info.body, as: UTF8.self) == relayed)
        desk.bob.respond(info, 200)
        #expect(desk.world.digits == [])
        try desk.end(a, b)
    }

    /// What the media make of it, events or tones, is told in `ProgramTests`.
    @Test(arguments: [["PCMU"], ["PCMU", "telephone-event"]], [("5", UInt8(5)), ("*", 10), ("11", 11), ("d", 15)])
    func `a key in an INFO becomes one in the media for a peer that sends none`(
        codecs: [String], key: (String, event: UInt8)
    ) throws {
        let desk = Desk()
        let invite = desk.ada.invite(sdp(["PCMU"], port: 30_000))
        let b = try desk.bob.answer(desk.bob.take(.invite), sdp(codecs, port: 31_000))
        let a = try desk.ada.confirm(invite, desk.ada.response())
        #expect(try a.request(.info, Array("Signal=\(key.0)".utf8), type: "application/dtmf-relay").status == 200)
        #expect(desk.world.digits == [.sendDigits(MediaSessionID(1), .b, [key.event])])
        #expect(!desk.bob.has(.info))
        try desk.end(a, b)
    }

    @Test func `a peer that has telephone events gets them, also when it sends INFO`() throws {
        let desk = Desk()
        let both = ["PCMU", "telephone-event"]
        let invite = desk.ada.invite(sdp(both, port: 30_000))
        let b = try desk.bob.answer(desk.bob.take(.invite), sdp(both, port: 31_000))
        let a = try desk.ada.confirm(invite, desk.ada.response())
        for line in [a, b, a] {
            #expect(try line.request(.info, Array("5".utf8), type: "application/dtmf").status == 200)
        }
        let id = MediaSessionID(1)
        #expect(
            desk.world.digits == [.sendDigits(id, .b, [5]), .sendDigits(id, .a, [5]), .sendDigits(id, .b, [5])])
        #expect(try a.request(.info, Array("!".utf8), type: "application/dtmf").status == 200)
        desk.bob.respond(try desk.bob.take(.info), 200)
        #expect(desk.world.digits.count == 3, "a hook flash has no other way")
        try desk.end(a, b)
    }

    @Test func `a key is not passed on by INFO to a peer without INFO, and an INFO that fails is no harm`() throws {
        desk.bob.allow = "INVITE, ACK, BYE"
        let (a, b) = try desk.talk()
        #expect(try a.request(.info, Array("5".utf8), type: "application/dtmf").status == 200)
        #expect(try a.request(.info, Array("!".utf8), type: "application/dtmf").status == 200)
        #expect(!desk.bob.has(.info))
        #expect(try b.request(.info, Array("5".utf8), type: "application/dtmf").status == 200)
        desk.ada.respond(try desk.ada.take(.info), 481)
        #expect(desk.world.control.activeCount == 1)
        try desk.end(a, b)
    }

    @Test func `a peer that leaves our requests without answer is asked no more than 32 at a time`() throws {
        let (a, _) = try desk.talkByInfo()
        for count in 0..<40 {
            if count == 20 { desk.world.advance(by: .seconds(1)) }
            #expect(try a.request(.info, Array("5".utf8), type: "application/dtmf").status == 200)
        }
        let asked = desk.bob.inbox.compactMap {
            if case .request(let request) = $0 { request.headers[.cseq] } else { nil }
        }
        #expect(Set(asked).count == 32)
        try a.bye()
        desk.world.expectNothingLeft()
        let next = Desk()
        let invite = next.ada.invite()
        let incoming = try next.bob.take(.invite)
        for number in 1...40 { next.bob.respondReliably(incoming, 180, rseq: number) }
        #expect(next.bob.inbox.count == 32)
        next.bob.respond(incoming, 486)
        next.ada.follow(invite, with: .ack, to: next.ada.responses().last)
        next.world.expectNothingLeft()
    }

    @Test(arguments: [
        ("", "", [], 200), ("application/dtmf", "x", [], 400), ("application/dtmf-relay", "Duration=5", [], 400),
        ("text/plain", "hello", [], 415),
        ("application/dtmf", "5", [SIPHeaders.Field(.infoPackage, "conference")], 469),
    ])
    func `an INFO that says nothing to us`(type: String, body: String, fields: [SIPHeaders.Field], status: Int) throws {
        let (a, b) = try desk.talk()
        let response = try a.request(.info, Array(body.utf8), type: type, fields: fields)
        #expect(response.status == status)
        if status == 415 { #expect(response.headers[.accept]?.contains("application/dtmf") == true) }
        #expect(!desk.bob.has(.info))
        try desk.end(a, b)
    }

    @Test(arguments: [
        (SIPMethod.options, 200), (.message, 405), (.register, 405), (SIPMethod(rawValue: "DANCE"), 405),
        (.subscribe, 489), (.notify, 481), (.prack, 400),
    ])
    func `a request inside the call is answered by what it is`(method: SIPMethod, status: Int) throws {
        let (a, b) = try desk.talk()
        let response = try a.request(method)
        #expect(response.status == status)
        if status == 405 || status == 200 {
            let allow = response.tokens(.allow)
            for name in ["INVITE", "PRACK", "UPDATE", "REFER", "NOTIFY", "SUBSCRIBE"] { #expect(allow.contains(name)) }
            #expect(!allow.contains("MESSAGE"))
        }
        if status == 200 {
            #expect(response.supported().contains("100rel") && response.supported().contains("timer"))
            #expect(response.headers[.accept] == "application/sdp, multipart/mixed")
        }
        try desk.end(a, b)
    }

    @Test(arguments: [
        ("dialog", 403), ("presence", 403), ("nonsense", 403), ("refer", 481), ("refer;id=7", 481), (nil, 489),
        ("", 489),
    ])
    func `a subscription needs a dialog of its own, but those that a REFER makes`(event: String?, status: Int) throws {
        let (a, b) = try desk.talk()
        let response = try a.request(.subscribe, fields: event.map { [.init(.event, $0)] } ?? [])
        #expect(response.status == status)
        #expect(response.headers[.allowEvents] == (status == 489 ? "refer" : nil))
        #expect(desk.world.control.activeCount == 1)
        try desk.end(a, b)
    }

    @Test func `what the network repeats or brings out of order is met once`() throws {
        let (a, b) = try desk.talkByInfo()
        let first = a.make(.info, Array("1".utf8), type: "application/dtmf")
        let second = a.make(.info, Array("2".utf8), type: "application/dtmf")
        desk.ada.send(second, branch: "z9hG4bK-two")
        desk.ada.send(second, branch: "z9hG4bK-two")
        desk.ada.send(first)
        #expect(desk.ada.responses().map(\.status) == [200, 200, 500])
        _ = try desk.bob.take(.info)
        #expect(!desk.bob.has(.info))
        var strange = a.make(.bye)
        strange.headers.set(.from, "<sip:100@pbx.example>;tag=somebody")
        desk.ada.send(strange)
        #expect(try desk.ada.response().status == 481)
        try desk.end(a, b)
    }
}
