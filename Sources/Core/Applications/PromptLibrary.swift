package import Media
import Primitives
package import Settings

/// The sounds that are at hand, and how prompts become what media workers play.
package struct PromptLibrary: Sendable, Equatable {
    private var spoken: [Language: [String: AudioClip]] = [:]
    private var uploaded: [String: AudioClip] = [:]

    /// Without any: everything is a tone.
    package init() {}

    /// - Parameters:
    ///   - spoken: by language, named as `StandardPrompt` is.
    ///   - uploaded: the owner's; one may be named `greeting` or, for one language, `greeting-de`.
    package init(spoken: [Language: [AudioClip]], uploaded: [AudioClip] = []) {
        for (language, clips) in spoken {
            self.spoken[language] = Dictionary(clips.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        }
        self.uploaded = Dictionary(uploaded.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package var count: Int { uploaded.count + spoken.values.reduce(0) { $0 + $1.count } }

    /// What is heard in place of a prompt that is not there.
    package static let replacement = Playlist.Sound.tone(
        .continuous(425, level: -20), lasting: .milliseconds(150))
    /// Speak now.
    private static let beep = Playlist.Sound.tone(.continuous(1_000, level: -14), lasting: .milliseconds(400))
    private static let gap = Playlist.Sound.silence(.milliseconds(120))

    /// Prompts as a playlist, and the names of those that are missing. `messages` holds what was loaded.
    package func playlist(
        of prompts: [Prompt], messages: [MessageID: AudioClip] = [:], country: TonePlan = .itu
    ) -> (playlist: Playlist, missing: [String]) {
        var sounds: [Playlist.Sound] = []
        var missing: [String] = []
        var isEndless = false
        func add(_ clip: AudioClip?, _ name: String) {
            if let clip {
                sounds.append(.clip(clip))
            } else {
                sounds.append(Self.replacement)
                missing.append(name)
            }
            sounds.append(Self.gap)
        }
        for prompt in prompts where !isEndless {
            switch prompt {
            case .said(let name, let language):
                add(clip(name.rawValue, language), "\(language.rawValue)/\(name.rawValue)")
            case .digits(let text, let language):
                for character in text {
                    guard let name = StandardPrompt(character) else { continue }
                    add(clip(name.rawValue, language), "\(language.rawValue)/\(name.rawValue)")
                }
            case .sound(let name, let language):
                add(uploaded["\(name)-\(language.rawValue)"] ?? uploaded[name] ?? clip(name, language), name)
            case .message(let id): add(messages[id], "message \(id)")
            case .tone(let tone):
                sounds.append(.tone(country.cadence(of: tone), lasting: .seconds(2)))
            case .beep: sounds.append(Self.beep)
            case .silence(let duration): sounds.append(.silence(duration))
            case .music:
                isEndless = true
                if sounds.isEmpty { return (.music(MusicOnHold.builtIn), missing) }
                sounds.append(.clip(MusicOnHold.builtIn))
            }
        }
        return (Playlist(sounds), missing)
    }

    private func clip(_ name: String, _ language: Language) -> AudioClip? { spoken[language]?[name] }
}

extension Playlist {
    /// How long it plays; nil: for ever, or who knows.
    package var duration: Duration? {
        guard let repeats else { return nil }
        var once = Duration.zero
        for sound in sounds.prefix(SoundLimits.soundsPerPlaylist) {
            switch sound {
            case .clip(let clip): once += clip.duration
            case .silence(let duration): once += duration
            case .tone(let cadence, let lasting):
                guard let length = [cadence.duration, lasting].compactMap({ $0 }).min() else { return nil }
                once += length
            }
        }
        return once * repeats - start
    }
}
