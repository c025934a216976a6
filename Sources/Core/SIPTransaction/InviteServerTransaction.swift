package import Primitives

/// An INVITE server transaction (RFC 3261 section 17.2.1, corrected by RFC 6026), which also repeats the 2xx until its
/// ACK has come (section 13.3.1.4).
///
/// ```text
///  proceeding ──2xx──► accepted ──L──► terminated
///   │ 200 ms: 100       repeats 2xx       ▲  without `.acknowledged`: ackMissing
///   │ INVITE again:     until             │
///   │ last 1xx again    `.acknowledged`   │
///   │                                     │
///   └──300-699──► completed ──ACK──► confirmed ──I──► terminated
///                  G: final again     absorbs ACK
///                  H: ackMissing
/// ```
///
/// A reliable flow that fails in proceeding is no end: responses go over a new connection then (RFC 3261 section 18.2.2).
/// The last one goes at once, so that a caller who cannot be reached that way either is not waited for: abandoned.
///
/// It knows no bytes: the layer keeps the last response that the machine has let pass.
package struct InviteServerTransaction: Sendable {
    package enum Input: Sendable {
        /// The transaction user answers with this status.
        case respond(status: Int)
        /// The INVITE came again.
        case retransmission
        /// An ACK with the branch of the INVITE.
        case ack
        /// The transaction user has matched an ACK to the dialog of the 2xx.
        case acknowledged
        case deadline
        case transportFailed
    }
    package enum Effect: Equatable, Sendable {
        /// Send the response just given, and remember it.
        case send
        /// Send the last response again.
        case sendAgain
        /// Send 100 Trying, and remember it.
        case sendTrying
        /// The ACK belongs to a 2xx: it is the transaction user's.
        case deliverAck
        /// An ACK where none is due.
        case strayAck
        /// The caller cannot be reached any more, and the transaction user was still to answer.
        case abandoned
        case finish(Outcome)
    }
    package enum Outcome: Equatable, Sendable {
        case acknowledged
        /// The 2xx was repeated for 64 * T1 and nobody acknowledged it.
        case successUnacknowledged
        /// Likewise a 300-699 response; of no consequence for the transaction user.
        case refusalUnacknowledged
        case transportFailed
    }

    private enum State {
        /// `trying` is when 100 goes out, nil as soon as some response has. `hasFailed`: the connection of the INVITE is
        /// gone, and with the next failure the new one.
        case proceeding(trying: Instant?, hasFailed: Bool)
        case accepted(repetition: Repetition?, timerL: Instant)
        case completed(timerG: Repetition?, timerH: Instant)
        case confirmed(timerI: Instant)
        case terminated
    }
    private var state: State
    private let timers: TimerValues
    private let isReliable: Bool

    /// Starts in Proceeding; the INVITE came at `now`.
    package init(timers: TimerValues, isReliable: Bool, at now: Instant) {
        self.timers = timers
        self.isReliable = isReliable
        state = .proceeding(trying: now + timers.tryingDelay, hasFailed: false)
    }

    /// True until a final response has been given.
    package var awaitsFinalResponse: Bool { if case .proceeding = state { true } else { false } }

    /// When `.deadline` next has work to do; nil when nothing is timed. An early `.deadline` changes nothing.
    package var nextDeadline: Instant? {
        switch state {
        case .proceeding(let trying, _): trying
        case .accepted(let repetition, let timerL): timerL.orEarlier(repetition?.due)
        case .completed(let timerG, let timerH): timerH.orEarlier(timerG?.due)
        case .confirmed(let timerI): timerI
        case .terminated: nil
        }
    }

    package mutating func handle(_ input: Input, at now: Instant) -> [Effect] {
        switch (state, input) {
        case (.proceeding, .respond(let status)):
            respond(status, at: now)
            return [.send]
        case (.accepted, .respond(let status)):
            return (200..<300).contains(status) ? [.send] : []
        case (.proceeding(_?, let hasFailed), .retransmission):
            state = .proceeding(trying: nil, hasFailed: hasFailed)
            return [.sendTrying]
        case (.proceeding(nil, _), .retransmission), (.completed, .retransmission):
            return [.sendAgain]
        case (.proceeding(let trying?, let hasFailed), .deadline) where now >= trying:
            state = .proceeding(trying: nil, hasFailed: hasFailed)
            return [.sendTrying]
        case (.proceeding(let trying, hasFailed: false), .transportFailed) where isReliable:
            state = .proceeding(trying: nil, hasFailed: true)
            return [trying == nil ? .sendAgain : .sendTrying]
        case (.proceeding, .transportFailed):
            return [.abandoned]
        case (.proceeding, .ack):
            return [.strayAck]
        case (.accepted, .ack):
            return [.deliverAck]
        case (.accepted(_, let timerL), .acknowledged):
            state = .accepted(repetition: nil, timerL: timerL)
            return []
        case (.accepted(let repetition, let timerL), .deadline) where now >= timerL:
            return finish(repetition == nil ? .acknowledged : .successUnacknowledged)
        case (.accepted(let repetition?, let timerL), .deadline) where now >= repetition.due:
            state = .accepted(repetition: repetition.doubled(from: now, limit: timers.t2), timerL: timerL)
            return [.sendAgain]
        case (.completed, .ack):
            guard !isReliable else { return finish(.acknowledged) }  // timer I is zero
            state = .confirmed(timerI: now + timers.t4)
            return []
        case (.completed(_, let timerH), .deadline) where now >= timerH:
            return finish(.refusalUnacknowledged)
        case (.completed(let timerG?, let timerH), .deadline) where now >= timerG.due:
            state = .completed(timerG: timerG.doubled(from: now, limit: timers.t2), timerH: timerH)
            return [.sendAgain]
        case (.completed, .transportFailed):
            return finish(.transportFailed)
        case (.confirmed(let timerI), .deadline) where now >= timerI:
            return finish(.acknowledged)
        case (.proceeding, .acknowledged), (.proceeding, .deadline), (.accepted, _), (.completed, _), (.confirmed, _),
            (.terminated, _):
            return []  // woken early, a late retransmission, a second final response, or nothing left to do
        }
    }

    private mutating func respond(_ status: Int, at now: Instant) {
        switch status {
        case ..<200:
            guard case .proceeding(_, let hasFailed) = state else { return }
            state = .proceeding(trying: nil, hasFailed: hasFailed)
        case 200..<300:
            // Repeated over reliable transports too: the way to us may have an unreliable hop (13.3.1.4).
            state = .accepted(repetition: Repetition(after: timers.t1, from: now), timerL: now + timers.timeout)
        default:
            let timerG = isReliable ? nil : Repetition(after: timers.t1, from: now)
            state = .completed(timerG: timerG, timerH: now + timers.timeout)
        }
    }

    private mutating func finish(_ outcome: Outcome) -> [Effect] {
        state = .terminated
        return [.finish(outcome)]
    }
}
