/// Everybody whom the policies speak of: those to whom the appliance sends, and those beyond.
package enum Party: String, Hashable, Sendable, CaseIterable {
    case appliance
    case controlCenter = "control-center"
    case relay
    case monitoring
    case backup
    case remoteAccess = "remote-access"
    case voucherCenter = "voucher-center"
    case push
    case update
    case crash
    /// A user's own telephone or softphone.
    case client
    /// The computer of who uses the Control Center.
    case browser
    case googlePush = "google-push"
    case applePush = "apple-push"
    case googleContacts = "google-contacts"
    case appStore = "app-store"
    /// The vendor, wherever it keeps what it collects.
    case vendor

    /// True for somebody else's machine, whose country the owner has a right to know.
    package var isServer: Bool {
        switch self {
        case .appliance, .client, .browser, .vendor: false
        case .controlCenter, .relay, .monitoring, .backup, .remoteAccess, .voucherCenter, .push, .update, .crash,
            .googlePush, .applePush, .googleContacts, .appStore:
            true
        }
    }

    /// Where the policies say that the server stands; nil when they do not.
    package var country: Country? {
        switch self {
        case .controlCenter, .relay, .monitoring, .backup, .remoteAccess, .voucherCenter: .germany
        case .push, .update: .bulgaria
        case .googlePush, .applePush, .googleContacts: .unitedStates
        case .crash, .appliance, .client, .browser, .appStore, .vendor: nil
        }
    }

    /// Which policies list the server among their locations (heading `Server locations`, first sentence and its list).
    package var locatedIn: [Policy] {
        switch self {
        case .relay: [.softphone, .controlCenter]
        case .controlCenter, .monitoring, .backup, .remoteAccess, .voucherCenter: [.controlCenter]
        case .push, .update, .googlePush, .applePush, .googleContacts: [.softphone]
        case .crash, .appliance, .client, .browser, .appStore, .vendor: []
        }
    }
}

/// Countries in which servers stand, by ISO 3166 code.
package enum Country: String, Hashable, Sendable, CaseIterable {
    case germany = "DE"
    case bulgaria = "BG"
    case unitedStates = "US"
}

extension Recipient {
    /// The same as one of the policies' parties.
    package var party: Party {
        switch self {
        case .controlCenter: .controlCenter
        case .relay: .relay
        case .monitoring: .monitoring
        case .backup: .backup
        case .remoteAccess: .remoteAccess
        case .voucherCenter: .voucherCenter
        case .push: .push
        case .update: .update
        case .crash: .crash
        case .client: .client
        }
    }
}
