/// What an edition allows at a time. It holds softly: what is registered and what runs goes on, what is new is refused with
/// the reason, and calls for help are exempt.
package struct EditionLimits: Sendable, Equatable {
    /// Users with a registered telephone.
    package var users: Int
    /// Registered telephones of all users; nil: as many as `Limits` lets in.
    package var devices: Int?
    /// Nil: `Limits.calls`.
    package var calls: Int?

    package init(users: Int, devices: Int? = nil, calls: Int? = nil) {
        self.users = users
        self.devices = devices
        self.calls = calls
    }
}

extension ApplianceSettings.Edition {
    package var limits: EditionLimits {
        switch self {
        case .next: EditionLimits(users: 40, calls: 40)
        case .flex: EditionLimits(users: 250, devices: 500, calls: 48)
        case .tryout: EditionLimits(users: 3)
        }
    }
}
