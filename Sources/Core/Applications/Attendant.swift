package import Media
package import Settings

/// One caller at an automatic attendant.
///
/// ```text
///            languages?            key of a menu ─► another menu ─┐
/// entered ──► language ──► menu ◄──────────────────────────────────┘
///    └─────────none──────────┘ ▲ │ key of a call, or an extension
///                              │ ▼
///              busy, no answer └─ connecting ──► answered: over
/// menu: nothing, or nonsense, as often as the menu is said: otherwise ──► connecting, farewell ──► hung up
/// ```
package struct Attendant: Sendable {
    private enum State {
        case language(heard: Int)
        case menu(MenuSettings, heard: Int)
        case connecting(from: MenuSettings, isLast: Bool)
        case farewell
    }

    /// How many menus one caller hears at most, whatever is pressed.
    package static let menusPerCall = 30

    private let settings: AttendantSettings
    private let isOpen: Bool
    /// The first keys of extensions, for which a longer number is waited for.
    private let firstDigits: [Digit]
    private var language: Language
    private var state = State.farewell
    private var menus = 0

    package init(_ settings: AttendantSettings, language: Language, isOpen: Bool, firstDigits: [Digit]) {
        self.settings = settings
        self.language = language
        self.isOpen = isOpen
        self.firstDigits = firstDigits
    }

    package mutating func handle(_ event: ApplicationEvent) -> [ApplicationCommand] {
        switch (state, event) {
        case (_, .entered): return settings.languages.isEmpty ? begin() : askLanguage(heard: 1)
        case (.language(let heard), .digits(let digits, _)): return languageChosen(digits, heard: heard)
        case (.menu(let menu, let heard), .digits(let digits, _)): return pressed(digits, in: menu, heard: heard)
        case (.connecting(let menu, let isLast), .unanswered(let why)):
            let word = Prompt.said(why == .busy ? .isBusy : .isUnavailable, language)
            return isLast ? sayFarewell([word]) : say(menu, heard: 1, after: [word])
        case (.farewell, .played): return [.hangUp]
        case (.language, _), (.menu, _), (.connecting, _), (.farewell, _): return []
        }
    }

    private mutating func askLanguage(heard: Int) -> [ApplicationCommand] {
        state = .language(heard: heard)
        let prompts = settings.languages.flatMap { entry -> [Prompt] in
            [.said(.forThisLanguagePress, entry.language), .digits(String(entry.key), entry.language)]
        }
        return [.play(prompts), .collect(DigitRules(most: 1, terminators: [], first: .seconds(5)))]
    }

    private mutating func languageChosen(_ digits: [Digit], heard: Int) -> [ApplicationCommand] {
        if let entry = settings.languages.first(where: { digits == [Digit($0.key)].compactMap { $0 } }) {
            language = entry.language
            return begin()
        }
        return heard < 2 ? askLanguage(heard: heard + 1) : begin()
    }

    private mutating func begin() -> [ApplicationCommand] {
        let name = isOpen ? nil : settings.closedMenu
        guard let menu = name.flatMap({ menu($0) }) ?? settings.menus.first else { return sayFarewell([]) }
        return say(menu, heard: 1)
    }

    private func menu(_ name: String) -> MenuSettings? { settings.menus.first { $0.name == name } }

    private mutating func say(_ menu: MenuSettings, heard: Int, after: [Prompt] = []) -> [ApplicationCommand] {
        menus += 1
        guard menus <= Self.menusPerCall else { return sayFarewell(after) }
        state = .menu(menu, heard: heard)
        let prompt = menu.prompt.map { Prompt.sound($0, language) } ?? .said(.welcome, language)
        let keys = menu.keys.compactMap { Digit($0.key) }
        let rules = DigitRules(
            most: menu.dialsExtensions ? DigitRules.mostAtAll : 1,
            alone: keys.filter { !menu.dialsExtensions || !firstDigits.contains($0) },
            first: .seconds(menu.timeoutSeconds), between: .seconds(3))
        return [.play(after + [prompt]), .collect(rules)]
    }

    private mutating func pressed(_ digits: [Digit], in menu: MenuSettings, heard: Int) -> [ApplicationCommand] {
        if digits.count == 1, let key = menu.keys.first(where: { Digit($0.key) == digits[0] }) {
            return act(key.action, from: menu, heard: heard)
        }
        if menu.dialsExtensions, !digits.isEmpty {
            return connect(Connection([digits.text]), from: menu, isLast: false)
        }
        guard heard < menu.times else { return act(menu.otherwise, from: menu, heard: heard, isLast: true) }
        return say(menu, heard: heard + 1, after: digits.isEmpty ? [] : [.said(.invalidChoice, language)])
    }

    private mutating func act(
        _ action: MenuSettings.Action, from menu: MenuSettings, heard: Int, isLast: Bool = false
    ) -> [ApplicationCommand] {
        switch action {
        case .call(let number):
            var connection = Connection([number])
            connection.mayLeave = true
            return connect(connection, from: menu, isLast: isLast)
        case .menu(let name):
            guard let next = self.menu(name) else { return sayFarewell([.said(.isUnavailable, language)]) }
            return say(next, heard: 1)
        case .again: return isLast ? sayFarewell([]) : say(menu, heard: heard)
        case .hangUp: return sayFarewell([])
        }
    }

    private mutating func connect(
        _ connection: Connection, from menu: MenuSettings, isLast: Bool
    ) -> [ApplicationCommand] {
        var connection = connection
        connection.takesMailbox = true
        state = .connecting(from: menu, isLast: isLast)
        return [.stopCollecting, .connect(connection)]
    }

    private mutating func sayFarewell(_ prompts: [Prompt]) -> [ApplicationCommand] {
        state = .farewell
        return [.stopCollecting, .play(prompts + [.said(.goodbye, language)])]
    }
}
