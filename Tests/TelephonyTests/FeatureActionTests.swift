import ApplianceCore
import CloudMessages
import Media
import Primitives
import SIPDialog
import SIPMessage
import Settings
import Testing

/// What is done with calls by code: orbits, pickup, transfer, conference, desks.
@Suite struct FeatureActionTests {
    private let offer = FeatureOffice.offer

    private func refer(_ side: Side, to number: String) throws -> SIPResponse {
        var request = side.dialog.makeRequest(.refer, contact: side.phone.contact)
        request.headers.append(.referTo, "<sip:\(number)@\(World.realm)>")
        side.phone.send(request)
        return try side.phone.nextResponse()
    }

    private func hearings(_ world: World, _ side: MediaSide) -> [AudioProgram] {
        world.mediaCommands.compactMap { if case .hear(_, side, let program) = $0 { program } else { nil } }
    }

    private func music(_ program: AudioProgram?) -> Bool {
        if case .playing(let list, then: .silence)? = program { list.repeats == nil } else { false }
    }

    // MARK: Orbits

    @Test func `a transfer to an orbit parks the call, dialling the orbit takes it up`() throws {
        let office = try FeatureOffice()
        let (a, b) = try office.talk(office.ada, "101", office.bob)
        #expect(try refer(b, to: "71").status == 202)
        for _ in 0..<2 { office.bob.respond(try office.bob.nextRequest(.notify), 200) }
        try b.takeBye()
        #expect(music(hearings(office.world, .a).last))
        try office.isRefused(office.cleo, "72", 404, callID: "empty")
        let invite = try office.cleo.invite("71", body: offer, callID: "up")
        let c = try office.cleo.confirm(invite, office.cleo.finalResponse())
        #expect(hearings(office.world, .a).last == .peer)
        #expect(try a.request(.bye).status == 200)
        try c.takeBye()
        #expect(office.world.records.count == 1)
        office.world.expectEverythingEnded()
    }

    @Test func `a code parks the call on hold in the first free orbit`() throws {
        let office = try FeatureOffice()
        let (a, b) = try office.talk(office.ada, "101", office.bob)
        let held = try b.request(.invite, body: sdp(["PCMU"], port: 31_000, direction: "sendonly", version: 2))
        #expect(held.status == 200)
        try office.dial(office.bob, "*70", callID: "park")
        try b.takeBye()
        try office.isRefused(office.bob, "*7071", 486, callID: "again")
        let invite = try office.cleo.invite("71", body: offer, callID: "up")
        let c = try office.cleo.confirm(invite, office.cleo.finalResponse())
        #expect(try c.request(.bye).status == 200)
        try a.takeBye()
        office.world.expectEverythingEnded()
    }

    @Test func `a parked call comes back to who parked it, a few times`() throws {
        let office = try FeatureOffice { $0.features.office.parkSeconds = 30 }
        let (a, b) = try office.talk(office.ada, "101", office.bob)
        try office.dial(office.bob, "*7072", callID: "park")
        try b.takeBye()
        office.world.advance(by: .seconds(30))
        let first = try office.bob.nextRequest(.invite)
        #expect(try first.from().uri.user == "100")
        office.bob.respond(first, 486)
        _ = try office.bob.nextRequest(.ack)
        #expect(office.world.telephony.callCount == 1, "it waits on")
        office.world.advance(by: .seconds(30))
        let back = try office.bob.answer(office.bob.nextRequest(.invite), body: FeatureOffice.answer)
        #expect(hearings(office.world, .a).last == .peer)
        #expect(try back.request(.bye).status == 200)
        try a.takeBye()
        office.world.expectEverythingEnded()
    }

