package import Primitives

/// How long to wait before the next try after a failure: RFC 5626 section 4.5, from 30 seconds to 30 minutes.
package struct RegistrationBackoff: Sendable, Equatable {
    package static let base = Duration.seconds(30)
    package static let maximum = Duration.seconds(1_800)
    /// A server that refuses us is asked as rarely as one that failed this often before.
    private static let refusalStep = 4

    /// Failures since the last success.
    package private(set) var failures = 0

    package init() {}

    package mutating func succeeded() { failures = 0 }

    /// - Parameter retryAfter: what the server asked for; obeyed up to an hour.
    /// - Returns: between half and all of 30 s, 60 s, 120 s and so on.
    package mutating func failed(
        isRefusal: Bool, retryAfter: Duration?, entropy: inout Entropy
    ) -> Duration {
        if isRefusal { failures = max(failures, Self.refusalStep) }
        let doublings = min(failures, 16)
        failures += 1
        let ceiling = min(Self.maximum, Self.base * (1 << doublings))
        let delay = ceiling / 2 + entropy.jitter(upTo: ceiling / 2)
        return max(delay, min(retryAfter ?? .zero, .seconds(3_600)))
    }
}
