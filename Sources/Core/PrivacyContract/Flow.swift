/// The flows of the two privacy policies (FLOWS.md section 2). Ids are stable: code, tests, ledger and docs use them.
package enum FlowID: String, Hashable, Sendable, CaseIterable, Comparable {
    case c1 = "F-C1"
    case c2 = "F-C2"
    case c3 = "F-C3"
    case c4 = "F-C4"
    case c5 = "F-C5"
    case c6 = "F-C6"
    case c7 = "F-C7"
    case c8 = "F-C8"
    case c9 = "F-C9"
    case c10 = "F-C10"
    case c11 = "F-C11"
    case c12 = "F-C12"
    /// Not in FLOWS.md: a marked assumption, see `Contract`.
    case c13 = "F-C13"
    case s1 = "F-S1"
    case s2 = "F-S2"
    case s3 = "F-S3"
    case s4 = "F-S4"
    case s5 = "F-S5"
    case s6 = "F-S6"
    case s7 = "F-S7"
    case s8 = "F-S8"
    case s9 = "F-S9"
    case s10 = "F-S10"
    case s11 = "F-S11"

    package static func < (left: Self, right: Self) -> Bool {
        (left.rawValue.count, left.rawValue) < (right.rawValue.count, right.rawValue)
    }
}

/// Who may receive something from the appliance.
package enum Recipient: String, Hashable, Sendable, CaseIterable {
    case controlCenter = "control-center"
    case relay
    case monitoring
    case backup
    case remoteAccess = "remote-access"
    case voucherCenter = "voucher-center"
    case push
    case update
    case crash
    /// A user's own telephone or softphone, through the relay (F-S3, F-S6).
    case client
}

/// The owner's switches. A flow whose switch is off sends zero bytes.
package enum Switch: String, Hashable, Sendable, CaseIterable {
    case controlCenter = "control-center"
    case monitoring
    case callData = "call-data"
    case backup
    case relay
    case remoteAccess = "remote-access"
    case voucher
    case push
    case updates
    case crashReports = "crash-reports"
}

/// The name of a field that may leave the appliance, as the contract and the ledger spell it.
package struct FieldName: RawRepresentable, Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package init(_ name: String) { rawValue = name }
    package var description: String { rawValue }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
