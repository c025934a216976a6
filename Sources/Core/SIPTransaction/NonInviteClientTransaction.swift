package import Primitives
package import SIPMessage

/// A non-INVITE client transaction (RFC 3261 section 17.1.2).
///
/// Throws nothing: a malformed response is the parser's to refuse, an absent one ends in `.finish(.timedOut)`.
package struct NonInviteClientTransaction: Sendable {
    package enum Input: Sendable { case response(SIPResponse), deadline, transportFailed }
    package enum Effect: Equatable, Sendable {
        /// Send the request again.
        case transmit
        case deliver(SIPResponse)
        case finish(Outcome)
    }
    package enum Outcome: Equatable, Sendable { case answered, timedOut, transportFailed }

    private enum State {
        case trying(Schedule), proceeding(Schedule)
        case completed(timerK: Instant)  // absorbs retransmitted responses
        case terminated
    }
    /// Timer E (retransmit; nil over reliable transports) and timer F (give up).
    private struct Schedule {
        var timerE: Repetition?
        let timerF: Instant
        var next: Instant { timerF.orEarlier(timerE?.due) }
    }
    private var state: State
    private let timers: TimerValues
    private let isReliable: Bool

    /// Starts in Trying; the caller has just transmitted the request, at `now`.
    package init(timers: TimerValues, isReliable: Bool, at now: Instant) {
        self.timers = timers
        self.isReliable = isReliable
        let timerE = isReliable ? nil : Repetition(after: timers.t1, from: now)
        state = .trying(Schedule(timerE: timerE, timerF: now + timers.timeout))
    }

    /// True once it only absorbs repeated responses, for timer K.
    package var isLingering: Bool { if case .completed = state { true } else { false } }

    /// When `.deadline` next has work to do; nil once terminated. An early or repeated `.deadline` changes nothing.
    package var nextDeadline: Instant? {
        switch state {
        case .trying(let schedule), .proceeding(let schedule): schedule.next
        case .completed(let timerK): timerK
        case .terminated: nil
        }
    }

    package mutating func handle(_ input: Input, at now: Instant) -> [Effect] {
        switch (state, input) {
        case (.trying(let schedule), .response(let response)), (.proceeding(let schedule), .response(let response)):
            guard response.isFinal else {
                state = .proceeding(schedule)
                return [.deliver(response)]
            }
            guard isReliable else {
                state = .completed(timerK: now + timers.t4)
                return [.deliver(response)]
            }
            return [.deliver(response)] + finish(.answered)  // timer K is zero
        case (.trying(let schedule), .deadline) where now >= schedule.timerF,
            (.proceeding(let schedule), .deadline) where now >= schedule.timerF:
            return finish(.timedOut)
        case (.trying(var schedule), .deadline):
            guard let timerE = schedule.timerE, now >= timerE.due else { return [] }
            schedule.timerE = timerE.doubled(from: now, limit: timers.t2)
            state = .trying(schedule)
            return [.transmit]
        case (.proceeding(var schedule), .deadline):
            guard let timerE = schedule.timerE, now >= timerE.due else { return [] }
            schedule.timerE = Repetition(after: timers.t2, from: now)
            state = .proceeding(schedule)
            return [.transmit]
        case (.trying, .transportFailed), (.proceeding, .transportFailed):
            return finish(.transportFailed)
        case (.completed(let timerK), .deadline) where now >= timerK:
            return finish(.answered)
        case (.completed, .transportFailed):
            return finish(.answered)
        case (.completed, _), (.terminated, _):
            return []  // woken early, a late retransmission, or nothing left to do
        }
    }

    private mutating func finish(_ outcome: Outcome) -> [Effect] {
        state = .terminated
        return [.finish(outcome)]
    }
}
