import Primitives
import SIPMessage

/// Who calls, as the called telephones are told (RFC 3323, RFC 3325), and how the call came to them (RFC 7044, RFC 3892).
///
/// Nothing of it is copied from what the caller's telephone wrote: users do not assert identities, the appliance does.
/// Redirections are told in History-Info, which is on the standards track; Diversion (RFC 5806) is historic, and a peer
/// that knows Diversion alone can be served from History-Info (RFC 7544).
struct CallerIdentity: Sendable {
    let party: CallParty
    /// The caller asked for privacy: no called party is told who it is.
    let isAnonymous: Bool
    /// Who transferred the call, in the appliance's own words.
    var referredBy: NameAddress?

    /// `"Anonymous" <sip:anonymous@anonymous.invalid>` (RFC 3323 section 4.1.1.3).
    static let anonymous = NameAddress(
        displayName: "Anonymous", uri: SIPURI(user: "anonymous", host: "anonymous.invalid"))

    /// `"Ada" <sip:100@pbx.example>`
    static func address(of party: CallParty, in domain: String) -> NameAddress {
        NameAddress(
            displayName: party.name.isEmpty ? nil : party.name, uri: SIPURI(user: party.number, host: domain))
    }

    /// True when the request asks that its sender be kept private (RFC 3323 section 4.2, RFC 3325 section 9.3).
    static func isHidden(in message: some SIPFields) -> Bool {
        guard let privacy = try? message.privacy(), !privacy.contains(.none) else { return false }
        return privacy.hidesIdentity || privacy.contains(.header)
    }

    // MARK: The INVITE to a target

    /// Without tag.
    func from(towards target: CallTarget, in domain: String) -> NameAddress {
        if let outbound = target.outbound { return outbound.from }
        return isAnonymous ? Self.anonymous : Self.address(of: party, in: domain)
    }

    /// Towards a line the callee as it is addressed, without what is meant for the next hop alone (RFC 3261 19.1.1).
    func to(_ target: CallTarget, in domain: String) -> NameAddress {
        guard target.outbound != nil else {
            return NameAddress(uri: SIPURI(user: target.party.number, host: domain))
        }
        var uri = target.uri
        uri.headers = nil
        if uri.scheme != .tel { uri.port = nil }
        for name in ["transport", "maddr", "ttl", "lr", "method"] { uri.parameters.remove(name) }
        return NameAddress(uri: uri)
    }

    func contactUser(towards target: CallTarget) -> String {
        if let outbound = target.outbound { return outbound.contactUser ?? outbound.from.uri.user ?? "anonymous" }
        return isAnonymous ? "anonymous" : party.number
    }

    /// Route, identities, privacy and history.
    func fields(towards target: CallTarget, history: [DivertedTarget], in domain: String) -> [SIPHeaders.Field] {
        var fields = target.routes.map { SIPHeaders.Field(.route, $0.description) }
        if let outbound = target.outbound {
            for identity in outbound.assertedIdentities {
                fields.append(.init(.assertedIdentity, identity.description))
            }
            for identity in outbound.preferredIdentities {
                fields.append(.init(.preferredIdentity, identity.description))
            }
            if !outbound.privacy.list.isEmpty { fields.append(.init(.privacy, outbound.privacy.description)) }
        } else if !isAnonymous {
            fields.append(.init(.assertedIdentity, Self.address(of: party, in: domain).description))
        }
        if let referredBy { fields.append(.init(.referredBy, referredBy.description)) }
        if target.outbound?.tellsDiversion != true, let value = Self.historyInfo(history) {
            fields.append(.init(.historyInfo, value))
        }
        if let value = diversion(towards: target, history: history) { fields.append(.init(.diversion, value)) }
        if target.isAutoAnswered { fields += Self.autoAnswer(in: domain) }
        return fields
    }

    /// Over a line whose peer knows nothing else (RFC 5806): the line's own number that sent the call on last, which
    /// is the only one of ours that means something out there. Nothing when the caller wants privacy.
    private func diversion(towards target: CallTarget, history: [DivertedTarget]) -> String? {
        guard let outbound = target.outbound, outbound.tellsDiversion, !isAnonymous,
            let cause = history.last(where: { $0.cause != nil })?.cause
        else { return nil }
        var value = NameAddress(
            uri: (outbound.assertedIdentities.first ?? outbound.preferredIdentities.first ?? outbound.from).uri)
        let reason =
            switch cause {
            case 486: "user-busy"
            case 408: "no-answer"
            case 480: "unavailable"
            default: "unconditional"
            }
        value.parameters.set("reason", reason)
        value.parameters.set("counter", String(history.count { $0.cause != nil }))
        return value.description
    }

    /// Asks a telephone to answer by itself: Answer-Mode (RFC 5373), and the two older ways that telephones know.
    private static func autoAnswer(in domain: String) -> [SIPHeaders.Field] {
        [
            .init(SIPHeaderName("Answer-Mode"), "Auto"), .init(.callInfo, "<sip:\(domain)>;answer-after=0"),
            .init(.alertInfo, "<sip:\(domain)>;info=alert-autoanswer;delay=0"),
        ]
    }

    /// Each station with the reason for which it was left, each mapped from the one before (RFC 7044 section 5).
    static func historyInfo(_ history: [DivertedTarget]) -> String? {
        guard history.count > 1 else { return nil }
        var index = ""
        var entries: [String] = []
        for station in history {
            let previous = index
            index = index.isEmpty ? "1" : index + ".1"
            var uri = station.uri
            if let cause = station.cause {
                uri.setHeaderFields([.init(.reason, ReasonValue.sip(cause).description)])
            }
            var entry = NameAddress(uri: uri)
            entry.parameters.set("index", index)
            if !previous.isEmpty { entry.parameters.set("mp", previous) }
            entries.append(entry.description)
        }
        return entries.joined(separator: ", ")
    }
}
