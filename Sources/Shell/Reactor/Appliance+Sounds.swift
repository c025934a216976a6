import ApplianceCore
import Applications
import Logging
import Media
import MediaEngine
import NIOPosix
import SoundStore

/// Prompts and voice messages.
extension Appliance {
    /// Who keeps voice messages; what it has is told after `SoundFiles.find`.
    func makeSounds() -> SoundFiles {
        SoundFiles(
            directory: "\(options.dataDirectory)/voicemail",
            onEvent: { [weak self] event in self?.post(.messages(event)) },
            onProblem: { [logger] problem in logger.warning("voice messages: \(problem)") })
    }

    /// Reads the prompts anew: the owner may have put others there.
    func readPrompts() {
        let (spoken, uploaded) = (options.promptDirectory, "\(options.dataDirectory)/prompts")
        pool.submit { [weak self, logger] state in
            guard let self, case .active = state else { return }
            let (library, problems) = PromptDirectory.read(spoken: spoken, uploaded: uploaded)
            for problem in problems { logger.notice("prompts: \(problem)") }
            post(.prompts(library))
        }
    }

    /// An event of the media workers, on their threads: a recording's seconds go straight to the disk.
    nonisolated func mediaEvent(_ event: MediaEvent, _ sounds: SoundFiles?) {
        if sounds?.take(event) != true { post(.media(event)) }
    }
}
