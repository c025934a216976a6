/// The event package that a SUBSCRIBE, NOTIFY or PUBLISH speaks of (RFC 6665 section 8.2.1).
package struct EventHeader: SIPFieldValue {
    /// With its templates: `dialog`, `presence.winfo`. Compared byte by byte.
    package var name: String
    /// Tells several subscriptions of one dialog apart. Compared byte by byte.
    package var id: String?
    /// All parameters but `id`.
    package var parameters: SIPParameters

    package init(name: String, id: String? = nil, parameters: SIPParameters = SIPParameters()) {
        self.name = name
        self.id = id
        self.parameters = parameters
    }

    /// Reads `event-type *(;event-param)`. Throws `.malformedHeader(.event)`.
    package init(view bytes: ByteView) throws(SIPParseError) {
        var scanner = FieldScanner(bytes)
        scanner.skipSpaces()
        guard let name = scanner.token(), !name.hasPrefix("."), !name.hasSuffix(".") else {
            throw .malformedHeader(.event, reason: "it names no event package")
        }
        guard var parameters = scanner.parameters() else {
            throw .malformedHeader(.event, reason: "what follows the event package are no parameters")
        }
        let id = parameters["id"]
        parameters.remove("id")
        self.init(name: name, id: id, parameters: parameters)
    }

    /// True when a NOTIFY with one belongs to the subscription of the other (RFC 6665 section 8.2.1).
    package func matches(_ other: EventHeader) -> Bool { name == other.name && id == other.id }

    package var description: String {
        let id = id.map { ";id=" + SIPParameters.plainOrQuoted($0) } ?? ""
        return SIPParameters.tokenOnly(name) + id + parameters.description
    }
}

/// How a subscription stands, as a NOTIFY says (RFC 6665 section 8.2.3).
package struct SubscriptionState: SIPFieldValue {
    package enum State: Sendable, Hashable {
        case active, pending, terminated
        /// An extension, in lower case.
        case other(String)
    }

    /// Why a subscription ended (RFC 6665 section 4.1.3); unknown ones are kept.
    package struct Reason: RawRepresentable, Sendable, Hashable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue.lowercased() }

        package static let deactivated = Reason(rawValue: "deactivated")
        package static let probation = Reason(rawValue: "probation")
        package static let rejected = Reason(rawValue: "rejected")
        package static let timeout = Reason(rawValue: "timeout")
        package static let giveUp = Reason(rawValue: "giveup")
        package static let noResource = Reason(rawValue: "noresource")
        package static let invariant = Reason(rawValue: "invariant")
    }

    package var state: State
    /// Seconds that are left; nil when not said.
    package var expires: Int?
    package var reason: Reason?
    /// Seconds to wait before another SUBSCRIBE.
    package var retryAfter: Int?

    package init(_ state: State, expires: Int? = nil, reason: Reason? = nil, retryAfter: Int? = nil) {
        self.state = state
        self.expires = expires
        self.reason = reason
        self.retryAfter = retryAfter
    }

    /// Reads `substate-value *(;subexp-param)`; parameters that are not named here are dropped, numbers saturate at
    /// 2^32 - 1. Throws `.malformedHeader(.subscriptionState)`.
    package init(view bytes: ByteView) throws(SIPParseError) {
        var scanner = FieldScanner(bytes)
        scanner.skipSpaces()
        guard let token = scanner.token() else {
            throw .malformedHeader(.subscriptionState, reason: "it names no state")
        }
        guard let parameters = scanner.parameters() else {
            throw .malformedHeader(.subscriptionState, reason: "what follows the state are no parameters")
        }
        let state: State =
            switch token.lowercased() {
            case "active": .active
            case "pending": .pending
            case "terminated": .terminated
            case let other: .other(other)
            }
        self.init(
            state, expires: try Self.seconds("expires", in: parameters),
            reason: parameters["reason"].map(Reason.init(rawValue:)),
            retryAfter: try Self.seconds("retry-after", in: parameters))
    }

    private static func seconds(_ name: String, in parameters: SIPParameters) throws(SIPParseError) -> Int? {
        guard let text = parameters[name] else { return nil }
        guard let number = FieldScanner.wholeNumber(text, limit: UInt64(UInt32.max)) else {
            throw .malformedHeader(.subscriptionState, reason: "its \(name) is no number of seconds")
        }
        return Int(min(number, UInt64(UInt32.max)))
    }

    package var description: String {
        var text: String
        switch state {
        case .active: text = "active"
        case .pending: text = "pending"
        case .terminated: text = "terminated"
        case .other(let token): text = SIPParameters.tokenOnly(token)
        }
        if let expires { text += ";expires=\(expires)" }
        if let reason { text += ";reason=" + SIPParameters.plainOrQuoted(reason.rawValue) }
        if let retryAfter { text += ";retry-after=\(retryAfter)" }
        return text
    }
}