    @Test func `a parked call that nobody wants ends, and one whose caller hangs up, too`() throws {
        let office = try FeatureOffice { $0.features.office.parkSeconds = 10 }
        let (a, b) = try office.talk(office.ada, "101", office.bob)
        try office.dial(office.bob, "*70", callID: "park")
        try b.takeBye()
        for _ in 0..<3 {
            office.world.advance(by: .seconds(10))
            try office.refuse(office.bob, 603)
        }
        try a.takeBye()
        let (c, d) = try office.talk(office.ada, "101", office.bob, callID: "second")
        try office.dial(office.bob, "*70", callID: "park2")
        try d.takeBye()
        #expect(try c.request(.bye).status == 200)
        office.world.expectEverythingEnded()
    }

    @Test func `an orbit has a busy lamp`() throws {
        let office = try FeatureOffice()
        let subscribe = office.cleo.request(
            .subscribe, to: "71", callID: "lamp",
            fields: [.init(.event, "dialog"), .init(.expires, "600"), .init(.accept, "application/dialog-info+xml")])
        office.cleo.send(subscribe)
        office.cleo.send(try office.cleo.authenticated(subscribe, by: office.cleo.nextResponse()))
        #expect(try office.cleo.nextResponse().status == 200)
        func lamp() throws -> String {
            let notify = try office.cleo.nextRequest(.notify)
            office.cleo.respond(notify, 200)
            office.world.advance(by: .seconds(1))
            return String(decoding: notify.body, as: UTF8.self)
        }
        #expect(try !lamp().contains("confirmed"))
        let (a, b) = try office.talk(office.ada, "101", office.bob)
        try office.dial(office.bob, "*70", callID: "park")
        try b.takeBye()
        #expect(try lamp().contains("confirmed"))
        #expect(try a.request(.bye).status == 200)
        #expect(try lamp().contains("terminated"))
    }

    // MARK: Pickup

    @Test func `a ringing call is picked up by extension`() throws {
        let office = try FeatureOffice()
        let invite = try office.ada.invite("101", body: offer)
        office.bob.respond(try office.bob.nextRequest(.invite), 180)
        let taking = try office.cleo.invite("*8101", body: offer, callID: "pick")
        let c = try office.cleo.confirm(taking, office.cleo.finalResponse())
        let a = try office.ada.confirm(invite, office.ada.finalResponse())
        #expect(office.bob.has(.cancel))
        #expect(try c.request(.bye).status == 200)
        try a.takeBye()
        office.world.advance(by: .seconds(1))
        try office.isRefused(office.cleo, "*8101", 404, callID: "late")
    }

    @Test func `a group pickup needs a common group`() throws {
        let office = try FeatureOffice {
            $0.users[1].features.pickupGroups = ["sales"]
            $0.users[2].features.pickupGroups = ["sales"]
        }
        let ben = Phone(office.world, "100", port: 40_050)
        try ben.register(callID: "ben")
        _ = try office.ada.invite("101", body: offer)
        office.bob.respond(try office.bob.nextRequest(.invite), 180)
        try office.isRefused(ben, "*8", 404, callID: "stranger")
        let taking = try office.cleo.invite("*8", body: offer, callID: "pick")
        _ = try office.cleo.confirm(taking, office.cleo.finalResponse())
        #expect(try office.ada.finalResponse().status == 200)
    }

    // MARK: Transfer

    @Test func `a code transfers the call on hold`() throws {
        let office = try FeatureOffice()
        let (a, b) = try office.talk(office.ada, "101", office.bob)
        try office.dial(office.bob, "*71102", callID: "transfer")
        try b.takeBye()
        let invite = try office.cleo.nextRequest(.invite)
        #expect(try invite.referredBy()?.uri.user == "101")
        let c = try office.cleo.answer(invite, body: FeatureOffice.answer)
        #expect(try c.request(.bye).status == 200)
        try a.takeBye()
        office.world.expectEverythingEnded()
    }

