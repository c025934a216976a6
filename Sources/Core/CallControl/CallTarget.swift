package import Primitives
package import SIPMessage
package import SIPTransaction

/// Names a line to the outside (a trunk); the owner of the lines hands the numbers out.
package struct LineID: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// One telephone or line that is to ring: a binding of the registrar or a way out, seen from call control.
package struct CallTarget: Sendable, Equatable {
    /// What becomes of a 3xx answer.
    package enum Redirection: Sendable, Equatable {
        /// The Contacts are called as if the party had forwarded the call.
        case follow
        /// The telephone counts as unavailable.
        case refuse
    }

    /// The user whose telephone this is, or who is reached over the line.
    package var party: CallParty
    /// The Contact: where the INVITE is addressed to.
    package var uri: SIPURI
    package var flow: SIPFlow
    /// The Route of the INVITE, topmost first: the Path of the binding (RFC 3327) or the line's Service-Route (RFC 3608).
    package var routes: [NameAddress]
    /// As whom the call goes out; nil towards the appliance's own users, who see the caller.
    package var outbound: OutboundIdentity?
    /// The line that the call occupies.
    package var line: LineID?
    /// In thousandths, the `q` of the Contact; see `ranked`.
    package var preference: Int
    package var redirection: Redirection
    /// Nil: those for telephones.
    package var media: MediaRules?
    /// Names the telephone and its registration, for what is remembered of it; nil: nothing is.
    package var device: String?
    /// The telephone is asked to answer by itself (RFC 5373, and what telephones knew before).
    package var isAutoAnswered = false

    package init(
        party: CallParty, uri: SIPURI, flow: SIPFlow, routes: [NameAddress] = [], outbound: OutboundIdentity? = nil,
        line: LineID? = nil, preference: Int = 1000, redirection: Redirection = .follow,
        media: MediaRules? = nil
    ) {
        self.party = party
        self.uri = uri
        self.flow = flow
        self.routes = routes
        self.outbound = outbound
        self.line = line
        self.preference = preference
        self.redirection = redirection
        self.media = media
    }

    /// The targets as ranks, the highest preference first: those of a rank ring together, the next rank when all of the
    /// one before have failed (RFC 3261 section 16.6). Within a rank the order stays.
    package static func ranked(_ targets: [CallTarget]) -> [[CallTarget]] {
        var ranks: [[CallTarget]] = []
        for target in targets {
            if let index = ranks.firstIndex(where: { $0[0].preference == target.preference }) {
                ranks[index].append(target)
            } else {
                let place = ranks.firstIndex { $0[0].preference < target.preference } ?? ranks.count
                ranks.insert([target], at: place)
            }
        }
        return ranks
    }
}

extension [[CallTarget]] {
    /// Rings these besides: the first rank with the first, and so on.
    package mutating func merge(_ ranks: [[CallTarget]]) {
        for (index, targets) in ranks.enumerated() {
            if index < count { self[index] += targets } else { append(targets) }
        }
    }

    /// The same telephones, asked to answer by themselves.
    package var answeringByThemselves: [[CallTarget]] {
        map { rank in
            rank.map { target in
                var target = target
                target.isAutoAnswered = true
                return target
            }
        }
    }
}

/// As whom a call goes out over a line. Its values stand in the INVITE as they are; nothing of the caller is added.
package struct OutboundIdentity: Sendable, Equatable {
    /// From, without tag. For a caller who wants privacy it is the anonymous one (RFC 3323 section 4.1.1.3).
    package var from: NameAddress
    /// P-Asserted-Identity, towards a peer in the trust domain alone (RFC 3325 section 9.1).
    package var assertedIdentities: [NameAddress]
    /// P-Preferred-Identity (RFC 3325 section 9.2).
    package var preferredIdentities: [NameAddress]
    package var privacy: PrivacyValues
    /// The user part of our Contact; nil: that of From.
    package var contactUser: String?
    /// What answers a 401 or 407.
    package var credentials: OutboundCredentials?
    /// The peer knows Diversion (RFC 5806) and not History-Info.
    package var tellsDiversion = false

    package init(
        from: NameAddress, assertedIdentities: [NameAddress] = [], preferredIdentities: [NameAddress] = [],
        privacy: PrivacyValues = PrivacyValues(), contactUser: String? = nil, credentials: OutboundCredentials? = nil
    ) {
        self.from = from
        self.assertedIdentities = assertedIdentities
        self.preferredIdentities = preferredIdentities
        self.privacy = privacy
        self.contactUser = contactUser
        self.credentials = credentials
    }
}

/// The name and password that meet a challenge (RFC 3261 section 22).
package struct OutboundCredentials: Sendable, Equatable {
    package var username: String
    package var password: Secret

    package init(username: String, password: Secret) {
        self.username = username
        self.password = password
    }
}
