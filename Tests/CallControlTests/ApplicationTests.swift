import Applications
import CallControl
import CloudMessages
import Media
import Primitives
import SIPMessage
import Settings
import Testing

/// Callers whom the appliance answers itself, with messages and media events.
@Suite struct ApplicationTests {
    let world: Switchboard
    let ada: TestPhone
    let bob: TestPhone

    init() {
        var settings = ApplicationSettings()
        var menu = MenuSettings(name: "main")
        menu.keys = [.init(key: "1", action: .call("101")), .init(key: "2", action: .call("501"))]
        menu.dialsExtensions = true
        menu.timeoutSeconds = 5
        menu.times = 1
        var attendant = AttendantSettings(extension: "500", name: "Reception")
        attendant.menus = [menu]
        settings.attendants = [attendant]
        settings.voicemail.extension = "501"
        settings.voicemail.boxes = [MailboxSettings(extension: "101", pin: Secret("4711"))]
        world = Switchboard(applications: settings)
        world.services = ["500": .application(.attendant("500")), "501": .application(.mailboxes)]
        ada = world.phone("100", port: 40_000)
        bob = world.phone("101", port: 40_100)
    }

    private static let session = MediaSessionID(1)

    private func press(_ keys: String) {
        for key in keys {
            guard let digit = Digit(key) else { continue }
            world.feed(.digit(Self.session, .a, digit, how: .event))
        }
    }

    /// Lets what plays be over.
    private func playOut() {
        guard case .playing(let playlist, _)? = world.hearing(.a), let duration = playlist.duration else { return }
        world.advance(by: duration)
        world.feed(.played(Self.session, .a))
    }

    private var isSilent: Bool { world.hearing(.a) == .silence }

    @Test func `a caller of the attendant is answered, hears the menu, and gets through by a key`() throws {
        let near = try ada.confirm(ada.invite("500", codecs: ["PCMU"]))
        guard case .playing(_, then: .silence)? = world.hearing(.a) else {
            Issue.record("no menu is heard")
            return
        }
        press("1")
        #expect(world.hearing(.a) == .playing(Playlist(.ringback, of: .itu), then: .peer), "the other one rings")
        let far = try bob.answer()
        #expect(world.hearing(.a) == .peer)
        #expect(world.stream(.b) != nil)
        try near.hangUp()
        try far.takeBye()
        #expect(world.records.count == 1 && world.records.first?.success == true)
        world.expectNothingLeft()
    }