    @Test func `a blind transfer that fails comes back to who transferred`() throws {
        let office = try FeatureOffice()
        let (a, b) = try office.talk(office.ada, "101", office.bob)
        try office.dial(office.bob, "*71102", callID: "transfer")
        try b.takeBye()
        try office.refuse(office.cleo, 486)
        let back = try office.bob.answer(office.bob.nextRequest(.invite), body: FeatureOffice.answer)
        #expect(try back.request(.bye).status == 200)
        try a.takeBye()
        office.world.expectEverythingEnded()
    }

    @Test func `a transfer to who has forwarded follows, and one to who does not answer goes on`() throws {
        let office = try FeatureOffice {
            $0.users[2].features.forwarding.noAnswer = "0301234567"
            $0.users[2].features.ringSeconds = 10
        }
        let (a, b) = try office.talk(office.ada, "101", office.bob)
        #expect(try refer(b, to: "102").status == 202)
        office.cleo.respond(try office.cleo.nextRequest(.invite), 180)
        office.world.advance(by: .seconds(11))
        let invite = try office.line.nextRequest(.invite)
        office.line.respond(invite, 200, body: FeatureOffice.answer)
        #expect(office.line.has(.ack))
        #expect(try a.request(.bye).status == 200)
        #expect(office.line.has(.bye))
    }

    // MARK: Conference

    @Test func `a code joins both calls in a room, and the last one does not stay alone`() throws {
        let office = try FeatureOffice()
        let (a, b) = try office.talk(office.ada, "101", office.bob, callID: "first")
        let (a2, c) = try office.talk(office.ada, "102", office.cleo, callID: "second")
        let invite = try office.ada.invite("*73", body: offer, callID: "room")
        try a.takeBye()
        try a2.takeBye()
        let host = try office.ada.confirm(invite, office.ada.finalResponse())
        let rooms = office.world.mediaCommands.compactMap { command -> RoomID? in
            if case .hear(_, _, .room(let room, _)) = command { room } else { nil }
        }
        #expect(rooms.count == 3 && Set(rooms).count == 1)
        #expect(try host.request(.bye).status == 200)
        #expect(office.world.telephony.callCount == 2, "the others speak on")
        #expect(try b.request(.bye).status == 200)
        try c.takeBye()
        office.world.expectEverythingEnded()
    }

    @Test func `a conference needs two calls`() throws {
        let office = try FeatureOffice()
        _ = try office.talk(office.ada, "101", office.bob)
        try office.isRefused(office.ada, "*73", 480, callID: "room")
    }

    // MARK: Intercom and desks

    @Test func `an intercom call asks the telephone to answer, if its user lets it`() throws {
        let office = try FeatureOffice { $0.users[2].features.intercom = false }
        _ = try office.ada.invite("*80101", body: offer, callID: "1")
        let invite = try office.bob.nextRequest(.invite)
        #expect(invite.headers[SIPHeaderName("Answer-Mode")] == "Auto")
        #expect(invite.headers[.callInfo]?.contains("answer-after=0") == true)
        try office.isRefused(office.ada, "*80102", 403, callID: "2")
    }

    @Test func `who logs in at a desk is called and calls there, until the log-out`() throws {
        let office = try FeatureOffice { $0.users[1].features.deskPIN = "4711" }
        try office.dial(office.cleo, "*11101*4711", callID: "in")
        let first = try office.ada.invite("101", body: offer, callID: "1")
        #expect(office.bob.has(.invite) && office.cleo.has(.invite))
        office.ada.cancel(first, callID: "1")
        for phone in [office.ada, office.bob, office.cleo] { phone.inbox = [] }
        try office.isRefused(office.ada, "102", 480, callID: "2")
        _ = try office.cleo.invite("100", body: offer, callID: "3")
        #expect(try office.ada.nextRequest(.invite).from().uri.user == "101")
        try office.dial(office.cleo, "#11", callID: "out")
        _ = try office.ada.invite("102", body: offer, callID: "4")
        #expect(office.cleo.has(.invite))
    }

    // MARK: Calls of the appliance's own

