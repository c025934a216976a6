package import Applications
package import Media
package import SIPMessage
package import Settings

/// Someone who can call or be called: an extension and the name shown with it.
package struct CallParty: Sendable, Hashable {
    package var number: String
    package var name: String

    package init(number: String, name: String) {
        self.number = number
        self.name = name
    }
}

/// What the appliance does with a call that it answers itself.
package enum CallService: Sendable, Hashable {
    /// The caller hears itself.
    case echo
    /// The caller speaks with everybody in the room.
    case conference(RoomID)
    /// The caller hears a tone, and the call ends: something was switched, or was not.
    case tone(CallTone)
    /// Calls wait here for somebody to take them up.
    case orbit
    /// The caller hears the dial tone and dials with keys: for telephones that send digits one by one.
    case dialTone
    /// One of the applications that speak to the caller.
    case application(Application)
}

/// What an extension leads to. Extensions are matched whole; whoever is not in the plan does not exist.
package struct DialPlan: Sendable {
    package enum Destination: Sendable, Equatable {
        case user(CallParty)
        /// All members ring at once; the caller's own telephone is not among them.
        case group(CallParty, members: [CallParty])
        /// The appliance itself answers.
        case service(CallParty, CallService)
        /// Somebody whom only a line reaches; their number as it is dialled.
        case outside(CallParty)
    }

    private var users: [String: CallParty] = [:]
    private var groups: [String: GroupSettings] = [:]
    private var services: [String: (name: String, service: CallService)] = [:]

    /// `old`: what was in force before. A room that stays keeps its number in the media, so that nobody who comes later
    /// gets into another one's conversation.
    package init(settings: ApplianceSettings, after old: DialPlan? = nil) {
        for user in settings.users {
            users[user.extension] = CallParty(number: user.extension, name: user.name)
        }
        for group in settings.groups { groups[group.extension] = group }
        if let echo = settings.features.echo { services[echo] = ("Echo", .echo) }
        if let number = settings.features.office.dialTone { services[number] = ("Dial tone", .dialTone) }
        var taken = Set(settings.features.conferences.compactMap { old?.room($0)?.value })
        for number in settings.features.conferences {
            var room = old?.room(number)?.value ?? 0
            if old?.room(number) == nil { while !taken.insert(room).inserted { room += 1 } }
            services[number] = ("Conference", .conference(RoomID(room)))
        }
        for (number, name, application) in settings.applications.numbers {
            services[number] = (name, .application(application))
        }
    }

    /// The room without a door at that number.
    package func room(_ number: String) -> RoomID? {
        if case .conference(let room)? = services[number]?.service { room } else { nil }
    }

    /// True for the number of a user, a group or a feature.
    package func knows(_ number: String) -> Bool {
        users[number] != nil || groups[number] != nil || services[number] != nil
    }

    package func user(_ number: String) -> CallParty? { users[number] }

    /// Nil: nobody has that number. A user wins over a group, a group over a feature, should a configuration name both.
    package func destination(of number: String, calledBy caller: CallParty) -> Destination? {
        if let user = users[number] { return .user(user) }
        if let group = groups[number] {
            let members = group.members.filter { $0 != caller.number }.compactMap { users[$0] }
            return .group(CallParty(number: number, name: group.name), members: members)
        }
        return services[number].map { .service(CallParty(number: number, name: $0.name), $0.service) }
    }

    /// The number a URI asks for: its user part without `;` parameters, or a telephone number without its separators
    /// (RFC 3966 section 5.1.1). A trailing `#` ended the dialling and is no part of it. Nil when there is none.
    package static func number(in uri: SIPURI) -> String? {
        guard let part = uri.user?.split(separator: ";", omittingEmptySubsequences: false).first else { return nil }
        var number = String(part)
        if uri.scheme == .tel { number.removeAll { "-.() ".contains($0) } }
        if number.hasSuffix("#") { number.removeLast() }
        return number.isEmpty ? nil : number
    }
}

extension DialPlan.Destination {
    /// What was dialled.
    package var party: CallParty {
        switch self {
        case .user(let party), .group(let party, _), .service(let party, _), .outside(let party): party
        }
    }
}
