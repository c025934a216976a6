package import CloudMessages
package import Primitives

/// The pairing user as the Control Center keeps it (F-C3): the only copy of the password outside the appliance's hash.
package struct PairingCredential: Sendable, Equatable {
    package var tokenID: String
    package var user: String
    package var password: Secret
    package init(tokenID: String, user: String, password: Secret) {
        self.tokenID = tokenID
        self.user = user
        self.password = password
    }
}

/// An appliance in a Control Center user's list: what outlives a restart.
package struct DeviceRecord: Sendable, Equatable {
    package enum Pairing: Sendable, Equatable {
        /// Never offered, or dissolved (F-C4).
        case none
        /// A code is valid and shown; `isDelivered` once the appliance has taken the offer (F-C2).
        case waiting(code: Secret, offer: PairingOffer, isDelivered: Bool)
        case paired(PairingCredential)
    }

    package var serial: String
    package var name: String
    /// Id of the company in whose list it is.
    package var company: String
    /// The initial registration: when it was paired for the first time.
    package var firstRegistration: UnixTime?
    package var pairing: Pairing

    package init(
        serial: String, name: String, company: String = "", firstRegistration: UnixTime?, pairing: Pairing
    ) {
        self.serial = serial
        self.name = name
        self.company = company
        self.firstRegistration = firstRegistration
        self.pairing = pairing
    }
}

/// A row of the Control Center's device list (FLOWS.md section 5).
package struct DeviceRow: Sendable, Equatable {
    package enum State: String, Sendable, Hashable, CaseIterable {
        case waitingWithToken = "waiting-with-token"
        case paired
        case maintenanceNeeded = "maintenance-needed"
        case error
        case unknown
    }

    /// Why the state is what it is; a page says it in the user's language.
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        case notPaired = "not-paired"
        case codeExpired = "code-expired"
        case typeCode = "type-code"
        case waitingForAppliance = "waiting-for-appliance"
        case deliveryFailed = "delivery-failed"
        case offerRefused = "offer-refused"
        case relayUnavailable = "relay-unavailable"
        case connected
        case notConnected = "not-connected"
        case notAnswering = "not-answering"
        case stateUnknown = "state-unknown"
        case firmwareOld = "firmware-old"
    }

    package enum RegistrationStatus: String, Sendable, Hashable, CaseIterable { case never, online, offline }

    package var name: String
    package var serial: String
    package var firstRegistration: UnixTime?
    package var state: State
    package var reason: Reason
    /// One sentence for the user: what the state means now, and what to do.
    package var detail: String
    /// Set while the user has to copy it, with its expiry.
    package var code: Secret?
    package var codeExpiresAt: UnixTime?
    /// The edition as the appliance names it; nil until it was read.
    package var licences: String?
    package var registrationStatus: RegistrationStatus
    package var deviceState: DeviceState?
}