    @Test func `who was busy is called back for who asked, the asking one first`() throws {
        let office = try FeatureOffice()
        let (a, b) = try office.talk(office.bob, "102", office.cleo, callID: "talk")
        try office.dial(office.ada, "*37101", callID: "ask")
        office.world.advance(by: .seconds(60))
        #expect(!office.ada.has(.invite))
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        let back = try office.ada.nextRequest(.invite)
        #expect(try back.from().uri.user == "101")
        office.ada.respond(back, 180)
        let ada = try office.ada.answer(back, body: FeatureOffice.answer)
        let ringing = hearings(office.world, .a).last
        #expect(ringing.map { if case .playing = $0 { true } else { false } } == true)
        let invite = try office.bob.nextRequest(.invite)
        #expect(try invite.from().uri.user == "100")
        let bob = try office.bob.answer(invite, body: FeatureOffice.answer)
        #expect(try bob.request(.bye).status == 200)
        try ada.takeBye()
        let record = try #require(office.world.records.last)
        #expect(record.userNumber == "100" && record.connectedUserNumber == "101" && record.success)
        office.world.advance(by: .seconds(60))
        #expect(!office.ada.has(.invite), "once is enough")
        office.world.expectEverythingEnded()
    }

    @Test func `who did not answer is called back after their next call, unless that is called off`() throws {
        let office = try FeatureOffice()
        try office.dial(office.ada, "*37101", callID: "ask")
        office.world.advance(by: .seconds(10))
        #expect(!office.ada.has(.invite), "nothing says that anybody is there")
        try office.dial(office.ada, "#37", callID: "forget")
        let (a, b) = try office.talk(office.cleo, "101", office.bob, callID: "talk")
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        #expect(!office.ada.has(.invite))
        office.world.expectEverythingEnded()
    }

    @Test func `a callback that the asking one does not take is dropped`() throws {
        let office = try FeatureOffice()
        try office.dial(office.ada, "*37101", callID: "ask")
        let (a, b) = try office.talk(office.cleo, "101", office.bob, callID: "talk")
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        try office.refuse(office.ada, 486)
        #expect(!office.bob.has(.invite))
        office.world.expectEverythingEnded()
    }

    @Test func `wrong PINs for one desk lock it for a while, for the right PIN too`() throws {
        let office = try FeatureOffice { $0.users[1].features.deskPIN = "4711" }
        for attempt in 0..<PINLock.failuresUntilLock {
            try office.isRefused(office.ada, "*11101*000\(attempt)", 403, callID: "wrong\(attempt)")
        }
        try office.isRefused(office.ada, "*11101*4711", 403, callID: "locked")
        #expect(office.world.count("features.desk-refused") == PINLock.failuresUntilLock)
        office.world.advance(by: PINLock.lockTime)
        try office.dial(office.ada, "*11101*4711", callID: "right")
        office.world.expectEverythingEnded()
    }

    @Test func `callbacks are limited`() throws {
        var limits = Limits()
        limits.callbacks = 1
        let office = try FeatureOffice(limits: limits)
        try office.dial(office.ada, "*37101", callID: "one")
        try office.dial(office.ada, "*37101", callID: "again")
        try office.isRefused(office.ada, "*37102", 480, callID: "two")
    }

    @Test func `an announcement is heard by the whole group, which only listens`() throws {
        let office = try FeatureOffice {
            $0.groups[0].strategy = .paging
        }
        let invite = try office.ada.invite("610", body: offer)
        let ada = try office.ada.confirm(invite, office.ada.finalResponse())
        var listeners: [Side] = []
        for phone in [office.bob, office.cleo] {
            let page = try phone.nextRequest(.invite)
            #expect(page.headers[SIPHeaderName("Answer-Mode")] == "Auto")
            listeners.append(try phone.answer(page, body: FeatureOffice.answer))
        }
        let parts = office.world.mediaCommands.compactMap { command -> Bool? in
            if case .hear(_, .a, .room(_, let part)) = command { part.mayTalk } else { nil }
        }
        #expect(parts == [true, false, false])
        #expect(try ada.request(.bye).status == 200)
        for listener in listeners { try listener.takeBye() }
        #expect(office.world.records.count == 1)
        office.world.expectEverythingEnded()
    }

