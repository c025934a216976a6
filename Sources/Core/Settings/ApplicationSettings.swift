package import Primitives

/// Everything that the appliance answers itself: attendants, mailboxes, queues, rooms. Their numbers are extensions.
package struct ApplicationSettings: Sendable, Equatable {
    /// In which the appliance speaks to who has chosen nothing else.
    package var language = Language.english
    package var zone = TimeZoneSettings()
    /// Names are unique.
    package var profiles: [TimeProfileSettings] = []
    package var attendants: [AttendantSettings] = []
    package var voicemail = VoicemailSettings()
    package var queues: [QueueSettings] = []
    package var codes = AgentCodes()
    package var rooms: [RoomSettings] = []

    package init() {}

    /// All extensions and codes that lead to an application.
    package var extensions: [String] {
        profiles.compactMap(\.nightSwitch) + attendants.map(\.extension) + [voicemail.extension].compactMap { $0 }
            + queues.map(\.extension) + rooms.map(\.extension)
            + (queues.isEmpty ? [] : [codes.logIn, codes.logOut, codes.pause, codes.goOn])
    }
}

/// In which prompts are spoken.
package enum Language: String, Sendable, Hashable, CaseIterable {
    case english = "en"
    case german = "de"
    case french = "fr"
}

/// What local time is made of.
package struct TimeZoneSettings: Sendable, Hashable {
    package enum DaylightSaving: String, Sendable, Hashable, CaseIterable {
        case none
        /// From the last Sunday of March to the last Sunday of October, 01:00 UTC.
        case europe = "eu"
        /// From the second Sunday of March to the first Sunday of November, 02:00 local time.
        case northAmerica = "us"
    }
    /// Of standard time, east of UTC positive.
    package var offsetMinutes = 0
    package var daylightSaving = DaylightSaving.none
    package init() {}
}

/// When somebody is there. An exception wins over a holiday, a holiday over the week, the night switch over all.
package struct TimeProfileSettings: Sendable, Hashable {
    /// From `from` up to `to`, minutes since midnight, on some days of the week.
    package struct Hours: Sendable, Hashable {
        /// 1: Monday … 7: Sunday.
        package var days: [Int]
        package var from: Int
        package var to: Int
        package init(days: [Int], from: Int, to: Int) {
            self.days = days
            self.from = from
            self.to = to
        }
    }
    /// A day of a year, or of each year.
    package struct Day: Sendable, Hashable {
        /// Nil: every year.
        package var year: Int?
        package var month: Int
        package var day: Int
        package init(year: Int? = nil, month: Int, day: Int) {
            self.year = year
            self.month = month
            self.day = day
        }
    }
    /// Other hours on one day; none: closed.
    package struct Exception: Sendable, Hashable {
        package var day: Day
        package var from: Int
        package var to: Int
        package init(day: Day, from: Int, to: Int) {
            self.day = day
            self.from = from
            self.to = to
        }
    }

    package var name: String
    package var hours: [Hours] = []
    package var holidays: [Day] = []
    package var exceptions: [Exception] = []
    /// A number whose call turns the night on and off: closed until it is called again; nil: there is none.
    package var nightSwitch: String?
    package init(name: String) { self.name = name }
}

/// An automatic attendant.
package struct AttendantSettings: Sendable, Hashable {
    package var `extension`: String
    package var name: String
    /// Asked first, by key, when not empty.
    package var languages: [LanguageKey] = []
    /// Nil: always open.
    package var profile: String?
    /// Menus by name; the first is the one heard while open.
    package var menus: [MenuSettings] = []
    /// The menu while closed; nil: the same.
    package var closedMenu: String?

    package struct LanguageKey: Sendable, Hashable {
        package var key: Character
        package var language: Language
        package init(key: Character, language: Language) {
            self.key = key
            self.language = language
        }
    }

    package init(`extension`: String, name: String) {
        self.extension = `extension`
        self.name = name
    }
}

