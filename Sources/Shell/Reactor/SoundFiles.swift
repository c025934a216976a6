import Applications
import Media
import MediaEngine
import NIOPosix
import SoundStore
import Synchronization

/// Voice messages on the disk, on a thread of their own: neither the event loop nor audio waits for it.
final class SoundFiles: Sendable {
    private let thread = NIOThreadPool(numberOfThreads: 1)
    private let store: Mutex<MessageStore>
    private let onEvent: @Sendable (MessageEvent) -> Void
    private let onProblem: @Sendable (String) -> Void

    /// `onEvent` and `onProblem` are called on the thread.
    init(
        directory: String, onEvent: @escaping @Sendable (MessageEvent) -> Void,
        onProblem: @escaping @Sendable (String) -> Void
    ) {
        store = Mutex(MessageStore(directory: directory))
        self.onEvent = onEvent
        self.onProblem = onProblem
        thread.start()
    }

    /// Tells what is there; to be called once, before anything else.
    func find() {
        submit { [onProblem] store in
            let (messages, refusals) = store.find()
            for refusal in refusals { onProblem("\(refusal)") }
            return .found(messages)
        }
    }

    func run(_ command: MessageCommand) {
        submit { [onProblem] store in
            do throws(SoundFileError) { return try store.run(command) } catch {
                onProblem("\(error)")
                return nil
            }
        }
    }

    /// True for what is nobody else's: a second of a recording.
    func take(_ event: MediaEvent) -> Bool {
        switch event {
        case .recorded(let id, let block):
            submit { $0.take(block, of: id) }
            return true
        case .recordingEnded(let id):
            submit { $0.end(id) }
            return false
        default: return false
        }
    }

    /// Waits for what has been asked for, and ends recordings.
    func shutdown() async {
        submit { store in
            store.close()
            return nil
        }
        try? await thread.shutdownGracefully()
    }

    /// In the order of the calls.
    private func submit(_ body: @escaping @Sendable (MessageStore) -> MessageEvent?) {
        thread.submit { [self] state in
            guard case .active = state else { return }
            if let event = store.withLock({ body($0) }) { onEvent(event) }
        }
    }
}
