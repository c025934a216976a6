package import Primitives
package import SIPMessage

/// The reliable provisional responses of one INVITE, as UAS (RFC 3262 section 3).
///
/// ```text
///           provisional: send with RSeq         PRACK: next waiting one, or the held final response
///  idle ─────────────────────────► unacknowledged ────────────────────────────────────► idle
///   │                               │ T1, doubling: send again
///   │ final: send                   │ provisional: waits
///   │                               │ final 2xx, one of ours holds a description: held until PRACK
///   │                               │ final otherwise: send, no more repetition, PRACK still taken
///   │                               └ 64*T1: gaveUp
///   └──► ended ◄─────────────────────────────────────────────────────────────────────────┘
/// ```
///
/// Hand `.send` to `TransactionLayer.respond`, also for repetitions. At most one response is unacknowledged; the ones
/// that wait are at most `waitingLimit`, an older one without body giving way first. It holds no clock and no dialog:
/// one value per INVITE whose caller has `100rel` in Supported or Require.
package struct ReliableProvisionals: Sendable {
    package enum Effect: Equatable, Sendable {
        /// Send it in the transaction of the INVITE; RSeq and Require stand in it when it is reliable.
        case send(SIPResponse)
        /// The PRACK is for our response: answer 200. A description in it is an answer or a new offer.
        case acknowledged(SIPResponse)
        /// The PRACK is for nothing of ours: answer 481.
        case unmatched
        /// Nobody acknowledged for 64*T1: refuse the INVITE (504) with `final`.
        case gaveUp
    }
    /// How many responses may wait for the PRACK of the one before.
    package static let waitingLimit = 8

    private struct Pending: Sendable {
        let response: SIPResponse
        let number: UInt32
        /// Nil once a final response has gone out: no more repetition (section 3).
        var timer: Timer?
    }
    private struct Timer: Sendable {
        var due: Instant
        var interval: Duration
        let giveUp: Instant
    }
    private let invite: CSeq
    private let t1: Duration
    private var nextNumber: UInt32
    private var pending: Pending?
    private var waiting: [SIPResponse] = []
    private var heldFinal: SIPResponse?
    private var isEnded = false

    /// - Parameters:
    ///   - invite: the CSeq of the INVITE, which RAck must name.
    ///   - t1: as in `TimerValues`.
    package init(invite: CSeq, t1: Duration = .milliseconds(500), entropy: inout Entropy) {
        self.invite = invite
        self.t1 = t1
        nextNumber = UInt32(entropy.next() % 0x7FFF_FFFF) + 1  // 1 ... 2^31 - 1
    }

    /// When `handleDeadline(at:)` has work to do; nil when nothing is timed.
    package var nextDeadline: Instant? { pending?.timer.map { min($0.due, $0.giveUp) } }

    /// True while a reliable response is unacknowledged.
    package var awaitsAcknowledgement: Bool { pending != nil }

    /// Sends a response 101-199 reliably, now or after the PRACK of the one before. Without effect after a final one.
    package mutating func provisional(_ response: SIPResponse, at now: Instant) -> [Effect] {
        guard !isEnded, heldFinal == nil, (101..<200).contains(response.status) else { return [] }
        guard pending == nil else {
            if waiting.count >= Self.waitingLimit {
                waiting.remove(at: waiting.firstIndex { $0.body.isEmpty } ?? 0)
            }
            waiting.append(response)
            return []
        }
        return [start(response, at: now)]
    }

    /// Sends the final response, or holds a 2xx back until a description that we sent reliably is acknowledged.
    package mutating func final(_ response: SIPResponse) -> [Effect] {
        guard !isEnded, heldFinal == nil else { return [] }
        let described = waiting.firstIndex { !$0.body.isEmpty }
        if response.isSuccess, pending?.response.body.isEmpty == false || described != nil {
            waiting.removeSubrange((described.map { $0 + 1 } ?? 0)...)  // no use after the answer to the INVITE
            heldFinal = response
            return []
        }
        waiting = []
        return [end(with: response)]
    }

    /// Takes the RAck of a PRACK (section 3).
    package mutating func prack(_ rack: RAck, at now: Instant) -> [Effect] {
        guard let pending, rack == RAck(rseq: pending.number, number: invite.number, method: invite.method) else {
            return [.unmatched]
        }
        self.pending = nil
        let effects = [Effect.acknowledged(pending.response)]
        if !waiting.isEmpty { return effects + [start(waiting.removeFirst(), at: now)] }
        guard let heldFinal else { return effects }
        return effects + [end(with: heldFinal)]
    }

    /// Repeats or gives up what is due at `now`; an early call changes nothing.
    package mutating func handleDeadline(at now: Instant) -> [Effect] {
        guard let response = pending?.response, var timer = pending?.timer else { return [] }
        if now >= timer.giveUp {
            pending = nil
            waiting = []
            heldFinal = nil
            return [.gaveUp]
        }
        guard now >= timer.due else { return [] }
        timer.interval = timer.interval * 2
        timer.due = now + timer.interval
        pending?.timer = timer
        return [.send(response)]
    }

    private mutating func start(_ response: SIPResponse, at now: Instant) -> Effect {
        var reliable = response
        var options = response.required()
        options.insert("100rel")
        reliable.headers.set(.require, options.description)
        reliable.headers.set(.rseq, String(nextNumber))
        let timer = Timer(due: now + t1, interval: t1, giveUp: now + t1 * 64)
        pending = Pending(response: reliable, number: nextNumber, timer: timer)
        nextNumber += 1  // cannot overflow: it began below 2^31, and INVITEs end
        return .send(reliable)
    }

    private mutating func end(with response: SIPResponse) -> Effect {
        isEnded = true
        heldFinal = nil
        pending?.timer = nil
        return .send(response)
    }
}
