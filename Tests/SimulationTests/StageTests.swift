import Foundation
import Media
import Primitives
import Testing

@testable import Simulation

@Suite struct StageTests {
    private static let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// On the other stage they are played by `make office-live`.
    @Test(arguments: StageScenario.all.map(\.name), 1...2)
    func `every scenario of the stages holds in the simulator`(name: String, seed: UInt64) throws {
        let scenario = try #require(Scenario.staged.first { $0.name == name })
        try SeedRun.play(seed: seed, scenarios: [scenario], trace: Trace(isMuted: true))
    }

    @Test func `the simulator plays all scenarios of the stages, each under a name of its own`() {
        let names = StageScenario.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(Scenario.all.map(\.name).suffix(names.count) == names[...])
        #expect(Scenario.swept(by: 20).count == Scenario.all.count)
        #expect(Scenario.swept(by: 5).count == Scenario.short.count + names.count)
    }

    // MARK: The list of features

    private struct Row {
        var feature: String
        var scenarios: [String]
        /// Why there is none.
        var reason: String
    }

    private static func lines(_ document: String) throws -> [String] {
        let text = try String(contentsOf: root.appending(path: document), encoding: .utf8)
        return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    private static func cells(_ line: String) -> [String] {
        line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }

    /// The rows of every table with that heading.
    private static func table(_ heading: String, in lines: [String]) -> [[String]] {
        var rows: [[String]] = []
        var isInside = false
        for line in lines {
            if line.hasPrefix(heading) { isInside = true } else if !line.hasPrefix("|") { isInside = false }
            if isInside, !line.hasPrefix(heading), !line.hasPrefix("| ---") { rows.append(cells(line)) }
        }
        return rows
    }

    private static func rows() throws -> [Row] {
        table("| feature | scenario |", in: try lines("docs/FEATURES.md")).map { cells in
            let names = cells[1].split(separator: "`").enumerated().filter { $0.offset % 2 == 0 }.map {
                String($0.element)
            }
            let isNone = cells[1].hasPrefix("none")
            return Row(feature: cells[0], scenarios: isNone ? [] : names, reason: isNone ? cells[1] : "")
        }
    }

    /// A feature without a scenario says so, and why; it is printed, and cannot be left out.
    @Test func `every feature of the documents has a scenario that is played on both stages`() throws {
        let rows = try Self.rows()
        for row in rows where row.scenarios.isEmpty { print("NO SCENARIO SHOWS \(row.feature): \(row.reason)") }
        let known = Set(StageScenario.all.map(\.name))
        for row in rows {
            #expect(row.scenarios.allSatisfy(known.contains), "\(row.feature): \(row.scenarios)")
            #expect(!row.scenarios.isEmpty || row.reason.count > 8, "\(row.feature)")
        }
        let features = Self.table("| feature | use and behaviour |", in: try Self.lines("docs/FEATURES.md")).map {
            $0[0]
        }
        #expect(features.count > 20)
        let headings = try Self.lines("docs/features/APPLICATIONS.md").filter { $0.hasPrefix("## ") }
            .map { $0.dropFirst(3).lowercased() }.filter { $0 != "prompts" && $0 != "limits" }
        let shown = Set(rows.map(\.feature))
        for feature in features + headings { #expect(shown.contains(feature), "\(feature) is not among the scenarios") }
    }

    @Test func `every scenario of the stages shows a feature of the list`() throws {
        let shown = Set(try Self.rows().flatMap(\.scenarios))
        for scenario in StageScenario.all { #expect(shown.contains(scenario.name), "\(scenario.name)") }
    }

    @Test func `the list of the service examples is that of the document`() throws {
        let rows = Self.table("| example | scenario |", in: try Self.lines("docs/FEATURES.md"))
        #expect(
            rows == ServiceExample.allCases.map { [$0.rawValue, "`\($0.scenario.name)`", $0.difference ?? ""] })
    }

    // MARK: What a failure says

    @Test func `a failure names what was awaited, and what each telephone was doing and heard`() throws {
        let scenario = StageScenario("doomed", "waits for what never comes") { play throws(ScenarioFailure) in
            let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
            try play.connect(alice, bob)
            try play.wait("the sky to fall", within: .seconds(1)) { false }
        }
        let world = World(seed: 1, scenario: "doomed", trace: Trace(isMuted: true))
        let stage = SimulatedStage(world)
        var play: Play?
        let failure = #expect(throws: ScenarioFailure.self) { try scenario.perform(on: stage) { play = $0 } }
        #expect(failure?.text == "the sky to fall: not within 1000 ms")
        let report = try #require(play).report
        #expect(report.first == "awaited: the sky to fall")
        #expect(report.contains("Alice: talking, hears Bob"))
        #expect(report.contains { $0.contains("Bob") && $0.hasSuffix("answers") })
    }

    @Test func `a configuration that contradicts itself fails with its line`() {
        let office = StageOffice(features: ["park_seconds: 1"])
        let scenario = StageScenario("wrong", "is not valid", office) { _ throws(ScenarioFailure) in }
        let stage = SimulatedStage(World(seed: 1, scenario: "wrong", trace: Trace(isMuted: true)))
        let failure = #expect(throws: ScenarioFailure.self) { try scenario.perform(on: stage) }
        #expect(failure?.text.contains("park_seconds") == true)
    }
}

@Suite struct EarTests {
    private let names = ["Alice", "Bob", "Carol"]

    private func hear(_ tones: [Double], amplitude: Double = 4_000) -> Heard {
        var generators = tones.map { ToneGenerator(frequency: $0, amplitude: amplitude) }
        var ear = Ear()
        for _ in 0..<10 {
            var mix = [Int16](repeating: 0, count: 160)
            for index in generators.indices {
                let samples = generators[index].samples(160)
                for place in mix.indices { mix[place] &+= samples[place] }
            }
            ear.listen(to: mix) { names }
        }
        return ear.heard
    }

    @Test func `voices are told apart, alone and together`() {
        #expect(hear([Ear.voices[1]]) == .voices(["Bob"]))
        #expect(hear([Ear.voices[0], Ear.voices[2]]) == .voices(["Alice", "Carol"]))
        #expect(hear([Ear.voices[0], Ear.voices[1], Ear.voices[2]]) == .voices(names))
    }

    @Test func `silence, a tone of the network and anything else are no voices`() {
        #expect(hear([]) == .nothing)
        #expect(hear([Ear.voices[0]], amplitude: 8) == .nothing)
        #expect(hear([425]) == .tone)
        #expect(hear([523, 659]) == .sound)
        #expect(hear([697, 1_477]) == .sound, "a key")
    }

    @Test func `music has no voice in it`() {
        var ear = Ear()
        let music = MusicOnHold.builtIn.samples
        var place = 0
        while place + 160 <= min(music.count, 160_000) {
            ear.listen(to: Array(music[place..<place + 160])) { (0..<10).map { "voice \($0)" } }
            if case .voices(let heard) = ear.heard { Issue.record("\(heard) in the music at \(place)") }
            place += 160
        }
    }
}
