/// The service examples of RFC 5359, section 2, by name, each with the scenario that plays it.
package enum ServiceExample: String, Sendable, CaseIterable {
    case callHold = "2.1 Call Hold"
    case consultationHold = "2.2 Consultation Hold"
    case musicOnHold = "2.3 Music on Hold"
    case unattendedTransfer = "2.4 Transfer - Unattended"
    case attendedTransfer = "2.5 Transfer - Attended"
    case instantMessagingTransfer = "2.6 Transfer - Instant Messaging"
    case forwardingUnconditional = "2.7 Call Forwarding Unconditional"
    case forwardingBusy = "2.8 Call Forwarding - Busy"
    case forwardingNoAnswer = "2.9 Call Forwarding - No Answer"
    case thirdPartyAdded = "2.10 3-Way Conference - Third Party Is Added"
    case thirdPartyJoins = "2.11 3-Way Conference - Third Party Joins"
    case findMe = "2.12 Find-Me"
    case incomingScreening = "2.13 Call Management (Incoming Call Screening)"
    case outgoingScreening = "2.14 Call Management (Outgoing Call Screening)"
    case park = "2.15 Call Park"
    case pickup = "2.16 Call Pickup"
    case automaticRedial = "2.17 Automatic Redial"
    case clickToDial = "2.18 Click to Dial"

    /// How an example is shown here.
    package enum Coverage: Sendable {
        case scenario(Scenario)
        /// Not played yet, and what it waits for.
        case missing(String)
    }

    /// `RFC 5359, 2.1 Call Hold`.
    package var title: String { "RFC 5359, \(rawValue)" }

    package var coverage: Coverage {
        switch self {
        case .callHold: .scenario(.callHold)
        case .consultationHold: .scenario(.consultationHold)
        case .musicOnHold: .scenario(.musicOnHold)
        case .unattendedTransfer: .scenario(.unattendedTransfer)
        case .attendedTransfer: .scenario(.attendedTransfer)
        case .findMe: .scenario(.findMe)
        case .outgoingScreening: .scenario(.outgoingScreening)
        case .pickup: .scenario(.pickup)
        case .instantMessagingTransfer: .missing("MESSAGE: the appliance carries no instant messages")
        case .forwardingUnconditional, .forwardingBusy, .forwardingNoAnswer:
            .missing("forwarding that the appliance does for a user")
        case .thirdPartyAdded, .thirdPartyJoins: .missing("a conference made of a call (Join, RFC 3911)")
        case .incomingScreening: .missing("rules about who may call a user")
        case .park: .missing("park orbits")
        case .automaticRedial: .missing("a call back when the callee is free")
        case .clickToDial: .missing("a REFER outside a dialog that begins a call")
        }
    }

    /// Those that are played.
    package static var scenarios: [Scenario] {
        allCases.compactMap { if case .scenario(let scenario) = $0.coverage { scenario } else { nil } }
    }
}
