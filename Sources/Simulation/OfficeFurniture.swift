import Primitives
import Settings

/// What a furnished office has besides telephones: features for its users, and what the appliance answers itself.
enum OfficeFurniture {
    static let orbits = ["71", "72"]
    static let dialTone = "9"
    static let paging = "620"
    static let attendant = "500"
    static let voicemail = "501"
    static let queue = "700"
    static let board = "810"
    static let pin = "4711"
    /// Numbers at which keys mean something.
    static let keyed = [dialTone, attendant, voicemail, queue, board]

    static func install(in settings: inout ApplianceSettings) {
        let users = settings.users.map(\.extension)
        for index in settings.users.indices {
            settings.users[index].features.pickupGroups = [index % 2 == 0 ? "even" : "odd"]
            settings.users[index].features.deskPIN = pin
            settings.users[index].features.callWaiting = index % 3 != 0
            settings.users[index].features.recording = index == 1 ? .always : index % 4 == 0 ? .byCode : .never
            settings.users[index].features.busyOnBusy = index % 7 == 0
            if index % 5 == 0, users.count > 1 {
                settings.users[index].features.followMe = [users[(index + 1) % users.count]]
            }
        }
        settings.features.office.parkOrbits = orbits
        settings.features.office.parkSeconds = 20
        settings.features.office.takesCallKeys = true
        settings.features.office.recordingConsent = "1"
        settings.features.office.dialTone = dialTone
        settings.features.office.speedDials = [SpeedDial(short: "*1", number: users[0])]
        settings.groups.append(
            GroupSettings(
                extension: paging, name: "Everybody", strategy: .paging, members: Array(users.dropFirst(5).prefix(5))))
        settings.applications = applications(users)
    }

    private static func applications(_ users: [String]) -> ApplicationSettings {
        var settings = ApplicationSettings()
        var profile = TimeProfileSettings(name: "office")
        profile.hours = [.init(days: [1, 2, 3, 4, 5, 6, 7], from: 0, to: 1_440)]
        settings.profiles = [profile]
        var menu = MenuSettings(name: "day")
        menu.keys = [
            .init(key: "1", action: .call(users[0])), .init(key: "7", action: .call(queue)),
            .init(key: "8", action: .call(board)), .init(key: "0", action: .hangUp),
        ]
        menu.dialsExtensions = true
        menu.otherwise = .call(users[users.count / 2])
        var night = MenuSettings(name: "night")
        night.times = 1
        var reception = AttendantSettings(extension: attendant, name: "Reception")
        reception.profile = "office"
        reception.menus = [menu, night]
        reception.closedMenu = "night"
        settings.attendants = [reception]
        settings.voicemail.extension = voicemail
        settings.voicemail.messagesPerBox = 5
        settings.voicemail.boxes = users.enumerated().compactMap { index, user in
            guard index % 2 == 0 else { return nil }
            var box = MailboxSettings(extension: user, pin: Secret(pin))
            box.answerSeconds = 10 + index
            return box
        }
        var service = QueueSettings(extension: queue, name: "Service")
        service.agents = Array(users.suffix(5))
        service.wrapUpSeconds = 5
        service.waitSeconds = 60
        service.announceSeconds = 10
        service.overflow = users[0]
        settings.queues = [service]
        var room = RoomSettings(extension: board, name: "Board")
        room.pin = Secret(pin)
        settings.rooms = [room]
        return settings
    }
}
