/// The service examples of RFC 5359, section 2, by name, each with the scenario that plays it on every stage.
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

    /// `RFC 5359, 2.1 Call Hold`.
    package var title: String { "RFC 5359, \(rawValue)" }

    /// Where the appliance gives the service in another way than the RFC's message flow has it; nil: it is that flow.
    package var difference: String? {
        switch self {
        case .musicOnHold: "the appliance plays the music; no music server is called"
        case .instantMessagingTransfer:
            "the appliance carries no instant messages: MESSAGE is refused with 405, the transfer itself is by REFER"
        case .forwardingUnconditional, .forwardingBusy, .forwardingNoAnswer: "the caller is not told by 181"
        case .thirdPartyAdded: "the appliance mixes, not Bob's telephone; a code makes the conference of both calls"
        case .thirdPartyJoins: "a room, into which two are moved by REFER; the third dials it (no Join, RFC 3911)"
        case .findMe: "all telephones ring at once, not one after the other"
        case .automaticRedial: "a code instead of a subscription of Alice's telephone; the appliance calls both"
        case .clickToDial: "the appliance takes the REFER, and rings Alice's telephones itself"
        case .callHold, .consultationHold, .unattendedTransfer, .attendedTransfer, .incomingScreening,
            .outgoingScreening, .park, .pickup:
            nil
        }
    }

    package var scenario: StageScenario {
        switch self {
        case .callHold: .callHold
        case .consultationHold: .consultationHold
        case .musicOnHold: .musicOnHold
        case .unattendedTransfer: .unattendedTransfer
        case .attendedTransfer: .attendedTransfer
        case .instantMessagingTransfer: .instantMessagingTransfer
        case .forwardingUnconditional: .forwardingUnconditional
        case .forwardingBusy: .forwardingBusy
        case .forwardingNoAnswer: .forwardingNoAnswer
        case .thirdPartyAdded: .thirdPartyAdded
        case .thirdPartyJoins: .thirdPartyJoins
        case .findMe: .findMe
        case .incomingScreening: .incomingScreening
        case .outgoingScreening: .outgoingScreening
        case .park: .park
        case .pickup: .pickup
        case .automaticRedial: .automaticRedial
        case .clickToDial: .clickToDial
        }
    }
}
