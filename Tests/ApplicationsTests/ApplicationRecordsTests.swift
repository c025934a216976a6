import Primitives
import Settings
import Testing

/// Settings of applications on their way through a store.
@Suite struct ApplicationRecordsTests {
    /// Everything set to something else than by default.
    static var settings: ApplicationSettings {
        var settings = ApplicationSettings()
        settings.language = .french
        settings.zone.offsetMinutes = -300
        settings.zone.daylightSaving = .northAmerica
        var profile = TimeProfileSettings(name: "office")
        profile.hours = [.init(days: [1, 2], from: 480, to: 1_020), .init(days: [6], from: 540, to: 600)]
        profile.holidays = [.init(month: 12, day: 25), .init(year: 2026, month: 1, day: 2)]
        profile.exceptions = [.init(day: .init(year: 2026, month: 1, day: 2), from: 1, to: 2)]
        profile.nightSwitch = "*28"
        settings.profiles = [profile]
        var menu = MenuSettings(name: "main menu")
        menu.prompt = "hello"
        menu.keys = [
            .init(key: "1", action: .call("100")), .init(key: "*", action: .menu("main menu")),
            .init(key: "#", action: .again), .init(key: "9", action: .hangUp),
        ]
        menu.dialsExtensions = true
        menu.timeoutSeconds = 3
        menu.times = 5
        menu.otherwise = .call("101")
        var attendant = AttendantSettings(extension: "500", name: "Empfang, groß")
        attendant.languages = [.init(key: "1", language: .german)]
        attendant.profile = "office"
        attendant.menus = [menu, MenuSettings(name: "closed")]
        attendant.closedMenu = "closed"
        settings.attendants = [attendant]
        settings.voicemail.extension = "501"
        settings.voicemail.messageSeconds = 60
        settings.voicemail.messagesPerBox = 9
        settings.voicemail.delivery.isOn = true
        settings.voicemail.delivery.server = "mail.example:25"
        settings.voicemail.delivery.sender = "pbx@example"
        var box = MailboxSettings(extension: "101", pin: Secret("4711"))
        (box.asksOwner, box.answerSeconds, box.retentionDays) = (false, 9, 30)
        (box.language, box.greeting, box.address) = (.german, "ours", "bob@example")
        settings.voicemail.boxes = [box, MailboxSettings(extension: "102")]
        var queue = QueueSettings(extension: "700", name: "Service")
        (queue.agents, queue.startsLoggedIn, queue.strategy) = (["101", "102"], false, .all)
        (queue.ringSeconds, queue.wrapUpSeconds, queue.callers, queue.waitSeconds) = (5, 6, 7, 8)
        (queue.overflow, queue.announceSeconds, queue.tellsTime, queue.language) = ("500", 9, false, .english)
        settings.queues = [queue]
        settings.codes.logIn = "*1"
        var room = RoomSettings(extension: "810", name: "Board")
        (room.pin, room.hostPIN, room.announces, room.language) = (Secret("12"), Secret("34"), false, .german)
        settings.rooms = [room, RoomSettings(extension: "811", name: "")]
        return settings
    }

    @Test func `what goes out comes back`() {
        #expect(ApplicationSettings(recordText: Self.settings.recordText) == Self.settings)
        #expect(ApplicationSettings(recordText: ApplicationSettings().recordText) == ApplicationSettings())
        #expect(ApplicationSettings(recordText: "") == ApplicationSettings())
    }

    @Test(arguments: [
        "what\tis this", "language\txx", "zone\t1", "hours\toffice\t1\t2\t3", "menu\t500\tmain", "key\t500\tmain\t1",
        "voicemail\t501", "box\t101", "queue\t700", "profile\ta\nholiday\ta\t\t\t",
        "attendant\t5\nmenu\t5\ta\t\t\t1\t1\tx",
    ])
    func `records that nobody writes are not read`(text: String) {
        #expect(ApplicationSettings(recordText: text) == nil)
    }

    @Test func `lines for people have keys of their own and no PIN`() {
        let lines = Self.settings.lines
        #expect(Set(lines.map(\.key)).count == lines.count)
        #expect(!lines.contains { $0.value.contains("4711") || $0.value.contains("34,") })
    }
}
