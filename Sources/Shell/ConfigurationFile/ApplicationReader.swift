import Primitives
import Settings
import Yams

/// The sections of what the appliance answers itself: speech, time profiles, attendants, voicemail, queues, rooms.
struct ApplicationReader {
    static let sections = ["speech", "time_profiles", "attendants", "voicemail", "queues", "rooms"]

    let reader: YAMLReader
    let limits: Limits
    /// Extensions of users.
    let users: [String]

    func read(_ sections: [String: Node]) -> ApplicationSettings {
        var settings = ApplicationSettings()
        if let node = sections["speech"] { speech(node, into: &settings) }
        if let list = sections["time_profiles"] {
            settings.profiles = elements(list, at: "time_profiles", limit: 50) { profile($0, at: $1) }
        }
        if let list = sections["attendants"] {
            let profiles = settings.profiles.map(\.name)
            settings.attendants = elements(list, at: "attendants", limit: 50) { attendant($0, at: $1, profiles) }
        }
        if let node = sections["voicemail"] { settings.voicemail = voicemail(node) }
        if let list = sections["queues"] {
            settings.queues = elements(list, at: "queues", limit: 50) { queue($0, at: $1) }
        }
        if let list = sections["rooms"] {
            settings.rooms = elements(list, at: "rooms", limit: limits.rooms) { room($0, at: $1) }
        }
        return settings
    }

    private func elements<Element>(
        _ node: Node, at key: String, limit: Int, _ read: (Node, String) -> Element?
    ) -> [Element] {
        reader.list(node, at: key, limit: limit).enumerated().compactMap { read($0.element, "\(key)[\($0.offset)]") }
    }

    private func speech(_ node: Node, into settings: inout ApplicationSettings) {
        let entries = reader.mapping(
            node, at: "speech", allowed: ["language", "utc_offset_minutes", "daylight_saving", "agent_codes"])
        if let node = entries["language"] {
            settings.language = reader.choice(node, at: "speech.language", of: Language.self) ?? .english
        }
        if let node = entries["utc_offset_minutes"] {
            settings.zone.offsetMinutes = reader.integer(node, at: "speech.utc_offset_minutes", in: -720...840) ?? 0
        }
        if let node = entries["daylight_saving"] {
            settings.zone.daylightSaving =
                reader.choice(node, at: "speech.daylight_saving", of: TimeZoneSettings.DaylightSaving.self) ?? .none
        }
        guard let node = entries["agent_codes"] else { return }
        let key = "speech.agent_codes"
        let codes = reader.mapping(node, at: key, allowed: ["log_in", "log_out", "pause", "go_on"])
        func code(_ name: String, _ standard: String) -> String {
            codes[name].flatMap { reader.number($0, at: "\(key).\(name)") } ?? standard
        }
        settings.codes.logIn = code("log_in", settings.codes.logIn)
        settings.codes.logOut = code("log_out", settings.codes.logOut)
        settings.codes.pause = code("pause", settings.codes.pause)
        settings.codes.goOn = code("go_on", settings.codes.goOn)
    }

    // MARK: Times

    private func profile(_ node: Node, at key: String) -> TimeProfileSettings? {
        let entries = reader.mapping(
            node, at: key, allowed: ["name", "hours", "holidays", "exceptions", "night_switch"])
        guard let name = name(in: entries, of: node, at: key) else { return nil }
        var profile = TimeProfileSettings(name: name)
        if let list = entries["hours"] {
            profile.hours = elements(list, at: "\(key).hours", limit: 50) { node, key in
                let fields = reader.mapping(node, at: key, allowed: ["days", "from", "to"])
                guard let (from, to) = times(fields, of: node, at: key),
                    let days = reader.required("days", in: fields, of: node, at: key)
                else { return nil }
                return .init(
                    days: elements(days, at: "\(key).days", limit: 7) { weekday($0, at: $1) }, from: from, to: to)
            }
        }
        if let list = entries["holidays"] {
            profile.holidays = elements(list, at: "\(key).holidays", limit: 200) { day($0, at: $1) }
        }
        if let list = entries["exceptions"] {
            profile.exceptions = elements(list, at: "\(key).exceptions", limit: 200) { node, key in
                let fields = reader.mapping(node, at: key, allowed: ["day", "from", "to"])
                guard let (from, to) = times(fields, of: node, at: key),
                    let day = reader.required("day", in: fields, of: node, at: key).flatMap({
                        day($0, at: "\(key).day")
                    })
                else { return nil }
                return .init(day: day, from: from, to: to)
            }
        }
        profile.nightSwitch = entries["night_switch"].flatMap { reader.number($0, at: "\(key).night_switch") }
        return profile
    }

