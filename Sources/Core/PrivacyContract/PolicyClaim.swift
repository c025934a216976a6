/// What the policies' sentences speak of.
package enum Datum: String, Hashable, Sendable, CaseIterable {
    case serial
    case confirmationCode = "confirmation code"
    case pairingUser = "pairing user"
    case monitoringValues = "monitoring values"
    case callRecords = "call records"
    /// Signalling and media while a call lasts.
    case liveCalls = "signalling and media"
    case certificate
    case backup
    case backupPassword = "backup password"
    case adminSession = "administration session"
    /// Address and time of who asked for something.
    case accessLog = "access log"
    case updateQuery = "update query"
    case provisioningFile = "provisioning file"
    case location = "location of the appliance"
    case clientAddress = "address of a mobile client"
    case pushToken = "push token"
    case pushDiagnostics = "push diagnostics"
    case crashReport = "crash report"
    case account = "app-store account"
}

/// Which softphones a sentence is about.
package enum ClientKind: Hashable, Sendable {
    case all
    case mobile
    case ios

    /// True when everything that `other` names is named by this too.
    package func includes(_ other: Self) -> Bool { self == .all || self == other || (self == .mobile && other == .ios) }
}

/// One direction between two parties.
package struct Hop: Hashable, Sendable {
    package let from: Party
    package let to: Party
    package init(_ from: Party, _ to: Party) {
        self.from = from
        self.to = to
    }
}

/// What one sentence of a policy says, before anything was decided: no more and no less than is written there.
package enum Claim: Hashable, Sendable {
    /// The datum goes from the first party to the last one by way of those between.
    case sends(Datum, [Party], ClientKind = .all)
    /// Who opens the connection that a hop needs.
    case dials(Party, Party)
    /// The datum travels on these hops and on no others.
    case sendsOnly(Datum, [Hop])
    /// A hop is secured with this party's certificate.
    case secures(Hop, certificateOf: Party)
    /// The datum is stored; nil: nothing is said about for how long.
    case keeps(Datum, at: Party, Clock?)
    /// The datum is erased; nil: the sentence does not say where.
    case erases([Datum], at: Party?)
    /// The datum is checked for these; empty: the sentence does not say for what.
    case checks(Datum, [String])
    /// An account is made that may do these; empty: the sentence does not say what.
    case makesAccount(Datum, rights: [String])
    /// What stops with a switch.
    case switchesOff(Switch, [FlowID])
    /// A flow is used through a party.
    case offers(FlowID, through: Party)
    /// What a datum holds: nil when the sentence neither lists it nor gives an example.
    case holds(Datum, [String]?)
    /// The datum is made anonymous in this way; nil: the sentence does not say how.
    case anonymises(Datum, by: String?)
    /// Whom a server is there for.
    case serves(Party, ClientKind)
    /// A word and what it stands for.
    case means(String, Datum)
    /// A pronoun and what it may stand for.
    case refers([Datum])
    /// The vendor has nothing to do with it.
    case disclaims(Party)
    /// The country is named.
    case locates(Party)
}

/// A claim with its place.
package struct PolicyStatement: Hashable, Sendable {
    package let clause: Clause
    package let claim: Claim
    package init(_ clause: Clause, _ claim: Claim) {
        self.clause = clause
        self.claim = claim
    }
}
