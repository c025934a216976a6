import ApplianceCore
import Applications
import Media
import Primitives
import Settings

/// What telephones do with the appliance itself. There are no prompts in a simulated world, so each is a short tone.
extension Scenario {
    static let attendant = Scenario(
        name: "attendant", purpose: "a key of the menu leads to a colleague, and both hear each other"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance(applications: World.applications)
        let ada = world.phone("100", codec: .pcmu, toneHertz: 1_000)
        let bob = world.phone("101", codec: .pcma, toneHertz: 440, answers: true)
        try world.register(ada)
        try world.register(bob)
        ada.call("500")
        try world.wait("the attendant", within: .seconds(60)) { ada.isInCall }
        world.advance(.milliseconds(500))
        ada.press("1")
        try world.wait("the colleague", within: .seconds(60)) { bob.isInCall }
        world.advance(.seconds(2))
        try bob.requireHeard(1_000)
        bob.hangUp()
        try world.wait("the end of the call", within: .seconds(90)) { !ada.isInCall && !bob.isInCall }
    }

    static let voicemail = Scenario(
        name: "voicemail", purpose: "who is away gets a message with the caller's voice, hears it and deletes it"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance(applications: World.applications)
        let ada = world.phone("100", codec: .pcmu, toneHertz: 1_000)
        try world.register(ada)
        ada.call("103")
        try world.wait("the mailbox", within: .seconds(60)) { ada.isInCall }
        world.advance(.seconds(8))
        ada.hangUp()
        try world.wait("the end of the call", within: .seconds(90)) { !ada.isInCall }
        world.advance(.seconds(2))
        let messages = try world.voiceMessages()
        try world.require(messages.count == 1 && messages[0].isNew, "\(messages.count) messages, not a new one")
        let samples = world.appliance.messages.samples(of: messages[0].id)
        var detector = ToneDetector()
        var heard = false
        var place = samples.count / 2
        while place + 160 <= samples.count, !heard {
            if detector.process(Array(samples[place..<place + 160])), let tone = detector.tone {
                heard = tone.share > 0.5 && abs(tone.frequency - 1_000) <= 10
            }
            place += 160
        }
        try world.require(heard, "the message is not what was spoken")
        let dan = world.phone("103", codec: .pcmu, toneHertz: 440)
        try world.register(dan)
        dan.call("501")
        try world.wait("the mailbox's menu", within: .seconds(60)) { dan.isInCall }
        world.advance(.milliseconds(500))
        dan.press("4711#")
        world.advance(.seconds(4))
        dan.press("1")
        world.advance(.seconds(4))
        dan.press("3")
        world.advance(.seconds(4))
        dan.hangUp()
        try world.wait("the end of listening", within: .seconds(90)) { !dan.isInCall }
        let left = try world.voiceMessages()
        try world.require(left.isEmpty && world.appliance.messages.found.isEmpty, "the message was not deleted")
    }

    static let queue = Scenario(
        name: "queue", purpose: "two callers and one agent: served one after the other, the second after a wait"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance(applications: World.applications)
        let ada = world.phone("100", codec: .pcmu, toneHertz: 1_000)
        let bob = world.phone("101", codec: .pcma, toneHertz: 440, answers: true)
        let cleo = world.phone("102", codec: .pcmu, toneHertz: 700)
        for phone in [ada, bob, cleo] { try world.register(phone) }
        ada.call("700")
        try world.wait("the agent", within: .seconds(60)) { bob.isInCall }
        cleo.call("700")
        try world.wait("the second caller in the queue", within: .seconds(60)) { cleo.isInCall }
        world.advance(.seconds(5))
        try world.require(bob.ringCount == 1, "the agent is rung while in a call")
        ada.hangUp()
        try world.wait("the end of the first call", within: .seconds(90)) { !bob.isInCall }
        try world.wait("the second call", within: .seconds(60)) { bob.isInCall && bob.ringCount == 2 }
        world.advance(.seconds(2))
        bob.hangUp()
        try world.wait("the end", within: .seconds(90)) { !bob.isInCall && !cleo.isInCall }
    }

    static let roomWithDoor = Scenario(
        name: "room-with-door", purpose: "who knows the PIN comes in and is heard, who does not is sent away"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance(applications: World.applications)
        let ada = world.phone("100", codec: .pcmu, toneHertz: 1_000)
        let bob = world.phone("101", codec: .pcma, toneHertz: 440)
        let cleo = world.phone("102", codec: .pcmu, toneHertz: 700)
        for phone in [ada, bob, cleo] { try world.register(phone) }
        for (phone, pin) in [(ada, "1234"), (bob, "1234"), (cleo, "9999")] {
            phone.call("810")
            try world.wait("the door", within: .seconds(60)) { phone.isInCall }
            world.advance(.milliseconds(500))
            for _ in 0..<(phone === cleo ? 3 : 1) {
                phone.press(pin + "#")
                world.advance(.seconds(3))
            }
        }
        try world.wait("the stranger's end", within: .seconds(30)) { !cleo.isInCall }
        guard case .rooms(let rooms) = try world.appliance.admin(.applications(.rooms)) else {
            throw ScenarioFailure("no list of rooms", at: world.now)
        }
        let inside = rooms.flatMap(\.occupants).map(\.number)
        try world.require(inside == ["100", "101"], "inside are \(inside)")
        ada.hangUp()
        bob.hangUp()
        try world.wait("the end of all calls", within: .seconds(90)) { !ada.isInCall && !bob.isInCall }
    }
}

extension World {
    /// An attendant, mailboxes, a queue and a room.
    static var applications: ApplicationSettings {
        var settings = ApplicationSettings()
        var menu = MenuSettings(name: "main")
        menu.keys = [.init(key: "1", action: .call("101"))]
        var attendant = AttendantSettings(extension: "500", name: "Reception")
        attendant.menus = [menu]
        settings.attendants = [attendant]
        settings.voicemail.extension = "501"
        settings.voicemail.boxes = [MailboxSettings(extension: "103", pin: Secret("4711"))]
        var queue = QueueSettings(extension: "700", name: "Service")
        queue.agents = ["101"]
        settings.queues = [queue]
        var room = RoomSettings(extension: "810", name: "Board")
        room.pin = Secret("1234")
        settings.rooms = [room]
        return settings
    }

    func voiceMessages() throws(ScenarioFailure) -> [VoiceMessage] {
        guard case .messages(let messages) = try appliance.admin(.applications(.messages(box: nil))) else {
            throw ScenarioFailure("no list of voice messages", at: now)
        }
        return messages
    }
}