    @Test func `telephones that do not answer an announcement are let go with it`() throws {
        let office = try FeatureOffice { $0.groups[0].strategy = .paging }
        let invite = try office.ada.invite("610", body: offer)
        let ada = try office.ada.confirm(invite, office.ada.finalResponse())
        let ringing = try office.bob.nextRequest(.invite)
        office.bob.respond(ringing, 180)
        try office.refuse(office.cleo, 486)
        #expect(try ada.request(.bye).status == 200)
        office.bob.respond(try office.bob.nextRequest(.cancel), 200)
        office.bob.respond(ringing, 487)
        office.world.expectEverythingEnded()
    }

    // MARK: Doors

    @Test func `a code opens the door station that one speaks with`() throws {
        let office = try FeatureOffice { $0.features.office.doors = [DoorStation(extension: "102", keys: "1#")] }
        try office.isRefused(office.ada, "*39", 480, callID: "none")
        _ = try office.talk(office.cleo, "100", office.ada, callID: "bell")
        try office.dial(office.ada, "*39", callID: "open")
        let keys = office.world.mediaCommands.compactMap { command -> [UInt8]? in
            if case .sendDigits(_, .a, let keys) = command { keys } else { nil }
        }
        #expect(keys == [[1, 11]])
        try office.isRefused(office.bob, "*39", 480, callID: "stranger")
    }

    // MARK: Help

    @Test func `a call for help takes the channel of another call`() throws {
        let office = try FeatureOffice { $0.trunks[0].channels = 1 }
        let invite = try office.ada.invite("0301234567", body: offer, callID: "chat")
        let far = try office.line.answer(office.line.nextRequest(.invite), body: FeatureOffice.answer)
        let a = try office.ada.confirm(invite, office.ada.finalResponse())
        _ = try office.bob.invite("112", body: offer, callID: "help")
        try a.takeBye()
        try far.takeBye()
        #expect(try office.line.nextRequest(.invite).uri.user == "112")
        #expect(office.world.count("calls.ended-for-help") == 1)
    }

    @Test func `the test number says whether there is a way to help, and calls nobody`() throws {
        let office = try FeatureOffice { $0.features.office.emergencyTest = "9112" }
        try office.dial(office.ada, "9112", callID: "test")
        #expect(!office.line.has(.invite))
        let logs = office.world.trace.compactMap { if case .log(_, let text) = $0 { text } else { nil } }
        #expect(logs.contains { $0.hasPrefix("emergency test by 100") })
    }

    // MARK: Lamps

    @Test(arguments: [(LampPrivacy.hidden, 403), (.state, 200), (.full, 200)])
    func `a user says what lamps show`(lamp: LampPrivacy, status: Int) throws {
        let office = try FeatureOffice { $0.users[0].features.lamp = lamp }
        let subscribe = office.cleo.request(
            .subscribe, to: "100", callID: "lamp", fields: [.init(.event, "dialog"), .init(.expires, "600")])
        office.cleo.send(subscribe)
        office.cleo.send(try office.cleo.authenticated(subscribe, by: office.cleo.nextResponse()))
        #expect(try office.cleo.nextResponse().status == status)
        guard status == 200 else { return }
        office.cleo.respond(try office.cleo.nextRequest(.notify), 200)
        _ = try office.ada.invite("101", body: offer)
        office.world.advance(by: .seconds(2))
        let text = String(decoding: try office.cleo.nextRequest(.notify).body, as: UTF8.self)
        #expect(text.contains("101@") == (lamp == .full))
    }
}
