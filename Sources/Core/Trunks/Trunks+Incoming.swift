import Numbering
import Primitives
package import SIPMessage
package import SIPTransaction
import ServerLocation
import Settings

/// Whose a request outside a dialog is.
package enum TrunkIdentification: Sendable, Equatable {
    case trunk(TrunkID)
    /// It names the contact of a trunk and comes from elsewhere: to be refused (403).
    case impostor
    /// No trunk's: to be treated as anybody's.
    case stranger
}

/// What an INVITE of a trunk says of the call.
package struct TrunkCall: Sendable, Equatable {
    /// The extension of a user, group or feature that is to ring.
    package var destination: String
    /// The called number, `+…` or as the trunk wrote it; empty when it named none.
    package var calledNumber: String
    /// `+…` or as the trunk wrote it; nil: none, or withheld.
    package var callerNumber: String?
    /// As telephones show it and can dial it again; nil without number.
    package var shownNumber: String?
    package var callerName: String?
    /// The caller does not want to be known.
    package var isWithheld: Bool
}

extension Trunks {
    /// Which trunk an INVITE (or another request outside a dialog) comes from.
    ///
    /// A registering trunk is known by the user part of our contact, and by the addresses of its servers, the
    /// connection that we opened to them, or configured sources; a static trunk by configured sources, or where there
    /// are none by its servers' addresses. Nothing that a sender can choose freely (From, To, credentials) counts.
    package func identify(_ request: SIPRequest, over flow: SIPFlow) -> TrunkIdentification {
        if let user = request.uri.user, let id = tokens[user] {
            return trunk(id)?.isServer(flow) == true ? .trunk(id) : .impostor
        }
        let candidates = trunks.filter { $0.mayCallByNumber(flow) }
        guard candidates.count > 1 else { return candidates.first.map { .trunk($0.id) } ?? .stranger }
        // Several trunks of one provider: the one whose number is called, else the one whose domain is, else the first.
        let byNumber = candidates.first {
            $0.numbers.ownDestination(of: numbering.received(request.uri, format: $0.settings.incomingFormat)) != nil
        }
        let found = byNumber ?? candidates.first { $0.settings.isWithinDomain(request.uri.host) } ?? candidates[0]
        return .trunk(found.id)
    }

    /// True for flows by which the servers of a trunk reach us.
    package func isServer(_ flow: SIPFlow) -> Bool { trunks.contains { $0.isServer(flow) } }

    /// Who is called and who calls. Nil: the trunk has no such number and no default (404).
    ///
    /// The called number is the Request-URI's; where that is our contact, P-Called-Party-ID (RFC 7315 section 4.2) or To.
    /// The caller is who the trunk asserts (RFC 3325), with the identity policy `from` who From names.
    package func call(of request: SIPRequest, over id: TrunkID) -> TrunkCall? {
        guard let trunk = trunk(id) else { return nil }
        let called = calledNumber(in: request, trunk)
        guard let destination = trunk.numbers.destination(of: called) else { return nil }
        var call = TrunkCall(destination: destination, calledNumber: called.text ?? "", isWithheld: false)
        let from = try? request.from()
        let asserted = (try? request.assertedIdentities()) ?? []
        let sources =
            trunk.settings.identity == .from ? [from].compactMap { $0 } + asserted : asserted + [from].compactMap { $0 }
        // Malformed Privacy: rather hide a number than show it.
        let hides = (try? request.privacy()).map(\.hidesIdentity) ?? true
        guard !hides, from?.uri.isAnonymous != true else {
            call.isWithheld = true
            return call
        }
        for source in sources {
            let number = numbering.received(source.uri, format: trunk.settings.incomingFormat)
            guard let text = number.text else { continue }
            call.callerNumber = text
            call.shownNumber = numbering.shown(number)
            call.callerName = source.displayName ?? from?.displayName
            return call
        }
        call.callerName = from?.displayName
        return call
    }

    private func calledNumber(in request: SIPRequest, _ trunk: Trunk) -> ReceivedNumber {
        let format = trunk.settings.incomingFormat
        if request.uri.user != trunk.token {
            let number = numbering.received(request.uri, format: format)
            if number != .none { return number }
        }
        if let value = request.headers[.calledPartyID], let called = try? NameAddress(parsing: value) {
            let number = numbering.received(called.uri, format: format)
            if number != .none { return number }
        }
        guard let to = try? request.to() else { return .none }
        return numbering.received(to.uri, format: format)
    }
}

extension Trunk {
    /// The flow is that of our registration, or comes from an address of the trunk's servers or from a configured source.
    func isServer(_ flow: SIPFlow) -> Bool {
        if let connection, connection.isSameConnection(as: flow) { return true }
        return settings.sources.contains { $0.contains(flow.remote) }
            || (hops + serviceHops).contains { $0.endpoint.address == flow.remote.address }
    }

    /// True for flows whose requests are the trunk's without our contact in them.
    func mayCallByNumber(_ flow: SIPFlow) -> Bool {
        if let connection, connection.isSameConnection(as: flow) { return true }
        guard settings.sources.isEmpty else { return settings.sources.contains { $0.contains(flow.remote) } }
        return settings.kind == .static && hops.contains { $0.endpoint.address == flow.remote.address }
    }
}

extension ReceivedNumber {
    /// `+…`, or the digits as they came; nil without number.
    var text: String? {
        switch self {
        case .e164(let number): number.description
        case .other(let digits): digits
        case .none: nil
        }
    }
}

extension SIPURI {
    /// RFC 3323 section 4.1.1.3, and the spellings in use.
    var isAnonymous: Bool { user?.lowercased() == "anonymous" || host.lowercased() == "anonymous.invalid" }
}

extension SIPHeaderName {
    /// RFC 7315 section 4.2.
    static let calledPartyID = SIPHeaderName("P-Called-Party-ID")
}
