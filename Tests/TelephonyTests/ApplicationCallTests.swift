import ApplianceCore
import Applications
import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import Settings
import Testing

/// Attendants, mailboxes and rooms behind the appliance's own dial plan, trunks and notifier.
@Suite struct ApplicationCallTests {
    private let settings: ApplianceSettings
    private let world: World
    private let ada: Phone
    private let bob: Phone
    private let line: Phone

    init() throws {
        var settings = World.settings()
        settings.numbering = NumberingSettings(countryCode: "49")
        var trunk = TrunkSettings(
            name: "one", kind: .static, server: TrunkServer(host: "10.0.0.50", port: 5060), user: "account")
        trunk.transport = .udp
        trunk.healthInterval = .zero
        settings.trunks = [trunk]
        settings.outgoing.rules = [OutgoingRule(prefix: "+", trunks: ["one"])]
        var menu = MenuSettings(name: "main")
        menu.keys = [.init(key: "9", action: .call("+4930111")), .init(key: "8", action: .call("501"))]
        menu.dialsExtensions = true
        var attendant = AttendantSettings(extension: "500", name: "Reception")
        attendant.menus = [menu]
        settings.applications.attendants = [attendant]
        settings.applications.voicemail.extension = "501"
        settings.applications.voicemail.boxes = [MailboxSettings(extension: "101", pin: Secret("4711"))]
        settings.applications.rooms = [RoomSettings(extension: "810", name: "Board")]
        self.settings = settings
        world = World(settings)
        ada = Phone(world, "100", port: 40_000)
        bob = Phone(world, "101", port: 40_100)
        line = Phone(world, "one", port: 5060, host: 0x0A00_0032)
        try ada.register()
        try bob.register()
    }

    private func call(_ number: String, by phone: Phone, callID: String = "call") throws -> Side {
        let invite = try phone.invite(number, body: sdp(["PCMU"], port: 30_000), callID: callID)
        var response = try phone.nextResponse()
        while response.status < 200 { response = try phone.nextResponse() }
        #expect(response.status == 200)
        return try phone.confirm(invite, response)
    }

    private func press(_ keys: String, session: UInt64 = 1) {
        for key in keys {
            if let digit = Digit(key) { world.feed(.media(.digit(MediaSessionID(session), .a, digit, how: .event))) }
        }
    }

    @Test func `what the administrator has written may lead outside, what a caller dials may not`() throws {
        let side = try call("500", by: ada)
        press("004930111#")
        press("+4930111#")
        press("030111#")
        #expect(!line.has(.invite), "a caller of an attendant has no rights outside")
        press("9")
        let invite = try line.nextRequest(.invite)
        #expect(invite.uri.user == "+4930111")
        line.respond(invite, 603)
        #expect(try side.request(.bye).status == 200)
        world.expectEverythingEnded()
    }

    @Test func `an attendant leads into another application`() throws {
        let side = try call("500", by: bob)
        press("8")
        press("4711#")
        #expect(try side.request(.bye).status == 200)
        world.expectEverythingEnded()
    }

