import Applications
import Media
import Primitives
import Settings
import Testing

/// One caller at an attendant: what is heard and what becomes of keys.
@Suite struct AttendantTests {
    private static func settings(dialsExtensions: Bool = true) -> AttendantSettings {
        var main = MenuSettings(name: "main")
        main.prompt = "hello"
        main.keys = [
            .init(key: "1", action: .call("610")), .init(key: "2", action: .menu("hours")),
            .init(key: "3", action: .again), .init(key: "9", action: .hangUp),
        ]
        main.dialsExtensions = dialsExtensions
        main.times = 2
        main.otherwise = .call("100")
        var hours = MenuSettings(name: "hours")
        hours.prompt = "hours"
        hours.keys = [.init(key: "*", action: .menu("main"))]
        hours.times = 1
        var closed = MenuSettings(name: "closed")
        closed.prompt = "closed"
        closed.times = 1
        var attendant = AttendantSettings(extension: "500", name: "Reception")
        attendant.menus = [main, hours, closed]
        attendant.closedMenu = "closed"
        return attendant
    }

    private static func attendant(
        isOpen: Bool = true, _ change: (inout AttendantSettings) -> Void = { _ in }
    ) -> Attendant {
        var settings = settings()
        change(&settings)
        return Attendant(settings, language: .english, isOpen: isOpen, firstDigits: [.one, .six])
    }

    private static func played(_ commands: [ApplicationCommand]) -> [Prompt] {
        commands.flatMap { if case .play(let prompts) = $0 { prompts } else { [Prompt]() } }
    }

    private static func rung(_ commands: [ApplicationCommand]) -> Connection? {
        commands.lazy.compactMap { if case .connect(let connection) = $0 { connection } else { nil } }.first
    }

    @Test(arguments: [(true, "hello"), (false, "closed")])
    func `the menu is the one of the hour`(isOpen: Bool, prompt: String) {
        var attendant = Self.attendant(isOpen: isOpen)
        #expect(Self.played(attendant.handle(.entered)) == [.sound(prompt, .english)])
    }

    @Test func `a key that begins no extension is not waited after, one that does is`() throws {
        var attendant = Self.attendant()
        let collect = try #require(attendant.handle(.entered).last)
        guard case .collect(let rules) = collect else {
            Issue.record("no keys are waited for")
            return
        }
        #expect(rules.alone == [.two, .three, .nine] && rules.most > 1)
    }

    @Test(arguments: [
        ("1", "610", true), ("101", "101", false), ("67", "67", false), ("11", "11", false),
    ])
    func `keys and extensions ring somebody; outside only what the administrator has written`(
        keys: String, number: String, mayLeave: Bool
    ) throws {
        var attendant = Self.attendant()
        _ = attendant.handle(.entered)
        let digits = try #require([Digit](digits: keys))
        let connection = try #require(Self.rung(attendant.handle(.digits(digits, .timeout))))
        #expect(connection.numbers == [number] && connection.mayLeave == mayLeave && connection.takesMailbox)
    }

    @Test(arguments: [
        (ApplicationEvent.Unanswered.busy, StandardPrompt.isBusy), (.noAnswer, .isUnavailable),
        (.unreachable, .isUnavailable), (.unknown, .isUnavailable),
    ])
    func `who is not connected is told why, and hears the menu again`(
        why: ApplicationEvent.Unanswered, word: StandardPrompt
    ) {
        var attendant = Self.attendant()
        _ = attendant.handle(.entered)
        _ = attendant.handle(.digits([.one], .complete))
        let commands = attendant.handle(.unanswered(why))
        #expect(Self.played(commands) == [.said(word, .english), .sound("hello", .english)])
    }

    @Test func `nothing pressed, the menu is heard again, and then somebody is rung`() throws {
        var attendant = Self.attendant()
        _ = attendant.handle(.entered)
        #expect(Self.played(attendant.handle(.digits([], .none))) == [.sound("hello", .english)])
        let connection = try #require(Self.rung(attendant.handle(.digits([], .none))))
        #expect(connection.numbers == ["100"] && connection.mayLeave)
        #expect(Self.played(attendant.handle(.unanswered(.noAnswer))).last == .said(.goodbye, .english))
        #expect(attendant.handle(.played) == [.hangUp])
    }

    @Test func `a key that means nothing is said to be wrong`() {
        var attendant = Self.attendant { $0.menus[0].dialsExtensions = false }
        _ = attendant.handle(.entered)
        let prompts = Self.played(attendant.handle(.digits([.seven], .complete)))
        #expect(prompts == [.said(.invalidChoice, .english), .sound("hello", .english)])
    }

    @Test func `menus lead to menus and back, a key hangs up`() {
        var attendant = Self.attendant()
        _ = attendant.handle(.entered)
        #expect(Self.played(attendant.handle(.digits([.two], .complete))) == [.sound("hours", .english)])
        #expect(Self.played(attendant.handle(.digits([.star], .complete))) == [.sound("hello", .english)])
        #expect(Self.played(attendant.handle(.digits([.nine], .complete))) == [.said(.goodbye, .english)])
        #expect(attendant.handle(.digits([.one], .complete)) == [], "it is over")
        #expect(attendant.handle(.played) == [.hangUp])
    }

    @Test func `the language is asked for in each language, twice, and then taken as it is`() {
        let change: (inout AttendantSettings) -> Void = {
            $0.languages = [.init(key: "1", language: .german), .init(key: "2", language: .french)]
        }
        var attendant = Self.attendant(change)
        let asked: [Prompt] = [
            .said(.forThisLanguagePress, .german), .digits("1", .german), .said(.forThisLanguagePress, .french),
            .digits("2", .french),
        ]
        #expect(Self.played(attendant.handle(.entered)) == asked)
        #expect(Self.played(attendant.handle(.digits([.two], .complete))) == [.sound("hello", .french)])
        var silent = Self.attendant(change)
        _ = silent.handle(.entered)
        #expect(Self.played(silent.handle(.digits([], .none))) == asked)
        #expect(Self.played(silent.handle(.digits([.seven], .complete))) == [.sound("hello", .english)])
    }

    @Test func `nobody is kept in menus for ever`() {
        var attendant = Self.attendant()
        _ = attendant.handle(.entered)
        var heard = 1
        while heard < 100, Self.played(attendant.handle(.digits([.three], .complete))) == [.sound("hello", .english)] {
            heard += 1
        }
        #expect(heard == Attendant.menusPerCall)
        #expect(attendant.handle(.played) == [.hangUp])
    }

    @Test func `an attendant without menus, or with one that is gone, says goodbye`() {
        var empty = Self.attendant { $0.menus = [] }
        #expect(Self.played(empty.handle(.entered)) == [.said(.goodbye, .english)])
        var lost = Self.attendant { $0.menus.removeAll { $0.name == "hours" } }
        _ = lost.handle(.entered)
        #expect(Self.played(lost.handle(.digits([.two], .complete))).last == .said(.goodbye, .english))
    }
}