    @Test func `a key by INFO is a key, too`() throws {
        let near = try ada.confirm(ada.invite("500", codecs: ["PCMU"]))
        let status = try near.request(
            .info, fields: [.init(.contentType, "application/dtmf-relay")], body: Array("Signal=1\r\n".utf8)
        ).status
        #expect(status == 200)
        let far = try bob.answer()
        try far.hangUp()
        try near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `who presses nothing is said goodbye to, after the time that begins with the menu's end`() throws {
        _ = try ada.confirm(ada.invite("500", codecs: ["PCMU"]))
        world.advance(by: .seconds(20))
        #expect(!ada.has(.bye), "the menu has not been played to its end")
        world.feed(.played(Self.session, .a))
        world.advance(by: .seconds(6))
        playOut()
        let bye = try ada.nextRequest(.bye)
        ada.respond(bye, 200)
        world.expectNothingLeft()
    }

    @Test func `an end that comes too early is that of what played before`() throws {
        _ = try ada.confirm(ada.invite("500", codecs: ["PCMU"]))
        guard case .playing(let playlist, _)? = world.hearing(.a), let duration = playlist.duration else { return }
        world.advance(by: duration - .milliseconds(400))
        world.feed(.played(Self.session, .a))
        world.advance(by: .seconds(7))
        #expect(!ada.has(.bye))
        world.endAll()
        ada.respond(try ada.nextRequest(.bye), 200)
        world.expectNothingLeft()
    }

    @Test func `an extension that is busy, or does not exist, leads back to the menu`() throws {
        let near = try ada.confirm(ada.invite("500", codecs: ["PCMU"]))
        press("1")
        let invite = try bob.nextRequest(.invite)
        bob.respond(invite, 486)
        _ = try bob.nextRequest(.ack)
        guard case .playing? = world.hearing(.a) else {
            Issue.record("nothing is heard")
            return
        }
        press("999#")
        #expect(world.questions.map { $0.uri.user } == ["101", "999"])
        press("1")
        #expect(world.questions.map { $0.uri.user } == ["101", "999", "101"])
        let far = try bob.answer()
        try far.hangUp()
        try near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `hanging up while somebody is rung ends the ringing`() throws {
        let near = try ada.confirm(ada.invite("500", codecs: ["PCMU"]))
        press("1")
        let invite = try bob.nextRequest(.invite)
        bob.respond(invite, 180)
        try near.hangUp()
        let cancel = try bob.nextRequest(.cancel)
        bob.respond(cancel, 200)
        bob.respond(invite, 487)
        world.expectNothingLeft()
        #expect(world.control.applicationCallers == 0)
    }

    @Test func `media that cannot play end the call, and say so`() throws {
        _ = try ada.confirm(ada.invite("500", codecs: ["PCMU"]))
        world.feed(.refused(Self.session, .unavailable))
        let bye = try ada.nextRequest(.bye)
        #expect(bye.reasons().first?.cause == 501)
        ada.respond(bye, 200)
        world.expectNothingLeft()
    }

    @Test func `a prompt that is missing is a tone, logged once`() throws {
        let near = try ada.confirm(ada.invite("500", codecs: ["PCMU"]))
        try near.hangUp()
        #expect(world.logs.count == 1 && world.logs[0].contains("en/welcome"))
        let again = try ada.confirm(ada.invite("500", codecs: ["PCMU"], callID: "again"))
        try again.hangUp()
        #expect(world.logs.count == 1)
        world.expectNothingLeft()
    }

    // MARK: Mailboxes

    private func leaveMessage(_ seconds: Int) throws -> RecordingID? {
        playOut()  // the greeting
        guard case .begin(let recording, let message)? = world.files.last else {
            Issue.record("nothing is recorded: \(world.files)")
            return nil
        }
        #expect(message.id.box == "101" && message.caller == "100" && message.isNew)
        #expect(world.media.contains(.record(Self.session, recording, .mixed)))
        playOut()  // the beep
        world.advance(by: .seconds(seconds))
        return recording
    }

    @Test(arguments: [true, false])
    func `who is not answered leaves a message, and the lamp goes on`(isThere: Bool) throws {
        world.mailboxes["101"] = CallFallback(box: "101", after: .seconds(20))
        if !isThere { world.ranks["101"] = [] }
        let invite = ada.invite("101", codecs: ["PCMU"])
        if isThere {
            let ringing = try bob.nextRequest(.invite)
            bob.respond(ringing, 180)
            world.advance(by: .seconds(21))
            bob.respond(try bob.nextRequest(.cancel), 200)
            bob.respond(ringing, 487)
        }
        let near = try ada.confirm(invite)
        let recording = try #require(try leaveMessage(8))
        press("#")
        #expect(world.media.contains(.stopRecording(Self.session, recording)))
        world.feed(MessageEvent.written(recording, seconds: 8))
        #expect(world.lamps.last == "101 1/0")
        playOut()
        try near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a message of who hangs up is kept, one of a second is not`() throws {
        world.mailboxes["101"] = CallFallback(box: "101", after: .seconds(20))
        world.ranks["101"] = []
        for seconds in [8, 1] {
            let near = try ada.confirm(ada.invite("101", codecs: ["PCMU"], callID: "m\(seconds)"))
            guard seconds == 8, let recording = try leaveMessage(seconds) else {
                try near.hangUp()
                continue
            }
            try near.hangUp()
            world.feed(MessageEvent.written(recording, seconds: seconds))
        }
        #expect(world.lamps.last == "101 1/0")
        world.expectNothingLeft()
    }

    @Test func `the owner logs in, hears the message, and deletes it`() throws {
        let message = VoiceMessage(
            id: MessageID(box: "101", number: 77), caller: "100", left: Switchboard.wallStart, seconds: 8, isNew: true)
        world.feed(MessageEvent.found([message]))
        #expect(world.lamps.last == "101 1/0")
        let near = try bob.confirm(bob.invite("501", codecs: ["PCMU"]))
        press("4711#")
        press("1")
        #expect(world.files == [.load(message.id, for: CallerID(1))])
        #expect(isSilent, "until the message has been fetched")
        let clip = AudioClip(name: "77", rate: 8_000, samples: [Int16](repeating: 0, count: 64_000))
        world.feed(MessageEvent.loaded(message.id, for: CallerID(1), clip))
        guard case .playing(let playlist, _)? = world.hearing(.a) else {
            Issue.record("the message is not heard")
            return
        }
        #expect(playlist.sounds.contains(.clip(clip)))
        press("3")
        #expect(world.files.last == .delete(message.id) && world.lamps.last == "101 0/0")
        try near.hangUp()
        world.expectNothingLeft()
    }

    @Test func `a message that comes after a key was pressed is not played over what follows`() throws {
        let message = VoiceMessage(
            id: MessageID(box: "101", number: 77), caller: "100", left: Switchboard.wallStart, seconds: 8, isNew: true)
        world.feed(MessageEvent.found([message]))
        let near = try bob.confirm(bob.invite("501", codecs: ["PCMU"]))
        press("4711#1*")
        let heard = world.hearing(.a)
        let clip = AudioClip(name: "77", rate: 8_000, samples: [])
        world.feed(MessageEvent.loaded(message.id, for: CallerID(1), clip))
        #expect(world.hearing(.a) == heard)
        try near.hangUp()
        world.expectNothingLeft()
    }
}
