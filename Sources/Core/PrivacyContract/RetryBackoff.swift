package import Primitives

/// How long to wait before a message to a vendor server is tried again: capped exponential with full jitter, never
/// sooner than the server's `Retry-After` (WIRE.md, Common ground).
package struct RetryBackoff: Sendable, Equatable {
    private let base: Duration
    private let cap: Duration
    /// Failures since the last success.
    package private(set) var failures = 0

    /// Below this a retry is never made, whatever the jitter says.
    package static let floor = Duration.milliseconds(100)
    /// A server cannot silence us for longer than this.
    package static let longestRetryAfter = Duration.seconds(3600)

    package init(base: Duration = .seconds(1), cap: Duration = .seconds(300)) {
        self.base = base
        self.cap = cap
    }

    /// The pause after one more failure.
    package mutating func next(retryAfter: Duration?, entropy: inout Entropy) -> Duration {
        // 2^20 s is far over any cap: the shift cannot overflow.
        let window = min(cap, base * (1 << min(failures, 20)))
        failures += 1
        let asked = min(max(retryAfter ?? .zero, .zero), Self.longestRetryAfter)
        return asked + max(Self.floor, entropy.jitter(upTo: window))
    }

    package mutating func reset() { failures = 0 }
}

extension CloudReply {
    /// True for an answer that may be different next time: no connection, time-out, overload, server fault.
    package var isTransientFailure: Bool {
        switch self {
        case .unreachable: true
        case .refused(let status, _, _): status == 408 || status == 425 || status == 429 || status >= 500
        case .accepted, .serviceStatus, .backups, .update: false
        }
    }

    package var retryAfter: Duration? {
        if case .refused(_, _, let retryAfter) = self { retryAfter } else { nil }
    }

    /// How the ledger words the end of a message.
    package var ledgerResult: String {
        switch self {
        case .accepted, .serviceStatus, .backups, .update: "sent"
        case .refused(let status, let detail, _): "refused \(status) \(Self.printable(detail))"
        case .unreachable(let reason): "unreachable \(Self.printable(reason))"
        }
    }

    /// A server's words are shown in terminals: 120 printable ASCII characters at most are kept.
    private static func printable(_ text: String) -> String {
        let kept = text.unicodeScalars.lazy.filter { (0x20..<0x7F).contains($0.value) }.prefix(120)
        return String(String.UnicodeScalarView(kept))
    }
}
