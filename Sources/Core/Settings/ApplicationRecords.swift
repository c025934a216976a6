import Primitives

/// Applications as records of words and back, one record for each thing that is configured: how a store keeps them, and
/// what is compared when they change. PINs are among the words.
extension ApplicationSettings {
    /// The words of the first place name what the record is of; nothing stands for what is not set.
    package var records: [[String]] {
        var records = [
            ["language", language.rawValue],
            ["zone", String(zone.offsetMinutes), zone.daylightSaving.rawValue],
        ]
        for profile in profiles { records += Self.records(of: profile) }
        for attendant in attendants { records += Self.records(of: attendant) }
        records.append([
            "voicemail", voicemail.extension ?? "", String(voicemail.messageSeconds), String(voicemail.messagesPerBox),
            String(voicemail.delivery.isOn), voicemail.delivery.server ?? "", voicemail.delivery.sender ?? "",
        ])
        for box in voicemail.boxes {
            records.append([
                "box", box.extension, Self.text(box.pin), String(box.asksOwner), String(box.answerSeconds),
                String(box.retentionDays), box.language?.rawValue ?? "", box.greeting ?? "", box.address ?? "",
            ])
        }
        for queue in queues {
            records.append([
                "queue", queue.extension, queue.name, queue.agents.joined(separator: " "), String(queue.startsLoggedIn),
                queue.strategy.rawValue, String(queue.ringSeconds), String(queue.wrapUpSeconds), String(queue.callers),
                String(queue.waitSeconds), queue.overflow ?? "", String(queue.announceSeconds),
                String(queue.tellsTime), queue.language?.rawValue ?? "",
            ])
        }
        records.append(["codes", codes.logIn, codes.logOut, codes.pause, codes.goOn])
        for room in rooms {
            records.append([
                "room", room.extension, room.name, Self.text(room.pin), Self.text(room.hostPIN),
                String(room.announces), room.language?.rawValue ?? "",
            ])
        }
        return records
    }

    private static func records(of profile: TimeProfileSettings) -> [[String]] {
        func words(_ day: TimeProfileSettings.Day) -> [String] {
            [day.year.map { String($0) } ?? "", String(day.month), String(day.day)]
        }
        var records = [["profile", profile.name, profile.nightSwitch ?? ""]]
        for hours in profile.hours {
            let days = hours.days.map { String($0) }.joined(separator: " ")
            records.append(["hours", profile.name, days, String(hours.from), String(hours.to)])
        }
        for day in profile.holidays { records.append(["holiday", profile.name] + words(day)) }
        for entry in profile.exceptions {
            records.append(["exception", profile.name] + words(entry.day) + [String(entry.from), String(entry.to)])
        }
        return records
    }

    private static func records(of attendant: AttendantSettings) -> [[String]] {
        let number = attendant.extension
        var records = [["attendant", number, attendant.name, attendant.profile ?? "", attendant.closedMenu ?? ""]]
        for entry in attendant.languages {
            records.append(["choice", number, String(entry.key), entry.language.rawValue])
        }
        for menu in attendant.menus {
            records.append(
                [
                    "menu", number, menu.name, menu.prompt ?? "", String(menu.dialsExtensions),
                    String(menu.timeoutSeconds), String(menu.times),
                ] + words(menu.otherwise))
            for key in menu.keys { records.append(["key", number, menu.name, String(key.key)] + words(key.action)) }
        }
        return records
    }

    private static func words(_ action: MenuSettings.Action) -> [String] {
        switch action {
        case .call(let number): ["call", number]
        case .menu(let name): ["menu", name]
        case .again: ["again", ""]
        case .hangUp: ["hang-up", ""]
        }
    }

