import Media
package import Primitives
package import Settings

/// One caller who leaves a message.
///
/// ```text
/// entered ── box full ─► farewell ─► hung up          key, or too long           written
///    └─► greeting ── played, or # ─► beep, recording ─────────────────► writing ────────► farewell
/// ```
package struct VoicemailDeposit: Sendable {
    private enum State {
        case greeting
        case recording(until: Instant)
        case writing(until: Instant)
        case farewell
    }

    /// How long is waited for a file to be written.
    private static let patience = Duration.seconds(5)

    private let box: String
    private let reason: Application.DepositReason
    private let language: Language
    private let most: Duration
    private var state = State.farewell

    package init(box: String, because reason: Application.DepositReason, language: Language, most: Duration) {
        self.box = box
        self.reason = reason
        self.language = language
        self.most = most
    }

    package var nextDeadline: Instant? {
        switch state {
        case .recording(let until), .writing(let until): until
        case .greeting, .farewell: nil
        }
    }

    package mutating func handle(
        _ event: ApplicationEvent, _ boxes: borrowing Mailboxes, at now: Instant
    ) -> [ApplicationCommand] {
        switch (state, event) {
        case (_, .entered): return greet(boxes)
        case (.greeting, .played), (.greeting, .digits(_, .terminator)):
            state = .recording(until: now + most)
            let rules = DigitRules(most: 1, first: most + .seconds(60))
            return [.play([.beep]), .collect(rules), .record(box: box, isGreeting: false)]
        case (.greeting, .digits): return [.collect(DigitRules(first: .seconds(600)))]
        case (.recording, .digits(_, let reason)) where reason != .none: return stop(at: now)
        case (.recording(let until), .deadline) where now >= until: return stop(at: now)
        case (.recording, .notRecorded), (.writing, .notRecorded): return sayFarewell([.said(.notRecorded, language)])
        case (.recording, .recorded), (.writing, .recorded): return sayFarewell([.said(.messageSaved, language)])
        case (.writing(let until), .deadline) where now >= until: return sayFarewell([.said(.notRecorded, language)])
        case (.farewell, .played): return [.hangUp]
        case (.greeting, _), (.recording, _), (.writing, _), (.farewell, _): return []
        }
    }

    private mutating func greet(_ boxes: borrowing Mailboxes) -> [ApplicationCommand] {
        guard !boxes.isFull(box) else { return sayFarewell([.said(.boxIsFull, language)]) }
        state = .greeting
        let prompts: [Prompt]
        if boxes.hasGreeting(box) {
            prompts = [.message(.greeting(of: box))]
        } else if let name = boxes.settings(of: box)?.greeting {
            prompts = [.sound(name, language)]
        } else {
            let state = Prompt.said(reason == .busy ? .isBusy : .notThere, language)
            prompts = [.said(.subscriber, language), .digits(box, language), state, .said(.leaveMessage, language)]
        }
        return [.play(prompts), .collect(DigitRules(first: .seconds(600)))]
    }

    private mutating func stop(at now: Instant) -> [ApplicationCommand] {
        state = .writing(until: now + Self.patience)
        return [.stopCollecting, .stopRecording]
    }

    private mutating func sayFarewell(_ prompts: [Prompt]) -> [ApplicationCommand] {
        state = .farewell
        return [.stopCollecting, .stopRecording, .play(prompts + [.said(.goodbye, language)])]
    }
}
