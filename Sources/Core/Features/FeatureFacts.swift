package import Settings

/// What a policy may go by.
package struct FeatureFacts: Sendable, Equatable {
    /// The user who dials, or by whose rights a call goes on.
    package var caller: MemberFacts?
    /// The number of who will be heard, as it is shown; `anonymous` for who shows none.
    package var origin: String?
    /// Who will be heard is a colleague, not somebody outside.
    package var isInternal = true
    /// The number is dialled by a transfer or a redirection, not by somebody who waits for what happens.
    package var isPassedOn = false
    package var office = OfficeSettings()
    package var isNight = false
    /// What the dialled number is; nil: nothing that is known.
    package var numberClass: NumberClass?
    /// Whom the call has reached.
    package var user: MemberFacts?
    package var group: GroupFacts?
    /// The orbits with a call in them.
    package var occupiedOrbits: [String] = []
    /// Whom the event concerns, as `FeatureEvent.concern` says; in the order of the settings.
    package var colleagues: [MemberFacts] = []
    /// Wishes made so far.
    package var wishes = CallWishes()

    package init() {}

    package func colleague(_ number: String) -> MemberFacts? { colleagues.first { $0.number == number } }

    /// One of the caller's own features is switched.
    func switching(_ feature: WritableKeyPath<UserFeatures, Bool>, to isOn: Bool) -> FeatureDecision? {
        caller.map { caller in
            var features = caller.features
            features[keyPath: feature] = isOn
            return .change(.features(features))
        }
    }
}

/// What is known of a user.
package struct MemberFacts: Sendable, Equatable {
    package var number: String
    package var features = UserFeatures()
    /// How many telephones are registered.
    package var telephones = 0
    /// How many of them are in a call.
    package var busyTelephones = 0
    /// A call rings at one of them.
    package var isRinging = false
    /// Too many wrong PINs were given for the user's log-in at other desks.
    package var isDeskLocked = false
    /// Seconds since the user's last call ended; nil: none since the start.
    package var idleSeconds: Int?

    package init(_ number: String) { self.number = number }

    package var isRegistered: Bool { telephones > 0 }

    /// No telephone may ring.
    package var isBusy: Bool {
        guard busyTelephones > 0 else { return false }
        return features.busyOnBusy || (!features.callWaiting && busyTelephones >= telephones)
    }
}

/// What is known of a group.
package struct GroupFacts: Sendable, Equatable {
    package var settings: GroupSettings
    /// In the order of the settings, without the caller.
    package var members: [MemberFacts]
    /// How many calls the group has had.
    package var turn = 0

    package init(settings: GroupSettings, members: [MemberFacts]) {
        self.settings = settings
        self.members = members
    }
}

/// How far a number leads.
package enum NumberClass: Sendable, Equatable {
    case `internal`, local, national, international, premium
}