    @Test func `a user who does not answer has a mailbox, whose lamp is lit at once`() throws {
        let subscribe = bob.request(
            .subscribe, to: "101", callID: "lamp",
            fields: [.init(.event, "message-summary"), .init(.expires, "600")])
        bob.send(subscribe)
        bob.send(try bob.authenticated(subscribe, by: try bob.nextResponse()))
        #expect(try bob.nextResponse().status == 200)
        let first = try bob.nextRequest(.notify)
        #expect(String(decoding: first.body, as: UTF8.self).contains("Messages-Waiting: no"))
        bob.respond(first, 200)
        let invite = try ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let ringing = try bob.nextRequest(.invite)
        bob.respond(ringing, 486)
        var response = try ada.nextResponse()
        while response.status < 200 { response = try ada.nextResponse() }
        #expect(response.status == 200)
        let side = try ada.confirm(invite, response)
        press("#")
        let begun = world.trace.compactMap { output -> RecordingID? in
            if case .messages(.begin(let id, _)) = output { id } else { nil }
        }
        let recording = try #require(begun.first)
        #expect(try side.request(.bye).status == 200)
        world.feed(.messages(.written(recording, seconds: 7)))
        world.advance(by: .seconds(5))  // news of one subscription are gathered
        let second = try bob.nextRequest(.notify)
        #expect(String(decoding: second.body, as: UTF8.self).contains("Voice-Message: 1/0"))
        bob.respond(second, 200)
        world.feed(.applications(AdminRequestID(1), .messages(box: "101")))
        guard case .adminReply(_, .messages(let messages))? = world.trace.last else {
            Issue.record("no list of messages")
            return
        }
        #expect(messages.map(\.caller) == ["100"] && messages.map(\.seconds) == [7])
        world.feed(.applications(AdminRequestID(2), .deleteMessage(messages[0].id)))
        #expect(world.trace.contains(.messages(.delete(messages[0].id))))
    }

    @Test func `an administrator sees a room, locks it, and puts somebody out`() throws {
        let side = try call("810", by: ada)
        world.feed(.applications(AdminRequestID(1), .rooms))
        guard case .adminReply(_, .rooms(let rooms))? = world.trace.last, let occupant = rooms.first?.occupants.first
        else {
            Issue.record("nobody is in the room")
            return
        }
        #expect(occupant.number == "100" && occupant.isHost)
        world.feed(.applications(AdminRequestID(2), .lockRoom("810", true)))
        world.feed(.applications(AdminRequestID(3), .lockRoom("999", true)))
        guard case .adminReply(_, .refused(status: 404, _))? = world.trace.last else {
            Issue.record("a room that is not there was locked")
            return
        }
        world.feed(.applications(AdminRequestID(4), .remove(occupant.caller, room: "810")))
        try side.takeBye()
        world.expectEverythingEnded()
    }

    @Test func `who is sent on to a service by whom an attendant has rung gets there`() throws {
        var features = UserFeatures()
        features.forwarding.busy = "501"
        var settings = settings
        settings.users[1].features = features
        world.feed(.settings(settings))
        let side = try call("500", by: ada)
        press("101#")
        bob.respond(try bob.nextRequest(.invite), 486)
        _ = try bob.nextRequest(.ack)
        world.advance(by: .seconds(1))
        #expect(!ada.has(.bye), "the mailbox menu asks whose box it is")
        #expect(try side.request(.bye).status == 200)
        world.expectEverythingEnded()
    }

    @Test(arguments: ["101", "500"])
    func `media that cannot record answer nobody for a mailbox or a menu`(number: String) throws {
        var settings = settings
        settings.media.backend = .rtpengine
        let world = World(settings)
        let ada = Phone(world, "100", port: 40_000)
        let bob = Phone(world, "101", port: 40_100)
        try ada.register()
        try bob.register()
        let invite = try ada.invite(number, body: sdp(["PCMU"], port: 30_000))
        if number == "101" {
            bob.respond(try bob.nextRequest(.invite), 486)
            _ = try bob.nextRequest(.ack)
        }
        let response = try ada.finalResponse()
        #expect(response.status == (number == "101" ? 486 : 501))
        ada.ack(refusal: response, of: invite)
        world.expectEverythingEnded()
    }

    @Test func `a user who transfers the caller to a queue, a mailbox or a room with a door is done`() throws {
        let invite = try ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let b = try bob.answer(bob.nextRequest(.invite), body: sdp(["PCMU"], port: 31_000))
        let a = try ada.confirm(invite, ada.finalResponse())
        var request = b.dialog.makeRequest(.refer, contact: bob.contact)
        request.headers.append(.referTo, "<sip:500@\(World.realm)>")
        bob.send(request)
        #expect(try bob.nextResponse().status == 202)
        var notified: [String] = []
        for _ in 0..<2 {
            let notify = try bob.nextRequest(.notify)
            notified.append(String(decoding: notify.body, as: UTF8.self))
            bob.respond(notify, 200)
        }
        #expect(notified.last?.hasPrefix("SIP/2.0 200") == true)
        try b.takeBye()
        press("9")
        let out = try line.nextRequest(.invite)
        #expect(out.uri.user == "+4930111", "who was transferred presses the keys")
        line.respond(out, 603)
        #expect(try a.request(.bye).status == 200)
        world.expectEverythingEnded()
    }

