package import Media
package import Settings

/// Something to be heard by a caller in an application.
package enum Prompt: Hashable, Sendable {
    case said(StandardPrompt, Language)
    /// A number, digit by digit.
    case digits(String, Language)
    /// An uploaded sound, by name: that of the language before one for all.
    case sound(String, Language)
    case message(MessageID)
    case tone(CallTone)
    /// Speak now.
    case beep
    case silence(Duration)
    /// Until something else is played.
    case music
}

/// What the appliance can say; the words of each language stand in Resources/prompts/prompts.tsv.
package enum StandardPrompt: String, Hashable, Sendable, CaseIterable {
    case digit0 = "digit-0"
    case digit1 = "digit-1"
    case digit2 = "digit-2"
    case digit3 = "digit-3"
    case digit4 = "digit-4"
    case digit5 = "digit-5"
    case digit6 = "digit-6"
    case digit7 = "digit-7"
    case digit8 = "digit-8"
    case digit9 = "digit-9"
    case star
    case pound
    case goodbye
    case welcome
    case oneMoment = "one-moment"
    case invalidChoice = "invalid-choice"
    case isBusy = "is-busy"
    case isUnavailable = "is-unavailable"
    case forThisLanguagePress = "for-this-language-press"
    case isOn = "is-on"
    case isOff = "is-off"
    case subscriber
    case notThere = "not-there"
    case leaveMessage = "leave-message"
    case boxIsFull = "box-is-full"
    case messageSaved = "message-saved"
    case messageDeleted = "message-deleted"
    case notRecorded = "not-recorded"
    case enterBox = "enter-box"
    case enterPIN = "enter-pin"
    case wrongPIN = "wrong-pin"
    case isLocked = "is-locked"
    case newMessages = "new-messages"
    case oldMessages = "old-messages"
    case noMessages = "no-messages"
    case mailboxMenu = "mailbox-menu"
    case messageMenu = "message-menu"
    case messageFrom = "message-from"
    case unknownCaller = "unknown-caller"
    case recordGreeting = "record-greeting"
    case greetingSaved = "greeting-saved"
    case queueWelcome = "queue-welcome"
    case queuePosition = "queue-position"
    case queueTime = "queue-time"
    case minutes
    case queueFull = "queue-full"
    case loggedIn = "logged-in"
    case loggedOut = "logged-out"
    case paused
    case resumed
    case noAgent = "no-agent"
    case enterRoomPIN = "enter-room-pin"
    case roomLocked = "room-locked"
    case roomUnlocked = "room-unlocked"
    case roomFull = "room-full"
    case roomAlone = "room-alone"
    case roomCount = "room-count"
    case muted
    case unmuted
    case callRecorded = "call-recorded"
    case pressToConsent = "press-to-consent"

    /// The name of a key; nil for those without one.
    package init?(_ key: Character) {
        switch key {
        case "*": self = .star
        case "#": self = .pound
        default: self.init(rawValue: "digit-\(key)")
        }
    }
}
