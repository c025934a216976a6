package import Applications
package import Media
import Settings

/// Prompts on the disk: those that come with the firmware, one directory per language (`de`, `en`, `fr`), and the owner's
/// own in one.
package enum PromptDirectory {
    /// What can be read of both, and what is wrong with the rest. A directory that is not there holds nothing.
    package static func read(
        spoken: String, uploaded: String, limits: SoundLimits = SoundLimits()
    ) -> (library: PromptLibrary, problems: [String]) {
        var clips: [Language: [AudioClip]] = [:]
        var problems: [String] = []
        func read(_ directory: String) -> [AudioClip] {
            do throws(SoundFileError) {
                let library = try ClipLibrary(directory: directory, limits: limits)
                problems += library.refusals.map { "\($0.reason)" }
                return library.clips
            } catch {
                problems.append("\(error)")
                return []
            }
        }
        for language in Language.allCases { clips[language] = read("\(spoken)/\(language.rawValue)") }
        do throws(SoundFileError) { try SoundDirectory.make(uploaded) } catch { problems.append("\(error)") }
        return (PromptLibrary(spoken: clips, uploaded: read(uploaded)), problems)
    }
}