    @Test func `whom the caller sends to an application gets there too`() throws {
        let invite = try ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let b = try bob.answer(bob.nextRequest(.invite), body: sdp(["PCMU"], port: 31_000))
        let a = try ada.confirm(invite, ada.finalResponse())
        var request = a.dialog.makeRequest(.refer, contact: ada.contact)
        request.headers.append(.referTo, "<sip:810@\(World.realm)>")
        ada.send(request)
        #expect(try ada.nextResponse().status == 202)
        for _ in 0..<2 { ada.respond(try ada.nextRequest(.notify), 200) }
        try a.takeBye()
        world.feed(.applications(AdminRequestID(1), .rooms))
        guard case .adminReply(_, .rooms(let rooms))? = world.trace.last else { return }
        #expect(rooms.first?.occupants.map(\.number) == ["101"])
        #expect(try b.request(.bye).status == 200)
        world.expectEverythingEnded()
    }

    @Test func `a room without a door has a roster, and somebody may be put out of it`() throws {
        var settings = settings
        settings.features.conferences = ["800"]
        world.feed(.settings(settings))
        let sides = [try call("800", by: ada), try call("800", by: bob, callID: "second")]
        world.feed(.applications(AdminRequestID(1), .rooms))
        guard case .adminReply(_, .rooms(let rooms))? = world.trace.last,
            let room = rooms.first(where: { $0.number == "800" })
        else {
            Issue.record("the room is not listed")
            return
        }
        #expect(room.occupants.map(\.number) == ["100", "101"])
        world.feed(.applications(AdminRequestID(2), .remove(room.occupants[1].caller, room: "800")))
        try sides[1].takeBye()
        world.feed(.applications(AdminRequestID(3), .remove(room.occupants[1].caller, room: "800")))
        guard case .adminReply(_, .refused(status: 404, _))? = world.trace.last else {
            Issue.record("who is not inside was put out")
            return
        }
        #expect(try sides[0].request(.bye).status == 200)
        world.expectEverythingEnded()
    }

    @Test func `the night's number and the code are one switch, which is kept`() throws {
        var settings = settings
        var profile = TimeProfileSettings(name: "office")
        profile.nightSwitch = "590"
        profile.hours = [.init(days: [1, 2, 3, 4, 5, 6, 7], from: 0, to: 1_440)]
        settings.applications.profiles = [profile]
        world.feed(.settings(settings))
        let side = try call("590", by: ada)
        #expect(world.trace.contains(.night(true)))
        #expect(try side.request(.bye).status == 200)
        let again = try call("#28", by: ada, callID: "code")
        #expect(world.trace.contains(.night(false)))
        #expect(try again.request(.bye).status == 200)
        let third = try call("590", by: ada, callID: "third")
        #expect(world.trace.count { $0 == .night(true) } == 2, "the code has turned it off for the number, too")
        #expect(try third.request(.bye).status == 200)
        world.expectEverythingEnded()
    }

    @Test func `an agent's log-out is stored with the user`() throws {
        var settings = settings
        var queue = QueueSettings(extension: "700", name: "Service")
        queue.agents = ["100"]
        settings.applications.queues = [queue]
        world.feed(.settings(settings))
        let side = try call("*52", by: ada)
        var features = UserFeatures()
        features.agent = .loggedOut
        #expect(world.trace.contains(.features(extension: "100", features)))
        #expect(try side.request(.bye).status == 200)
        world.expectEverythingEnded()
    }
}
