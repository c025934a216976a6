import ConfigurationFile
import Primitives
import Settings
import Testing

/// What the appliance answers itself, as a configuration file says it.
@Suite struct ApplicationConfigurationTests {
    private let example = String(
        #filePath.dropLast("Tests/ConfigurationFileTests/ApplicationConfigurationTests.swift".count)
            + "Examples/applications.yaml")

    @Test func `the example reaches every setting`() throws {
        let settings = try ConfigurationFile.load(path: example).applications
        #expect(settings.language == .german && settings.zone.offsetMinutes == 60)
        #expect(
            settings.zone.daylightSaving == .europe && settings.codes.pause == "*75" && settings.codes.logIn == "*51")
        let office = try #require(settings.profiles.first)
        #expect(office.hours.map(\.days) == [[1, 2, 3, 4, 5], [1, 2, 3, 4]] && office.hours[0].to == 750)
        #expect(office.holidays == [.init(month: 12, day: 25), .init(year: 2026, month: 4, day: 6)])
        #expect(office.exceptions == [.init(day: .init(year: 2026, month: 12, day: 24), from: 480, to: 720)])
        #expect(office.nightSwitch == "590")
        let attendant = try #require(settings.attendants.first)
        #expect(attendant.languages.map(\.language) == [.german, .english] && attendant.closedMenu == "night")
        let menu = attendant.menus[0]
        #expect(menu.dialsExtensions && menu.timeoutSeconds == 5 && menu.times == 2 && menu.otherwise == .call("100"))
        #expect(menu.keys.contains(.init(key: "2", action: .menu("directions"))) && menu.keys.count == 3)
        #expect(attendant.menus[1].keys.contains(.init(key: "9", action: .hangUp)))
        let box = try #require(settings.voicemail.boxes.first)
        #expect(box.pin == Secret("4711") && box.answerSeconds == 15 && box.retentionDays == 30)
        #expect(!settings.voicemail.boxes[1].asksOwner && !settings.voicemail.delivery.isOn)
        let queue = try #require(settings.queues.first)
        #expect(queue.agents == ["101", "102"] && queue.overflow == "500" && queue.wrapUpSeconds == 20)
        #expect(settings.rooms.first?.hostPIN == Secret("9876"))
    }

    private static let user = "users: [{extension: \"101\", name: Bob, password: p}]\n"

    @Test(arguments: [
        ("voicemail: {boxes: [{extension: \"109\"}]}", "there is no user 109"),
        ("voicemail: {boxes: [{extension: \"101\", pin: \"12\"}]}", "4 to 16 digits"),
        ("voicemail: {mail_delivery: {enabled: true}}", "no mail is sent"),
        ("voicemail: {extension: \"101\"}", "number 101 is taken"),
        ("queues: [{extension: \"700\", name: Q, agents: [\"5\"]}]", "there is no user 5"),
        ("rooms: [{extension: \"8\", name: R, pin: \"1234\", host_pin: \"1234\"}]", "must differ"),
        ("attendants: [{extension: \"5\", name: A}]", "'menus' is missing"),
        ("attendants: [{extension: \"5\", name: A, profile: x, menus: [{name: m}]}]", "no time profile 'x'"),
        ("attendants: [{extension: \"5\", name: A, menus: [{name: m, otherwise: menu n}]}]", "no menu 'n'"),
        ("attendants: [{extension: \"5\", name: A, menus: [{name: m, keys: {\"1\": fly}}]}]", "'call NUMBER'"),
        ("attendants: [{extension: \"5\", name: A, menus: [{name: m, prompt: \"../x\"}]}]", "name of a sound"),
        ("time_profiles: [{name: t, hours: [{days: [mon], from: \"9:00\", to: \"8:00\"}]}]", "ends before"),
        ("time_profiles: [{name: t, hours: [{days: [monday], from: \"8:00\", to: \"9:00\"}]}]", "mon, tue"),
        ("time_profiles: [{name: t, hours: [{days: [mon], from: \"8\", to: \"24:01\"}]}]", "time of day"),
        ("time_profiles: [{name: t, holidays: [\"13-01\"]}]", "expected a day"),
        ("speech: {language: it}", "en, de, fr"),
    ])
    func `what cannot be is told`(text: String, problem: String) throws {
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationFile.parse(Array((Self.user + text).utf8), file: "test.yaml")
        }
        guard case .problems(let problems) = error else {
            Issue.record("unexpected \(error)")
            return
        }
        #expect(problems.contains { $0.text.contains(problem) }, "\(problems.map(\.text))")
    }
}
