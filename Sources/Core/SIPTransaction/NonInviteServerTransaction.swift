package import Primitives

/// A non-INVITE server transaction (RFC 3261 section 17.2.2).
///
/// One addition: after 64 * T1 without a final response the client has given up, so the transaction ends, and what the
/// transaction user may still say is not sent (RFC 4320 section 4.2).
package struct NonInviteServerTransaction: Sendable {
    package enum Input: Sendable {
        /// The transaction user answers with this status.
        case respond(status: Int)
        /// The request came again.
        case retransmission
        case deadline
    }
    package enum Effect: Equatable, Sendable {
        /// Send the response just given, and remember it.
        case send
        /// Send the last response again.
        case sendAgain
        case finish(Outcome)
    }
    package enum Outcome: Equatable, Sendable { case answered, unanswered }

    private enum State {
        case trying(giveUp: Instant), proceeding(giveUp: Instant)
        case completed(timerJ: Instant)  // repeats the final response
        case terminated
    }
    private var state: State
    /// Zero over reliable transports. Alone here of all timer values: many of these machines live at a time.
    private let timerJ: Duration

    /// Starts in Trying; the request came at `now`.
    package init(timers: TimerValues, isReliable: Bool, at now: Instant) {
        timerJ = isReliable ? .zero : timers.timeout
        state = .trying(giveUp: now + timers.timeout)
    }

    /// True once a final response has been given and while it is repeated on demand.
    package var isCompleted: Bool { if case .completed = state { true } else { false } }

    /// When `.deadline` next has work to do; nil once terminated. An early `.deadline` changes nothing.
    package var nextDeadline: Instant? {
        switch state {
        case .trying(let giveUp), .proceeding(let giveUp): giveUp
        case .completed(let timerJ): timerJ
        case .terminated: nil
        }
    }

    package mutating func handle(_ input: Input, at now: Instant) -> [Effect] {
        switch (state, input) {
        case (.trying(let giveUp), .respond(let status)), (.proceeding(let giveUp), .respond(let status)):
            guard status >= 200 else {
                state = .proceeding(giveUp: giveUp)
                return [.send]
            }
            guard timerJ > .zero else { return [.send] + finish(.answered) }
            state = .completed(timerJ: now + timerJ)
            return [.send]
        case (.proceeding, .retransmission), (.completed, .retransmission):
            return [.sendAgain]
        case (.trying(let giveUp), .deadline) where now >= giveUp,
            (.proceeding(let giveUp), .deadline) where now >= giveUp:
            return finish(.unanswered)
        case (.completed(let timerJ), .deadline) where now >= timerJ:
            return finish(.answered)
        case (.trying, _), (.proceeding, _), (.completed, _), (.terminated, _):
            return []  // woken early, a second final response, or nothing to repeat yet
        }
    }

    private mutating func finish(_ outcome: Outcome) -> [Effect] {
        state = .terminated
        return [.finish(outcome)]
    }
}
