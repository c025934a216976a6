package import Numbering
package import SIPMessage
package import SIPTransaction
package import Settings

/// On whose behalf a call goes out.
package struct OutgoingCaller: Sendable, Equatable {
    /// The user whose telephone calls, or who has forwarded or transferred the call.
    package var extensionNumber: String
    /// The number to be shown instead of the user's own: the caller's whose call is forwarded.
    package var presented: E164Number?
    /// No number is to be shown (CLIR).
    package var isWithheld: Bool

    package init(extensionNumber: String, presented: E164Number? = nil, isWithheld: Bool = false) {
        self.extensionNumber = extensionNumber
        self.presented = presented
        self.isWithheld = isWithheld
    }
}

/// One way out for one call.
package struct TrunkRoute: Sendable, Equatable {
    package var trunk: TrunkID
    package var name: String
    /// The Request-URI, also of To.
    package var uri: SIPURI
    /// Without tag.
    package var from: NameAddress
    package var assertedIdentity: NameAddress?
    package var preferredIdentity: NameAddress?
    package var privacy: PrivacyValues
    /// The user part of our Contact.
    package var contactUser: String
    /// The Route of the INVITE, topmost first: our proxy, then the Service-Route (RFC 3608 section 6.1).
    package var routes: [NameAddress]
    /// Where to send it, the best first; the next when one fails (RFC 3263 section 4.3). Never empty.
    package var flows: [SIPFlow]
    package var credentials: TrunkCredentials?
    package var codecs: [String]
    package var mediaSecurity: MediaSecurity
    package var redirects: TrunkSettings.Redirects
    /// See `TrunkSettings.tellsDiversion`.
    package var tellsDiversion = false
    /// The call is one for help.
    package var isEmergency: Bool
}

extension Trunks {
    /// The ways out for a number, in the order in which they are to be tried: by the rules, those that work before those
    /// that do not, without those whose channels are all in use.
    ///
    /// An emergency number goes by any trunk whatever the rules say; those that have no channel left come last then, and
    /// the caller's number is never withheld.
    ///
    /// - Parameter inUse: how many calls each trunk carries now.
    /// - Returns: empty when there is no way: barred, no rule, nothing located, all channels in use, or a number that
    ///   does not lead outside.
    package func routes(
        for dialled: DialledNumber, from caller: OutgoingCaller, inUse: [TrunkID: Int] = [:]
    ) -> [TrunkRoute] {
        let candidates: [Trunk]
        var isEmergency = false
        switch dialled {
        case .internal, .invalid: return []
        case .emergency:
            isEmergency = true
            candidates = trunks
        case .short(let digits): candidates = self.candidates(for: digits)
        case .external(let number, _): candidates = self.candidates(for: number.description)
        }
        let free = candidates.filter { inUse[$0.id, default: 0] < $0.settings.channels }
        let full = isEmergency ? candidates.filter { inUse[$0.id, default: 0] >= $0.settings.channels } : []
        return [free, full].flatMap { group in
            group.filter(\.state.isUsable) + group.filter { !$0.state.isUsable }
        }.compactMap { route(over: $0, to: dialled, from: caller, isEmergency: isEmergency) }
    }

    /// True when a rule bars the number: it fits, and names no trunk.
    package func isBarred(_ dialled: DialledNumber) -> Bool {
        switch dialled {
        case .internal, .invalid, .emergency: false
        case .short(let digits): rule(for: digits)?.trunks.isEmpty ?? false
        case .external(let number, _): rule(for: number.description)?.trunks.isEmpty ?? false
        }
    }

    /// True when some rule fits the number, or it is one for help: it is a number at all, whether or not a way is free.
    package func hasRule(for dialled: DialledNumber) -> Bool {
        switch dialled {
        case .internal, .invalid: false
        case .emergency: !trunks.isEmpty
        case .short(let digits): rule(for: digits) != nil
        case .external(let number, _): rule(for: number.description) != nil
        }
    }

    /// True when a Contact of a 3xx may be called over that trunk: its policy is to follow, and the URI is in its domain.
    package func follows(_ contact: SIPURI, over id: TrunkID) -> Bool {
        guard let settings = trunk(id)?.settings, settings.redirects == .follow else { return false }
        return [.sip, .sips].contains(contact.scheme) && settings.isWithinDomain(contact.host)
    }

    private func rule(for number: String) -> OutgoingRule? {
        rules.first { number.utf8.starts(with: $0.prefix.utf8) }
    }

    private func candidates(for number: String) -> [Trunk] {
        guard let rule = rule(for: number) else { return [] }
        return rule.trunks.compactMap { name in trunks.first { $0.settings.name == name } }
    }

    private func route(
        over trunk: Trunk, to dialled: DialledNumber, from caller: OutgoingCaller, isEmergency: Bool
    ) -> TrunkRoute? {
        let flows = trunk.flows(shared)
        // One that has left, because the appliance is about to stop, may still lead to help.
        guard !flows.isEmpty, !trunk.isGone || isEmergency, let number = written(dialled, for: trunk.settings) else {
            return nil
        }
        let settings = trunk.settings
        let configured = callerNumbers[caller.extensionNumber]
        let own =
            configured.flatMap { trunk.numbers.contains($0) ? $0 : nil }
            ?? trunk.numbers.number(of: caller.extensionNumber)
        let account = NameAddress(uri: settings.addressOfRecord)
        let identity = own.map { NameAddress(uri: settings.uri(ofNumber: written($0, for: settings))) } ?? account
        let shown =
            (caller.presented ?? configured ?? own)
            .map { NameAddress(uri: settings.uri(ofNumber: written($0, for: settings))) } ?? account
        let isWithheld = caller.isWithheld && !isEmergency
        var route = TrunkRoute(
            trunk: trunk.id, name: settings.name, uri: settings.uri(ofNumber: number),
            from: isWithheld ? Self.anonymous : settings.fromAccount ? account : shown, privacy: PrivacyValues(),
            contactUser: trunk.token,
            routes: [settings.proxyRoute].compactMap { $0 } + trunk.registration.serviceRoutes,
            flows: flows, credentials: settings.credentials, codecs: settings.codecs,
            mediaSecurity: settings.mediaSecurity, redirects: settings.redirects, isEmergency: isEmergency)
        route.tellsDiversion = settings.tellsDiversion
        // A trunk that does not know Privacy would pass the number on.
        guard !isWithheld || settings.honoursPrivacy else { return route }
        // Where From names the account, only the identity header can carry the number to be shown.
        let stated = settings.fromAccount && !isWithheld ? shown : identity
        switch settings.identity {
        case .asserted: route.assertedIdentity = stated
        case .preferred: route.preferredIdentity = stated
        case .from: break
        }
        if isWithheld { route.privacy = PrivacyValues([.id]) }
        return route
    }

    private static let anonymous = NameAddress(
        displayName: "Anonymous", uri: SIPURI(user: "anonymous", host: "anonymous.invalid"))

    /// As the trunk wants it; numbers for help and short numbers as they are.
    private func written(_ dialled: DialledNumber, for settings: TrunkSettings) -> String? {
        switch dialled {
        case .internal, .invalid: nil
        case .emergency(let number), .short(let number): number
        case .external(let number, let asDialled):
            settings.numberPrefix
                + (settings.numberFormat == .dialled ? asDialled : written(number, for: settings))
        }
    }

    /// A number of our own, in the trunk's form.
    private func written(_ number: E164Number, for settings: TrunkSettings) -> String {
        settings.numberFormat == .national ? numbering.national(number) : number.description
    }
}
