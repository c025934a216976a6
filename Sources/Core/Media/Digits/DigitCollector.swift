package import Primitives

/// How digits are gathered from who presses them.
package struct DigitRules: Hashable, Sendable {
    /// Whatever is asked for, no more than this is gathered.
    package static let mostAtAll = 64

    /// So many complete the gathering; 1...64.
    package var most: Int {
        didSet { most = Self.bounded(most) }
    }
    /// Each of these ends the gathering, and is no part of what was gathered.
    package var terminators: [Digit]
    /// Each of these, pressed first, is all that is waited for: the answers of a menu beside which numbers may be dialled.
    package var alone: [Digit]
    /// For the first digit.
    package var first: Duration
    /// For each further one.
    package var between: Duration

    package init(
        most: Int = 1, terminators: [Digit] = [.pound], alone: [Digit] = [], first: Duration = .seconds(10),
        between: Duration = .seconds(4)
    ) {
        self.most = Self.bounded(most)
        self.terminators = terminators
        self.alone = alone
        self.first = first
        self.between = between
    }

    private static func bounded(_ count: Int) -> Int { min(mostAtAll, max(1, count)) }
}

/// Gathers digits until there are enough, or no more come.
///
/// ```text
/// waiting (first) ── digit ──▶ gathering (between, anew with each digit) ── the last one, a terminator, too long ──▶ over
/// ```
package struct DigitCollector: Sendable {
    package enum Reason: Hashable, Sendable {
        /// As many as can be, or one that stands alone.
        case complete
        case terminator
        /// No further digit came in time.
        case timeout
        /// No digit came at all.
        case none
    }
    package struct Outcome: Hashable, Sendable {
        package var digits: [Digit]
        package var reason: Reason

        package init(digits: [Digit], reason: Reason) {
            self.digits = digits
            self.reason = reason
        }
    }

    package let rules: DigitRules
    /// What was gathered so far.
    package private(set) var digits: [Digit] = []
    /// When `handleDeadline` has work; nil once there is an outcome.
    package private(set) var nextDeadline: Instant?

    /// Waits for the first digit from now on.
    package init(_ rules: DigitRules, at now: Instant) {
        self.rules = rules
        nextDeadline = now + rules.first
    }

    /// Takes a digit; the outcome, once, if it was the last. After the outcome, digits change nothing.
    package mutating func take(_ digit: Digit, at now: Instant) -> Outcome? {
        guard nextDeadline != nil else { return nil }
        guard !rules.terminators.contains(digit) else { return finish(.terminator) }
        digits.append(digit)
        if digits.count == rules.most || digits.count == 1 && rules.alone.contains(digit) { return finish(.complete) }
        nextDeadline = now + rules.between
        return nil
    }

    /// Waits no longer once the deadline is reached; called early, it does nothing.
    package mutating func handleDeadline(at now: Instant) -> Outcome? {
        guard let nextDeadline, now >= nextDeadline else { return nil }
        return finish(digits.isEmpty ? .none : .timeout)
    }

    private mutating func finish(_ reason: Reason) -> Outcome {
        nextDeadline = nil
        return Outcome(digits: digits, reason: reason)
    }
}
