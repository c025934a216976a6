package import CloudMessages
package import Primitives
package import PrivacyContract

/// When monitoring values are measured and sent (F-C5): every period while wanted, one message at a time, nothing queued.
///
/// A message that fails is not repeated: the next period brings newer values (R11, kept for display only).
package struct TelemetryMachine: Sendable {
    package enum Input: Sendable, Equatable {
        /// Switches, pairing and configuration all want it, at this interval; nil: not wanted.
        case wanted(every: Duration?)
        case timePassed
        case sample(SystemSample, TelemetryGauges)
        case answered(CloudReply)
    }
    package enum Effect: Sendable, Equatable {
        case takeSample
        case send([MetricPoint])
    }

    private enum State: Sendable {
        case off
        case resting(until: Instant)
        /// A sample was asked for; if none comes, the next period asks again.
        case measuring(until: Instant)
        /// A message is on its way; `nextAt` is kept, so that the period does not drift.
        case sending(nextAt: Instant)
    }
    private var state = State.off
    private var period = Duration.seconds(10)
    /// A display that is a minute old is no use: the pause is shorter than for other flows.
    private var backoff = RetryBackoff(base: .seconds(10), cap: .seconds(60))

    /// No interval is shorter than this, whatever is configured.
    package static let shortestPeriod = Duration.seconds(1)

    package init() {}

    package var isWanted: Bool { if case .off = state { false } else { true } }

    package var nextDeadline: Instant? {
        switch state {
        case .resting(let until), .measuring(let until): until
        case .off, .sending: nil
        }
    }

    package mutating func handle(_ input: Input, at now: Instant, entropy: inout Entropy) -> [Effect] {
        switch (state, input) {
        case (_, .wanted(nil)):
            state = .off
            return []
        case (.off, .wanted(let interval?)):
            period = max(interval, Self.shortestPeriod)
            backoff.reset()
            state = .measuring(until: now + period)
            return [.takeSample]
        case (.resting, .wanted(let interval?)), (.measuring, .wanted(let interval?)),
            (.sending, .wanted(let interval?)):
            period = max(interval, Self.shortestPeriod)
            return []
        case (.resting(let until), .timePassed) where now >= until,
            (.measuring(let until), .timePassed) where now >= until:
            state = .measuring(until: now + period)
            return [.takeSample]
        case (.measuring(let until), .sample(let sample, let gauges)):
            state = .sending(nextAt: until)
            return [.send(MetricBuilder.points(from: sample, gauges: gauges))]
        case (.sending(let nextAt), .answered(let reply)):
            var pause = Duration.zero
            switch reply {
            case .accepted, .serviceStatus, .backups, .update: backoff.reset()
            case .refused, .unreachable: pause = backoff.next(retryAfter: reply.retryAfter, entropy: &entropy)
            }
            state = .resting(until: max(nextAt, now + pause))
            return []
        case (.off, _), (.resting, _), (.measuring, _), (.sending, _):
            return []  // woken early, or a sample or an answer that came too late
        }
    }
}
