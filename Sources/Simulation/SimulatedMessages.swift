import Applications
import Media
import Primitives

/// The files of a simulated appliance's voice messages: what the shell's message store does, in memory.
final class SimulatedMessages {
    private struct File {
        var message: VoiceMessage
        var rate = 8_000
        var samples: [Int16] = []
    }

    private var files: [MessageID: File] = [:]
    private var recording: [RecordingID: MessageID] = [:]

    /// What a start finds.
    var found: [VoiceMessage] {
        files.keys.sorted().compactMap { files[$0]?.message }
    }

    func samples(of id: MessageID) -> [Int16] { files[id]?.samples ?? [] }

    /// What was being recorded stays as far as it was written.
    func cutPower() { recording = [:] }

    func run(_ command: MessageCommand) -> MessageEvent? {
        switch command {
        case .begin(let id, let message):
            files[message.id] = File(message: message)
            recording[id] = message.id
            return nil
        case .delete(let id):
            files[id] = nil
            return nil
        case .markHeard(let id):
            files[id]?.message.isNew = false
            return nil
        case .load(let id, let caller):
            let clip = files[id].map { AudioClip(name: "\(id)", rate: $0.rate, samples: $0.samples) }
            return .loaded(id, for: caller, clip)
        }
    }

    /// Blocks, and the end of a recording.
    func take(_ event: MediaEvent) -> MessageEvent? {
        switch event {
        case .recorded(let id, let block):
            guard let message = recording[id] else { return nil }
            files[message]?.rate = block.rate
            files[message]?.samples += block.samples
            return nil
        case .recordingEnded(let id):
            guard let message = recording.removeValue(forKey: id), let file = files[message] else { return nil }
            let seconds = file.samples.count / file.rate
            files[message]?.message.seconds = seconds
            return .written(id, seconds: seconds)
        default: return nil
        }
    }
}