/// One menu of an attendant.
package struct MenuSettings: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        /// A number as a user would dial it: an extension, a queue, a mailbox, somebody outside.
        case call(String)
        case menu(String)
        case again
        case hangUp
    }
    package struct Key: Sendable, Hashable {
        package var key: Character
        package var action: Action
        package init(key: Character, action: Action) {
            self.key = key
            self.action = action
        }
    }

    package var name: String
    /// The name of a sound; nil: the attendant's name is not said, a tone is heard.
    package var prompt: String?
    package var keys: [Key] = []
    /// Extensions may be dialled.
    package var dialsExtensions = false
    /// For the first key after the prompt.
    package var timeoutSeconds = 6
    /// How often the menu is heard before `otherwise`.
    package var times = 3
    /// When nothing, or nothing that leads anywhere, was pressed often enough.
    package var otherwise = Action.hangUp
    package init(name: String) { self.name = name }
}

/// Mailboxes, and the number under which they are listened to.
package struct VoicemailSettings: Sendable, Equatable {
    /// Who calls it listens to their own box, or names one; nil: none can be listened to by telephone.
    package var `extension`: String?
    package var boxes: [MailboxSettings] = []
    /// One message.
    package var messageSeconds = 180
    package var messagesPerBox = 100
    /// Messages as attachments by SMTP. Off: a recording of a voice does not leave the appliance unless its owner says so.
    package var delivery = DeliverySettings()
    package init() {}

    /// Delivery of messages by mail. There is a switch and a place for it; nothing sends yet.
    package struct DeliverySettings: Sendable, Equatable {
        package var isOn = false
        /// `host:port` of the owner's mail server.
        package var server: String?
        package var sender: String?
        package init() {}
    }
}

/// The mailbox of a user.
package struct MailboxSettings: Sendable, Equatable {
    /// The user's.
    package var `extension`: String
    /// Digits; nil: the box cannot be listened to but from the user's own telephones.
    package var pin: Secret?
    /// The user's own telephones are asked for the PIN too.
    package var asksOwner = true
    /// Callers who are not answered get here after so long.
    package var answerSeconds = 20
    /// Messages are deleted after so many days; 0: never.
    package var retentionDays = 90
    package var language: Language?
    /// The name of a sound; nil: the number is said.
    package var greeting: String?
    /// Where messages go by mail, once delivery is on.
    package var address: String?
    package init(`extension`: String, pin: Secret? = nil) {
        self.extension = `extension`
        self.pin = pin
    }
}

/// A queue of callers, and who serves them.
package struct QueueSettings: Sendable, Hashable {
    package enum Strategy: String, Sendable, Hashable, CaseIterable {
        /// The agents in order, always from the first.
        case linear
        /// Who has been idle for longest.
        case longestIdle = "longest-idle"
        /// All that are free at once.
        case all
    }
    package var `extension`: String
    package var name: String
    /// Extensions of users.
    package var agents: [String] = []
    /// Agents are there without logging in.
    package var startsLoggedIn = true
    package var strategy = Strategy.longestIdle
    /// How long one agent is rung.
    package var ringSeconds = 15
    /// An agent is left alone for so long after a call.
    package var wrapUpSeconds = 0
    package var callers = 20
    /// Waiting longer than so long, or with the queue full, callers go to `overflow`.
    package var waitSeconds = 600
    /// A number; nil: a word of regret, and the end.
    package var overflow: String?
    /// How often the position is told; 0: never.
    package var announceSeconds = 30
    /// The expected time is told with the position.
    package var tellsTime = true
    package var language: Language?
    package init(`extension`: String, name: String) {
        self.extension = `extension`
        self.name = name
    }
}

/// What agents dial for all of their queues.
package struct AgentCodes: Sendable, Hashable {
    package var logIn = "*51"
    package var logOut = "*52"
    package var pause = "*53"
    package var goOn = "*54"
    package init() {}
}

/// A conference room with a door.
package struct RoomSettings: Sendable, Equatable {
    package var `extension`: String
    package var name: String
    /// Digits; nil: everybody comes in.
    package var pin: Secret?
    /// Who gives this one may lock the room and mute others; nil: whoever came first may.
    package var hostPIN: Secret?
    /// Who comes and who goes is heard.
    package var announces = true
    package var language: Language?
    package init(`extension`: String, name: String) {
        self.extension = `extension`
        self.name = name
    }
}
