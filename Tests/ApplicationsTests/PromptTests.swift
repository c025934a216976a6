import Applications
import Foundation
import Media
import Settings
import Testing

/// What is said, and what is heard in place of what is missing.
@Suite struct PromptTests {
    private static let list = String(
        #filePath.dropLast("Tests/ApplicationsTests/PromptTests.swift".count) + "Resources/prompts/prompts.tsv")

    @Test func `every prompt has words in every language, and nothing else has`() throws {
        let text = try String(contentsOfFile: Self.list, encoding: .utf8)
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        let rows = lines.map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
        #expect(rows.allSatisfy { $0.count == 1 + Language.allCases.count && $0.allSatisfy { !$0.isEmpty } })
        #expect(rows.map { String($0[0]) }.sorted() == StandardPrompt.allCases.map(\.rawValue).sorted())
    }

    private static func clip(_ name: String) -> AudioClip {
        AudioClip(name: name, rate: 8_000, samples: [Int16](repeating: 0, count: 800))
    }

    private static let library = PromptLibrary(
        spoken: [.german: [clip("digit-1"), clip("digit-2"), clip("star"), clip("goodbye")]],
        uploaded: [clip("hello"), clip("menu-de"), clip("menu")])

    private static func names(_ prompts: [Prompt]) -> [String] {
        library.playlist(of: prompts).playlist.sounds.compactMap {
            if case .clip(let clip) = $0 { clip.name } else { nil }
        }
    }

    @Test func `numbers are said digit by digit, sounds of a language before those for all`() {
        #expect(Self.names([.digits("*121", .german)]) == ["star", "digit-1", "digit-2", "digit-1"])
        #expect(Self.names([.sound("menu", .german), .sound("menu", .french)]) == ["menu-de", "menu"])
        #expect(Self.names([.sound("goodbye", .german)]) == ["goodbye"])
    }

    @Test func `what is missing is a tone, and named`() {
        let (playlist, missing) = Self.library.playlist(of: [.said(.goodbye, .english), .sound("lost", .german)])
        #expect(missing == ["en/goodbye", "lost"])
        #expect(playlist.sounds.filter { $0 == PromptLibrary.replacement }.count == 2)
        #expect(playlist.duration == .milliseconds(540))
    }

    @Test func `music has no end, unless words go before it; nothing follows it`() {
        #expect(Self.library.playlist(of: [.music, .beep]).playlist.duration == nil)
        #expect(Self.library.playlist(of: [.beep, .music]).playlist.duration != nil)
    }
}
