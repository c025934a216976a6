/// What a user of the Control Center may do.
package enum AccountRight: String, Sendable, Hashable, CaseIterable {
    /// Read the list, the states, the monitoring values and the list of backups.
    case seeDevices = "see-devices"
    /// Add and remove appliances, make codes.
    case changeDevices = "change-devices"
    /// Reach the administration of an appliance, as far as its owner has opened it (F-C10).
    case configureDevices = "configure-devices"
    /// Open the stream of call data (F-C6): it names persons.
    case readCallData = "read-call-data"
    /// Fetch and delete ciphertext (F-C9).
    case manageBackups = "manage-backups"
    /// Make, change and remove the accounts of the own company.
    case manageAccounts = "manage-accounts"
}

/// A user's part in the company, from most to least.
package enum AccountRole: String, Sendable, Hashable, CaseIterable {
    case owner, technician, viewer

    package var rights: Set<AccountRight> {
        switch self {
        case .owner: Set(AccountRight.allCases)
        case .technician: [.seeDevices, .changeDevices, .configureDevices, .readCallData, .manageBackups]
        case .viewer: [.seeDevices]
        }
    }
}

/// Whoever shares a device list.
package struct Company: Sendable, Hashable {
    package var id: String
    package var name: String
    package init(id: String, name: String) {
        self.id = id
        self.name = name
    }
}

/// A user of the Control Center. Of the password only `verifier` is known: a line of text that a slow hash made.
package struct Account: Sendable, Hashable {
    /// Lower case; unique in the whole cloud.
    package var login: String
    package var name: String
    /// Id of the company.
    package var company: String
    package var role: AccountRole
    package var verifier: String
    package init(login: String, name: String, company: String, role: AccountRole, verifier: String) {
        self.login = login
        self.name = name
        self.company = company
        self.role = role
        self.verifier = verifier
    }
}
