package import Primitives
package import SIPMessage

/// An INVITE client transaction (RFC 3261 section 17.1.1, corrected by RFC 6026), with the waiting of section 9.1 for a
/// CANCEL.
///
/// ```text
///            1xx                 2xx
///  calling ───────► proceeding ───────► accepted ──M──► terminated
///   │ A: transmit    │ cancel: CANCEL    2xx: deliver        ▲
///   │ B: timed out   │ 64*T1 after it: timed out             │
///   │                └──300-699──► completed ──────D─────────┤
///   └──2xx, 300-699 likewise       300-699: acknowledge      │
///   └──────────────── transport failed ──────────────────────┘
/// ```
///
/// It knows no bytes: the layer keeps the request, and does what the effects say. After a final response a failing
/// transport is no news for the transaction user, so that the outcome stays `.answered`.
package struct InviteClientTransaction: Sendable {
    package enum Input: Sendable {
        case response(SIPResponse)
        /// The transaction user gives up; CANCEL goes out now, or with the first provisional response.
        case cancel
        case deadline
        case transportFailed
    }
    package enum Effect: Equatable, Sendable {
        /// Send the request again.
        case transmit
        case deliver(SIPResponse)
        /// Send the ACK of a non-2xx final response (17.1.1.3).
        case acknowledge(SIPResponse)
        case sendCancel
        case finish(Outcome)
    }
    package enum Outcome: Equatable, Sendable { case answered, timedOut, transportFailed }

    private enum State {
        case calling(Calling)
        /// `giveUp` is set once CANCEL has gone out: a final response may never come (9.1).
        case proceeding(giveUp: Instant?)
        case accepted(timerM: Instant)  // repeated and forked 2xx still reach the transaction user (RFC 6026)
        case completed(timerD: Instant)
        case terminated
    }
    private struct Calling {
        /// Nil over reliable transports.
        var timerA: Repetition?
        let timerB: Instant
        var cancelWanted = false
    }
    private var state: State
    private let timers: TimerValues
    private let isReliable: Bool

    /// Starts in Calling; the caller has just transmitted the request, at `now`.
    package init(timers: TimerValues, isReliable: Bool, at now: Instant) {
        self.timers = timers
        self.isReliable = isReliable
        let timerA = isReliable ? nil : Repetition(after: timers.t1, from: now)
        state = .calling(Calling(timerA: timerA, timerB: now + timers.timeout))
    }

    /// What it waits for once it has its final response: timer D after a refusal, timer M after a 2xx.
    package enum Lingering: Sendable { case refused, accepted }

    /// Nil until a final response has come, and once terminated.
    package var lingering: Lingering? {
        switch state {
        case .accepted: .accepted
        case .completed: .refused
        case .calling, .proceeding, .terminated: nil
        }
    }

    /// When `.deadline` next has work to do; nil when nothing is timed. An early `.deadline` changes nothing.
    package var nextDeadline: Instant? {
        switch state {
        case .calling(let calling): calling.timerB.orEarlier(calling.timerA?.due)
        case .proceeding(let giveUp): giveUp
        case .accepted(let timerM): timerM
        case .completed(let timerD): timerD
        case .terminated: nil
        }
    }

    package mutating func handle(_ input: Input, at now: Instant) -> [Effect] {
        switch (state, input) {
        case (.calling(let calling), .response(let response)):
            return answered(response, cancelWanted: calling.cancelWanted, giveUp: nil, at: now)
        case (.proceeding(let giveUp), .response(let response)):
            return answered(response, cancelWanted: false, giveUp: giveUp, at: now)
        case (.calling(var calling), .cancel):
            calling.cancelWanted = true
            state = .calling(calling)
            return []
        case (.proceeding(nil), .cancel):
            state = .proceeding(giveUp: now + timers.timeout)
            return [.sendCancel]
        case (.calling(let calling), .deadline) where now >= calling.timerB:
            return finish(.timedOut)
        case (.calling(var calling), .deadline):
            guard let timerA = calling.timerA, now >= timerA.due else { return [] }
            calling.timerA = timerA.doubled(from: now)
            state = .calling(calling)
            return [.transmit]
        case (.proceeding(let giveUp?), .deadline) where now >= giveUp:
            return finish(.timedOut)
        case (.calling, .transportFailed), (.proceeding, .transportFailed):
            return finish(.transportFailed)
        case (.accepted, .response(let response)):
            return response.isSuccess ? [.deliver(response)] : []
        case (.completed, .response(let response)):
            return response.status >= 300 ? [.acknowledge(response)] : []
        case (.accepted(let instant), .deadline) where now >= instant,
            (.completed(let instant), .deadline) where now >= instant:
            return finish(.answered)
        case (.completed, .transportFailed):
            return finish(.answered)
        case (.proceeding, .cancel), (.proceeding, .deadline), (.accepted, _), (.completed, _), (.terminated, _):
            return []  // cancelled already, woken early, or nothing left to do
        }
    }

    private mutating func answered(
        _ response: SIPResponse, cancelWanted: Bool, giveUp: Instant?, at now: Instant
    ) -> [Effect] {
        if response.isProvisional {
            state = .proceeding(giveUp: cancelWanted ? now + timers.timeout : giveUp)
            return cancelWanted ? [.deliver(response), .sendCancel] : [.deliver(response)]
        }
        if response.isSuccess {
            state = .accepted(timerM: now + timers.timeout)
            return [.deliver(response)]
        }
        let effects: [Effect] = [.acknowledge(response), .deliver(response)]
        guard isReliable else {
            state = .completed(timerD: now + timers.timerD)
            return effects
        }
        return effects + finish(.answered)  // timer D is zero
    }

    private mutating func finish(_ outcome: Outcome) -> [Effect] {
        state = .terminated
        return [.finish(outcome)]
    }
}
