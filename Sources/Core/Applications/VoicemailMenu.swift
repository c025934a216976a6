import Media
package import Primitives
package import Settings

/// One caller who listens to messages.
///
/// ```text
/// entered ─┬─ not the owner: box ─► PIN ─┬─ wrong, three times, or locked ─► farewell ─► hung up
///          ├─ owner ──────────────► PIN ─┤
///          └─ owner, not asked ──────────┴─► main: 1 new, 2 old, 9 greeting, # end
///                                             ▲  │1, 2                    │9
///                                        * ───┘  ▼                        ▼
///            message: 1 again, 2 keep and next, 3 delete and next    recording greeting ── # ─► written
/// ```
package struct VoicemailMenu: Sendable {
    private enum State {
        case box
        case pin(box: String, tries: Int)
        case main(box: String, heard: Int)
        case message(box: String, rest: [MessageID], heard: Int)
        case greeting(box: String, until: Instant)
        case writing(box: String, until: Instant)
        case farewell
    }

    /// PINs that one caller may try.
    package static let tries = 3
    private static let timesHeard = 3
    private static let greetingAtMost = Duration.seconds(60)
    private static let patience = Duration.seconds(5)

    private let caller: CallerFacts
    private let standard: Language
    private var language: Language
    private var state = State.farewell

    package init(_ caller: CallerFacts, language: Language) {
        self.caller = caller
        standard = language
        self.language = language
    }

    package var nextDeadline: Instant? {
        switch state {
        case .greeting(_, let until), .writing(_, let until): until
        case .box, .pin, .main, .message, .farewell: nil
        }
    }

    package mutating func handle(
        _ event: ApplicationEvent, _ boxes: inout Mailboxes, at now: Instant
    ) -> [ApplicationCommand] {
        switch (state, event) {
        case (_, .entered): return enter(&boxes)
        case (.box, .digits(let digits, _)):
            guard !digits.isEmpty else { return sayFarewell([]) }
            return askPIN(of: digits.text, tries: 0)
        case (.pin(let box, let tries), .digits(let digits, _)): return logIn(box, digits.text, tries, &boxes, now)
        case (.main(let box, let heard), .digits(let digits, _)): return chosen(digits, box, heard, boxes, now)
        case (.message(let box, let rest, let heard), .digits(let digits, _)):
            return judged(digits, box, rest, heard, &boxes)
        case (.greeting(let box, _), .digits(_, let reason)) where reason != .none: return stop(box, now)
        case (.greeting(let box, let until), .deadline) where now >= until: return stop(box, now)
        case (.greeting(let box, _), .notRecorded), (.writing(let box, _), .notRecorded):
            return sayMain(box, boxes, after: [.said(.notRecorded, language)])
        case (.greeting(let box, _), .recorded), (.writing(let box, _), .recorded):
            return sayMain(box, boxes, after: [.said(.greetingSaved, language)])
        case (.writing(let box, let until), .deadline) where now >= until:
            return sayMain(box, boxes, after: [.said(.notRecorded, language)])
        case (.farewell, .played): return [.hangUp]
        case (.box, _), (.pin, _), (.main, _), (.message, _), (.greeting, _), (.writing, _), (.farewell, _): return []
        }
    }

    // MARK: Who it is

    private mutating func enter(_ boxes: inout Mailboxes) -> [ApplicationCommand] {
        guard caller.isUser, let own = boxes.settings(of: caller.number) else {
            state = .box
            return [.play([.said(.enterBox, language)]), .collect(DigitRules(most: 20))]
        }
        guard own.asksOwner, own.pin != nil else { return open(caller.number, boxes) }
        return askPIN(of: caller.number, tries: 0)
    }

    private mutating func askPIN(
        of box: String, tries: Int, after: [Prompt] = []
    ) -> [ApplicationCommand] {
        state = .pin(box: box, tries: tries)
        return [.play(after + [.said(.enterPIN, language)]), .collect(DigitRules(most: 20))]
    }

    private mutating func logIn(
        _ box: String, _ pin: String, _ tries: Int, _ boxes: inout Mailboxes, _ now: Instant
    ) -> [ApplicationCommand] {
        guard !pin.isEmpty else { return sayFarewell([]) }
        switch boxes.logIn(box, pin: pin, at: now) {
        case .accepted: return open(box, boxes)
        case .locked: return sayFarewell([.said(.isLocked, language)])
        case .refused where tries + 1 < Self.tries:
            return askPIN(of: box, tries: tries + 1, after: [.said(.wrongPIN, language)])
        case .refused: return sayFarewell([.said(.wrongPIN, language)])
        }
    }

    private mutating func open(_ box: String, _ boxes: borrowing Mailboxes) -> [ApplicationCommand] {
        language = boxes.settings(of: box)?.language ?? standard
        return sayMain(box, boxes)
    }

    // MARK: Menus

    private mutating func sayMain(
        _ box: String, _ boxes: borrowing Mailboxes, after: [Prompt] = [], heard: Int = 1
    ) -> [ApplicationCommand] {
        state = .main(box: box, heard: heard)
        var prompts = after
        let (new, old) = boxes.counts(of: box) ?? (0, 0)
        if new > 0 { prompts += [.digits(String(new), language), .said(.newMessages, language)] }
        if old > 0 { prompts += [.digits(String(old), language), .said(.oldMessages, language)] }
        if new + old == 0 { prompts.append(.said(.noMessages, language)) }
        return [.play(prompts + [.said(.mailboxMenu, language)]), .collect(DigitRules(most: 1, terminators: []))]
    }

    private mutating func chosen(
        _ digits: [Digit], _ box: String, _ heard: Int, _ boxes: borrowing Mailboxes, _ now: Instant
    ) -> [ApplicationCommand] {
        switch digits.first {
        case .one, .two:
            let isNew = digits.first == .one
            let messages = boxes.messages(in: box).filter { $0.isNew == isNew }.map(\.id)
            return play(messages, of: box, boxes, after: [])
        case .nine:
            state = .greeting(box: box, until: now + Self.greetingAtMost)
            return [
                .play([.said(.recordGreeting, language), .beep]),
                .collect(DigitRules(most: 1, first: Self.greetingAtMost + .seconds(60))),
                .record(box: box, isGreeting: true),
            ]
        case .pound: return sayFarewell([])
        case .some: return sayMain(box, boxes, after: [.said(.invalidChoice, language)], heard: heard)
        case nil: return heard < Self.timesHeard ? sayMain(box, boxes, heard: heard + 1) : sayFarewell([])
        }
    }

    private mutating func play(
        _ messages: [MessageID], of box: String, _ boxes: borrowing Mailboxes, after: [Prompt], heard: Int = 1
    ) -> [ApplicationCommand] {
        guard let first = messages.first,
            let message = boxes.messages(in: box).first(where: { $0.id == first })
        else { return sayMain(box, boxes, after: after) }
        state = .message(box: box, rest: messages, heard: heard)
        let isNumber = !message.caller.isEmpty && message.caller.allSatisfy { "+0123456789".contains($0) }
        let caller: Prompt = isNumber ? .digits(message.caller, language) : .said(.unknownCaller, language)
        let prompts: [Prompt] = [
            .said(.messageFrom, language), caller, .silence(.milliseconds(300)), .message(first),
            .silence(.milliseconds(500)), .said(.messageMenu, language),
        ]
        return [.play(after + prompts), .collect(DigitRules(most: 1, terminators: []))]
    }

    private mutating func judged(
        _ digits: [Digit], _ box: String, _ rest: [MessageID], _ heard: Int, _ boxes: inout Mailboxes
    ) -> [ApplicationCommand] {
        guard let first = rest.first else { return sayMain(box, boxes) }
        switch digits.first {
        case .one: return play(rest, of: box, boxes, after: [])
        case .two:
            boxes.markHeard(first)
            return play(Array(rest.dropFirst()), of: box, boxes, after: [])
        case .three:
            boxes.delete(first)
            return play(Array(rest.dropFirst()), of: box, boxes, after: [.said(.messageDeleted, language)])
        case .star: return sayMain(box, boxes)
        case .pound: return sayFarewell([])
        case .some: return play(rest, of: box, boxes, after: [.said(.invalidChoice, language)])
        case nil:
            guard heard < Self.timesHeard else { return sayFarewell([]) }
            return play(rest, of: box, boxes, after: [], heard: heard + 1)
        }
    }

    private mutating func stop(_ box: String, _ now: Instant) -> [ApplicationCommand] {
        state = .writing(box: box, until: now + Self.patience)
        return [.stopCollecting, .stopRecording]
    }

    private mutating func sayFarewell(_ prompts: [Prompt]) -> [ApplicationCommand] {
        state = .farewell
        return [.stopCollecting, .play(prompts + [.said(.goodbye, language)])]
    }
}
