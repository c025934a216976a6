import ApplianceCore
import Applications
import Media
import Primitives
import Settings

/// What telephones do with the appliance itself, where a scenario of the stages
/// (`FeatureScenarios+Applications.swift`) cannot look: at the files. There are no prompts in a simulated world, so each is a short tone.
extension Scenario {
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
}

extension World {
    /// A mailbox.
    static var applications: ApplicationSettings {
        var settings = ApplicationSettings()
        settings.voicemail.extension = "501"
        settings.voicemail.boxes = [MailboxSettings(extension: "103", pin: Secret("4711"))]
        return settings
    }

    func voiceMessages() throws(ScenarioFailure) -> [VoiceMessage] {
        guard case .messages(let messages) = try appliance.admin(.applications(.messages(box: nil))) else {
            throw ScenarioFailure("no list of voice messages", at: now)
        }
        return messages
    }
}