    private func weekday(_ node: Node, at key: String) -> Int? {
        let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        guard let index = names.firstIndex(of: node.scalar?.string ?? "") else {
            reader.report("expected one of \(names.joined(separator: ", "))", at: node, key: key)
            return nil
        }
        return index + 1
    }

    private func times(_ entries: [String: Node], of node: Node, at key: String) -> (Int, Int)? {
        guard
            let from = reader.required("from", in: entries, of: node, at: key).flatMap({ clock($0, at: "\(key).from") }
            ),
            let to = reader.required("to", in: entries, of: node, at: key).flatMap({ clock($0, at: "\(key).to") })
        else { return nil }
        if to <= from { reader.report("ends before it begins; write two entries for a night", at: node, key: key) }
        return (from, to)
    }

    /// `"08:30"`, up to `"24:00"`, in minutes.
    private func clock(_ node: Node, at key: String) -> Int? {
        let parts = (node.scalar?.string ?? "").split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].utf8.count == 2, let hours = Int(parts[0]), let minutes = Int(parts[1]),
            (0...24).contains(hours), (0...59).contains(minutes), hours * 60 + minutes <= 1_440
        else {
            reader.report("expected a time of day in quotes, for example \"08:30\"", at: node, key: key)
            return nil
        }
        return hours * 60 + minutes
    }

    /// `"2026-12-24"`, or `"12-25"` for every year.
    private func day(_ node: Node, at key: String) -> TimeProfileSettings.Day? {
        let parts = (node.scalar?.string ?? "").split(separator: "-").map { Int($0) }
        let date = parts.suffix(2).compactMap { $0 }
        guard (2...3).contains(parts.count), date.count == 2, (1...12).contains(date[0]), (1...31).contains(date[1]),
            parts.count == 2 || (1_970...9_999).contains(parts[0] ?? 0)
        else {
            reader.report("expected a day in quotes: \"2026-12-24\", or \"12-25\" every year", at: node, key: key)
            return nil
        }
        return .init(year: parts.count == 3 ? parts[0] : nil, month: date[0], day: date[1])
    }

    // MARK: Attendants

    private func attendant(_ node: Node, at key: String, _ profiles: [String]) -> AttendantSettings? {
        let entries = reader.mapping(
            node, at: key, allowed: ["extension", "name", "languages", "profile", "menus", "closed_menu"])
        guard let number = number("extension", in: entries, of: node, at: key),
            let name = name(in: entries, of: node, at: key)
        else { return nil }
        var attendant = AttendantSettings(extension: number, name: name)
        if let list = entries["languages"] {
            attendant.languages = elements(list, at: "\(key).languages", limit: Language.allCases.count) { node, key in
                let fields = reader.mapping(node, at: key, allowed: ["key", "language"])
                guard
                    let pressed = reader.required("key", in: fields, of: node, at: key).flatMap({
                        self.key($0, at: key)
                    }),
                    let language = reader.required("language", in: fields, of: node, at: key)
                        .flatMap({ reader.choice($0, at: "\(key).language", of: Language.self) })
                else { return nil }
                return .init(key: pressed, language: language)
            }
        }
        attendant.profile = entries["profile"].flatMap { reader.text($0, at: "\(key).profile") }
        if let profile = attendant.profile, !profiles.contains(profile) {
            reader.report("there is no time profile '\(profile)'", at: entries["profile"], key: "\(key).profile")
        }
        if let list = reader.required("menus", in: entries, of: node, at: key) {
            attendant.menus = elements(list, at: "\(key).menus", limit: 30) { menu($0, at: $1) }
        }
        attendant.closedMenu = entries["closed_menu"].flatMap { reader.text($0, at: "\(key).closed_menu") }
        let names = attendant.menus.map(\.name)
        let actions = attendant.menus.flatMap { $0.keys.map(\.action) + [$0.otherwise] }
        let wanted = actions.compactMap { if case .menu(let name) = $0 { name } else { nil } }
        for name in wanted + [attendant.closedMenu].compactMap({ $0 }) where !names.contains(name) {
            reader.report("there is no menu '\(name)' in this attendant", at: node, key: key)
        }
        return attendant
    }

    private func menu(_ node: Node, at key: String) -> MenuSettings? {
        let entries = reader.mapping(
            node, at: key, allowed: ["name", "prompt", "keys", "dial_extensions", "timeout", "times", "otherwise"])
        guard let name = name(in: entries, of: node, at: key) else { return nil }
        var menu = MenuSettings(name: name)
        menu.prompt = entries["prompt"].flatMap { sound($0, at: "\(key).prompt") }
        if let node = entries["keys"], let mapping = node.mapping {
            for (name, value) in mapping {
                guard let pressed = self.key(name, at: "\(key).keys"),
                    let action = action(value, at: "\(key).keys.\(pressed)")
                else { continue }
                menu.keys.append(.init(key: pressed, action: action))
            }
        }
        menu.dialsExtensions =
            entries["dial_extensions"].flatMap { reader.boolean($0, at: "\(key).dial_extensions") } ?? false
        if let node = entries["timeout"] {
            menu.timeoutSeconds = reader.integer(node, at: "\(key).timeout", in: 1...60) ?? menu.timeoutSeconds
        }
        if let node = entries["times"] {
            menu.times = reader.integer(node, at: "\(key).times", in: 1...10) ?? menu.times
        }
        if let node = entries["otherwise"] {
            menu.otherwise = action(node, at: "\(key).otherwise") ?? .hangUp
        }
        return menu
    }

    /// `call 100`, `menu hours`, `again`, `hang up`.
    private func action(_ node: Node, at key: String) -> MenuSettings.Action? {
        let text = node.scalar?.string ?? ""
        let words = text.split(separator: " ", maxSplits: 1).map { String($0) }
        switch (words.first, words.count == 2 ? words[1] : nil) {
        case ("call", let number?) where number.allSatisfy({ "0123456789*#+".contains($0) }): return .call(number)
        case ("menu", let name?): return .menu(name)
        case ("again", nil): return .again
        case ("hang", "up"): return .hangUp
        default:
            reader.report("expected 'call NUMBER', 'menu NAME', 'again' or 'hang up'", at: node, key: key)
            return nil
        }
    }

    // MARK: Voicemail

    private func voicemail(_ node: Node) -> VoicemailSettings {
        var settings = VoicemailSettings()
        let entries = reader.mapping(
            node, at: "voicemail",
            allowed: ["extension", "message_seconds", "messages_per_box", "boxes", "mail_delivery"])
        settings.extension = entries["extension"].flatMap { reader.number($0, at: "voicemail.extension") }
        if let node = entries["message_seconds"] {
            settings.messageSeconds = reader.integer(node, at: "voicemail.message_seconds", in: 10...600) ?? 180
        }
        if let node = entries["messages_per_box"] {
            settings.messagesPerBox = reader.integer(node, at: "voicemail.messages_per_box", in: 1...1_000) ?? 100
        }
        if let list = entries["boxes"] {
            settings.boxes = elements(list, at: "voicemail.boxes", limit: limits.users) { box($0, at: $1) }
        }
        if let node = entries["mail_delivery"] {
            let key = "voicemail.mail_delivery"
            let fields = reader.mapping(node, at: key, allowed: ["enabled", "server", "sender"])
            settings.delivery.server = fields["server"].flatMap { reader.text($0, at: "\(key).server") }
            settings.delivery.sender = fields["sender"].flatMap { reader.text($0, at: "\(key).sender") }
            if let node = fields["enabled"], reader.boolean(node, at: "\(key).enabled") == true {
                reader.report("no mail is sent by this version; leave it off", at: node, key: "\(key).enabled")
            }
        }
        return settings
    }

    private func box(_ node: Node, at key: String) -> MailboxSettings? {
        let entries = reader.mapping(
            node, at: key,
            allowed: [
                "extension", "pin", "ask_owner", "answer_after", "retention_days", "language", "greeting", "mail",
            ])
        guard let number = user("extension", in: entries, of: node, at: key) else { return nil }
        var box = MailboxSettings(extension: number)
        box.pin = entries["pin"].flatMap { pin($0, at: "\(key).pin") }
        box.asksOwner = entries["ask_owner"].flatMap { reader.boolean($0, at: "\(key).ask_owner") } ?? true
        if let node = entries["answer_after"] {
            box.answerSeconds = reader.integer(node, at: "\(key).answer_after", in: 1...60) ?? box.answerSeconds
        }
        if let node = entries["retention_days"] {
            box.retentionDays = reader.integer(node, at: "\(key).retention_days", in: 0...3_650) ?? box.retentionDays
        }
        box.language = language(entries, at: key)
        box.greeting = entries["greeting"].flatMap { sound($0, at: "\(key).greeting") }
        box.address = entries["mail"].flatMap { reader.text($0, at: "\(key).mail") }
        return box
    }

    // MARK: Queues and rooms

    private func queue(_ node: Node, at key: String) -> QueueSettings? {
        let entries = reader.mapping(
            node, at: key,
            allowed: [
                "extension", "name", "agents", "logged_in", "strategy", "ring_seconds", "wrap_up_seconds", "callers",
                "wait_seconds", "overflow", "announce_seconds", "tell_time", "language",
            ])
        guard let number = number("extension", in: entries, of: node, at: key),
            let name = name(in: entries, of: node, at: key)
        else { return nil }
        var queue = QueueSettings(extension: number, name: name)
        func integer(_ name: String, _ range: ClosedRange<Int>, _ standard: Int) -> Int {
            entries[name].flatMap { reader.integer($0, at: "\(key).\(name)", in: range) } ?? standard
        }
        if let list = entries["agents"] {
            queue.agents = elements(list, at: "\(key).agents", limit: 100) { node, key in
                guard let number = reader.number(node, at: key) else { return nil }
                if !users.contains(number) { reader.report("there is no user \(number)", at: node, key: key) }
                return number
            }
        }
        queue.startsLoggedIn = entries["logged_in"].flatMap { reader.boolean($0, at: "\(key).logged_in") } ?? true
        if let node = entries["strategy"] {
            queue.strategy = reader.choice(node, at: "\(key).strategy", of: QueueSettings.Strategy.self) ?? .longestIdle
        }
        queue.ringSeconds = integer("ring_seconds", 5...120, queue.ringSeconds)
        queue.wrapUpSeconds = integer("wrap_up_seconds", 0...3_600, queue.wrapUpSeconds)
        queue.callers = integer("callers", 1...100, queue.callers)
        queue.waitSeconds = integer("wait_seconds", 10...7_200, queue.waitSeconds)
        queue.announceSeconds = integer("announce_seconds", 0...600, queue.announceSeconds)
        queue.overflow = entries["overflow"].flatMap { reader.number($0, at: "\(key).overflow") }
        queue.tellsTime = entries["tell_time"].flatMap { reader.boolean($0, at: "\(key).tell_time") } ?? true
        queue.language = language(entries, at: key)
        return queue
    }

    private func room(_ node: Node, at key: String) -> RoomSettings? {
        let entries = reader.mapping(
            node, at: key, allowed: ["extension", "name", "pin", "host_pin", "announce", "language"])
        guard let number = number("extension", in: entries, of: node, at: key),
            let name = name(in: entries, of: node, at: key)
        else { return nil }
        var room = RoomSettings(extension: number, name: name)
        room.pin = entries["pin"].flatMap { pin($0, at: "\(key).pin") }
        room.hostPIN = entries["host_pin"].flatMap { pin($0, at: "\(key).host_pin") }
        if let pin = room.pin, let host = room.hostPIN, pin.matches(host) {
            reader.report(
                "the host's PIN must differ from the guests'", at: entries["host_pin"], key: "\(key).host_pin")
        }
        room.announces = entries["announce"].flatMap { reader.boolean($0, at: "\(key).announce") } ?? true
        room.language = language(entries, at: key)
        return room
    }

    // MARK: Values

    private func name(in entries: [String: Node], of node: Node, at key: String) -> String? {
        reader.required("name", in: entries, of: node, at: key).flatMap { reader.text($0, at: "\(key).name") }
    }

    private func number(_ name: String, in entries: [String: Node], of node: Node, at key: String) -> String? {
        reader.required(name, in: entries, of: node, at: key).flatMap { reader.number($0, at: "\(key).\(name)") }
    }

    private func user(_ name: String, in entries: [String: Node], of node: Node, at key: String) -> String? {
        guard let number = number(name, in: entries, of: node, at: key) else { return nil }
        if !users.contains(number) { reader.report("there is no user \(number)", at: node, key: "\(key).\(name)") }
        return number
    }

    private func language(_ entries: [String: Node], at key: String) -> Language? {
        entries["language"].flatMap { reader.choice($0, at: "\(key).language", of: Language.self) }
    }

    /// One key of a telephone.
    private func key(_ node: Node, at key: String) -> Character? {
        guard let text = node.scalar?.string, text.count == 1, let pressed = text.first,
            "0123456789*#".contains(pressed)
        else {
            reader.report("expected a key in quotes: \"0\" to \"9\", \"*\" or \"#\"", at: node, key: key)
            return nil
        }
        return pressed
    }

    private func pin(_ node: Node, at key: String) -> Secret? {
        guard let text = reader.text(node, at: key) else { return nil }
        guard (4...16).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            reader.report("expected 4 to 16 digits in quotes", at: node, key: key)
            return nil
        }
        return Secret(text)
    }

    /// The name of a sound, without `.wav`.
    private func sound(_ node: Node, at key: String) -> String? {
        guard let text = reader.text(node, at: key, maximumBytes: 64) else { return nil }
        guard text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }) else {
            reader.report("expected the name of a sound: letters, digits, - and _", at: node, key: key)
            return nil
        }
        return text
    }
}