    private static func text(_ secret: Secret?) -> String {
        secret?.withBytes { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    // MARK: Reading

    /// Nil for records that `records` does not make.
    package init?(records: [[String]]) {
        self.init()
        for record in records { guard read(Words(record)) else { return nil } }
    }

    private mutating func read(_ words: Words) -> Bool {
        switch words.kind {
        case "language":
            guard let language = Language(rawValue: words.text(1)) else { return false }
            self.language = language
        case "zone":
            guard let offset = words.number(1), let saving = TimeZoneSettings.DaylightSaving(rawValue: words.text(2))
            else { return false }
            zone.offsetMinutes = offset
            zone.daylightSaving = saving
        case "profile", "hours", "holiday", "exception": return readProfile(words)
        case "attendant", "choice", "menu", "key": return readAttendant(words)
        case "voicemail", "box": return readVoicemail(words)
        case "queue": return readQueue(words)
        case "codes":
            (codes.logIn, codes.logOut, codes.pause, codes.goOn) = (
                words.text(1), words.text(2), words.text(3), words.text(4)
            )
        case "room":
            var room = RoomSettings(extension: words.text(1), name: words.text(2))
            room.pin = words.secret(3)
            room.hostPIN = words.secret(4)
            room.announces = words.flag(5)
            room.language = Language(rawValue: words.text(6))
            rooms.append(room)
        default: return false
        }
        return true
    }

    private mutating func readProfile(_ words: Words) -> Bool {
        if words.kind == "profile" {
            var profile = TimeProfileSettings(name: words.text(1))
            profile.nightSwitch = words.optional(2)
            profiles.append(profile)
            return true
        }
        guard let index = profiles.firstIndex(where: { $0.name == words.text(1) }) else { return false }
        if words.kind == "hours" {
            let days = words.text(2).split(separator: " ").compactMap { Int($0) }
            guard let from = words.number(3), let to = words.number(4) else { return false }
            profiles[index].hours.append(.init(days: days, from: from, to: to))
            return true
        }
        guard let month = words.number(3), let day = words.number(4) else { return false }
        let date = TimeProfileSettings.Day(year: words.number(2), month: month, day: day)
        if words.kind == "holiday" {
            profiles[index].holidays.append(date)
        } else {
            guard let from = words.number(5), let to = words.number(6) else { return false }
            profiles[index].exceptions.append(.init(day: date, from: from, to: to))
        }
        return true
    }

    private mutating func readAttendant(_ words: Words) -> Bool {
        if words.kind == "attendant" {
            var attendant = AttendantSettings(extension: words.text(1), name: words.text(2))
            attendant.profile = words.optional(3)
            attendant.closedMenu = words.optional(4)
            attendants.append(attendant)
            return true
        }
        guard let index = attendants.firstIndex(where: { $0.extension == words.text(1) }) else { return false }
        switch words.kind {
        case "choice":
            guard let key = words.text(2).first, let language = Language(rawValue: words.text(3)) else { return false }
            attendants[index].languages.append(.init(key: key, language: language))
        case "menu":
            guard let timeout = words.number(5), let times = words.number(6), let action = words.action(7) else {
                return false
            }
            var menu = MenuSettings(name: words.text(2))
            menu.prompt = words.optional(3)
            menu.dialsExtensions = words.flag(4)
            menu.timeoutSeconds = timeout
            menu.times = times
            menu.otherwise = action
            attendants[index].menus.append(menu)
        default:
            guard let menu = attendants[index].menus.firstIndex(where: { $0.name == words.text(2) }),
                let key = words.text(3).first, let action = words.action(4)
            else { return false }
            attendants[index].menus[menu].keys.append(.init(key: key, action: action))
        }
        return true
    }

    private mutating func readVoicemail(_ words: Words) -> Bool {
        if words.kind == "voicemail" {
            guard let seconds = words.number(2), let messages = words.number(3) else { return false }
            voicemail.extension = words.optional(1)
            voicemail.messageSeconds = seconds
            voicemail.messagesPerBox = messages
            voicemail.delivery.isOn = words.flag(4)
            voicemail.delivery.server = words.optional(5)
            voicemail.delivery.sender = words.optional(6)
            return true
        }
        guard let answer = words.number(4), let retention = words.number(5) else { return false }
        var box = MailboxSettings(extension: words.text(1), pin: words.secret(2))
        box.asksOwner = words.flag(3)
        box.answerSeconds = answer
        box.retentionDays = retention
        box.language = Language(rawValue: words.text(6))
        box.greeting = words.optional(7)
        box.address = words.optional(8)
        voicemail.boxes.append(box)
        return true
    }

    private mutating func readQueue(_ words: Words) -> Bool {
        guard let strategy = QueueSettings.Strategy(rawValue: words.text(5)), let ring = words.number(6),
            let wrapUp = words.number(7), let callers = words.number(8), let wait = words.number(9),
            let announce = words.number(11)
        else { return false }
        var queue = QueueSettings(extension: words.text(1), name: words.text(2))
        queue.agents = words.text(3).split(separator: " ").map { String($0) }
        queue.startsLoggedIn = words.flag(4)
        queue.strategy = strategy
        queue.ringSeconds = ring
        queue.wrapUpSeconds = wrapUp
        queue.callers = callers
        queue.waitSeconds = wait
        queue.overflow = words.optional(10)
        queue.announceSeconds = announce
        queue.tellsTime = words.flag(12)
        queue.language = Language(rawValue: words.text(13))
        queues.append(queue)
        return true
    }

    private struct Words {
        private let words: [String]
        init(_ words: [String]) { self.words = words }

        var kind: String { text(0) }
        func text(_ place: Int) -> String { words.indices.contains(place) ? words[place] : "" }
        func optional(_ place: Int) -> String? { text(place).isEmpty ? nil : text(place) }
        func number(_ place: Int) -> Int? { Int(text(place)) }
        func flag(_ place: Int) -> Bool { text(place) == "true" }
        func secret(_ place: Int) -> Secret? { optional(place).map { Secret($0) } }
        func action(_ place: Int) -> MenuSettings.Action? {
            switch text(place) {
            case "call": .call(text(place + 1))
            case "menu": .menu(text(place + 1))
            case "again": .again
            case "hang-up": .hangUp
            default: nil
            }
        }
    }

    // MARK: For a store

    /// The records as one text: words between tabs, records on lines. No word has either in it.
    package var recordText: String { records.map { $0.joined(separator: "\t") }.joined(separator: "\n") }

    package init?(recordText: String) {
        self.init(
            records: recordText.split(separator: "\n").map {
                $0.split(separator: "\t", omittingEmptySubsequences: false).map { String($0) }
            })
    }

    // MARK: For people

    /// Each record as one line of a comparison, PINs hidden: a key of its own, and the rest.
    package var lines: [(key: String, value: String)] {
        records.enumerated().map { index, record in
            var words = record
            let secrets = ["box": [2], "room": [3, 4]][record[0]] ?? []
            for place in secrets where !words[place].isEmpty { words[place] = "<secret>" }
            let isNamed = !["language", "zone", "voicemail", "codes"].contains(record[0])
            let isOnlyOne = isNamed && !["hours", "holiday", "exception", "choice", "menu", "key"].contains(record[0])
            let key =
                isOnlyOne ? "\(record[0]).\(record[1])" : isNamed ? "\(record[0]).\(record[1]).\(index)" : record[0]
            return ("applications.\(key)", words.dropFirst(isNamed ? 2 : 1).joined(separator: ", "))
        }
    }
}
