/// A key of a telephone, by its code as a telephone event (RFC 4733 section 3.2): 0...15.
package struct Digit: Hashable, Sendable {
    package let event: UInt8
    package init?(event: UInt8) {
        guard event < 16 else { return nil }
        self.event = event
    }
}

/// What keys are collected, and when it is enough.
package struct DigitRules: Hashable, Sendable {
    package var most: Int
    package init(most: Int) { self.most = most }
}

package struct DigitCollector: Sendable {
    /// What was collected.
    package struct Outcome: Hashable, Sendable {
        package var digits: [Digit]
        package init(digits: [Digit]) { self.digits = digits }
    }
}
