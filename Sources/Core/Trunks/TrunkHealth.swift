package import Primitives
package import SIPTransaction

/// Whether the other side of a trunk answers OPTIONS, with hysteresis: two failures in a row make it down, two answers
/// in a row bring it back.
package struct TrunkHealth: Sendable {
    package static let failuresToFall = 2
    package static let answersToRise = 2

    private struct Probe: Sendable {
        let client: ClientTransactionID
        let sentAt: Instant
    }

    private var interval = Duration.zero
    private var dueAt: Instant?
    private var probe: Probe?
    private var answers = 0
    private(set) package var failures = 0
    private(set) package var isDown = false
    /// From the last request that was answered to its answer.
    private(set) package var roundTrip: Duration?

    package init() {}

    package var isRunning: Bool { dueAt != nil || probe != nil }

    /// When the next OPTIONS is due; nil while one is under way or none are sent.
    package var nextDeadline: Instant? { probe == nil ? dueAt : nil }

    /// Nothing happens when the interval is zero.
    package mutating func start(every interval: Duration, at now: Instant, firstAfter delay: Duration) {
        self.interval = interval
        dueAt = interval > .zero ? now + delay : nil
        probe = nil
    }

    /// Forgets the request under way; what is known stays.
    package mutating func stop() {
        dueAt = nil
        probe = nil
    }

    package mutating func checkSoon(at now: Instant) {
        if dueAt != nil { dueAt = min(dueAt ?? now, now + .seconds(1)) }
    }

    package mutating func sent(_ client: ClientTransactionID, at now: Instant) {
        probe = Probe(client: client, sentAt: now)
    }

    package func owns(_ client: ClientTransactionID) -> Bool { probe?.client == client }

    /// True when the trunk rises by it.
    package mutating func answered(at now: Instant, entropy: inout Entropy) -> Bool {
        if let probe { roundTrip = now - probe.sentAt }
        failures = 0
        answers += 1
        let rises = isDown && answers >= Self.answersToRise
        if rises { isDown = false }
        schedule(isDown ? quick : interval, at: now, entropy: &entropy)
        return rises
    }

    /// True when the trunk falls by it.
    package mutating func failed(at now: Instant, entropy: inout Entropy) -> Bool {
        answers = 0
        failures += 1
        let falls = !isDown && failures >= Self.failuresToFall
        if falls { isDown = true }
        schedule(isDown ? interval : quick, at: now, entropy: &entropy)
        return falls
    }

    /// To be sure sooner, one way or the other.
    private var quick: Duration { min(interval, .seconds(5)) }

    /// Within a tenth around the interval, so that trunks do not ask in step.
    private mutating func schedule(_ delay: Duration, at now: Instant, entropy: inout Entropy) {
        probe = nil
        dueAt = now + delay * 9 / 10 + entropy.jitter(upTo: delay / 5)
    }
}
