package import SIPMessage

/// The event packages that the appliance notifies of.
package enum EventPackage: String, Sendable, Hashable, CaseIterable {
    /// Calls of a user: busy lamp fields; the user's own telephones are told enough to take them over (RFC 4235).
    case dialog
    /// Waiting voice messages (RFC 3842).
    case messageSummary = "message-summary"
    /// Reachable or not, on the phone or not (RFC 3856, RFC 3863).
    case presence
    /// Contacts of a user (RFC 3680).
    case registration = "reg"

    /// What Allow-Events says.
    package static let allowEvents = allCases.map(\.rawValue).joined(separator: ", ")

    /// The package that a SUBSCRIBE asks for, so that the caller can decide who may; nil when Event is absent, cannot be
    /// read or names none of ours, which `SubscriptionServer.subscribe` answers with 489.
    package init?(of request: SIPRequest) {
        guard let event = try? request.event() else { return nil }
        self.init(rawValue: event.name)
    }

    var contentType: String {
        switch self {
        case .dialog: "application/dialog-info+xml"
        case .messageSummary: "application/simple-message-summary"
        case .presence: "application/pidf+xml"
        case .registration: "application/reginfo+xml"
        }
    }

    /// Seconds when SUBSCRIBE names none, as the packages' documents say (RFC 4235 section 3.4, RFC 3842 section 3.4,
    /// RFC 3856 section 6.4, RFC 3680 section 4.4).
    var defaultExpiry: Int {
        switch self {
        case .dialog, .presence: 3600
        case .messageSummary: 3600
        case .registration: 3761
        }
    }

    /// Whether the body can be sent to who accepts only what Accept names (RFC 6665 section 3.1.3). Without Accept the
    /// package's own type is understood.
    func isAcceptable(to request: SIPRequest) -> Bool { request.accepts(contentType) }
}

/// What the caller of `subscribe` has decided about who asks.
package enum SubscriptionGrant: Sendable, Hashable {
    /// Everything, with names and numbers.
    case full
    /// Whether somebody is busy, and not with whom. The registration package has no such form and is refused with 403.
    case stateOnly
    /// Answer this: 403, 404, 480.
    case refused(status: Int)
}
