package import Persistence
package import Primitives
package import SIPMessage
package import SIPTransaction

/// One Contact of a registered user and the way to reach it (RFC 3261 section 10).
package struct Binding: Sendable, Equatable {
    /// As the phone wrote it, unknown parameters too, without its `expires` parameter.
    package let contact: NameAddress
    /// Requests to this binding travel here: the REGISTER's connection, or the socket and the address of the first Path
    /// value or the Contact. A stream flow without connection means: open one to `flow.remote`, or use one that is.
    package internal(set) var flow: SIPFlow
    /// The Route of requests to this binding, in order (RFC 3327 section 5.3).
    package let path: [NameAddress]
    package internal(set) var callID: String
    package internal(set) var cseq: UInt32
    /// When the binding ends on the monotonic clock; this one decides.
    package internal(set) var expiresAt: Instant
    /// The same moment by the wall clock, for the store.
    package internal(set) var expiresAtWall: UnixTime
    package let userAgent: String?
    /// Grows with every refresh: the smallest is the binding that has been silent longest.
    package internal(set) var refreshOrder: UInt64
    /// One of several flows of a device (RFC 5626): told apart by `instance` and `regID`, not by the Contact.
    package let isOutbound: Bool
    /// `sip:100@pbx.example;gr=urn:uuid:…` for a device that asked for it (RFC 5627).
    package let publicGRUU: String?
    /// Preference in thousandths, 1000 when the phone named none (RFC 3261 section 20.10).
    package let preference: Int
    /// The device: its `+sip.instance` without angle brackets (RFC 5626 section 4.1).
    package let instance: String?
    package let regID: String?
    /// The wake-up parameters of the Contact, kept for whoever can use them (RFC 8599).
    package var push: PushParameters? { PushParameters(contact.uri) }

    /// Seconds granted last.
    var seconds: Int
    /// `contact` as text.
    let contactText: String
    /// The Contact of an answer up to the number of seconds.
    let answerPrefix: [UInt8]
    /// A connection may be opened to it when there is none: its next hop is a numeric address that is not hidden behind
    /// an address translator, and it is not bound to the flow that it registered over.
    let isDialable: Bool

    init(
        contact: NameAddress, flow: SIPFlow, path: [NameAddress] = [], callID: String, cseq: UInt32,
        expiresAt: Instant, expiresAtWall: UnixTime, seconds: Int, userAgent: String?, refreshOrder: UInt64,
        isOutbound: Bool = false, publicGRUU: String? = nil, source: IPAddress
    ) {
        self.contact = contact
        self.flow = flow
        self.path = path
        self.callID = callID
        self.cseq = cseq
        self.expiresAt = expiresAt
        self.expiresAtWall = expiresAtWall
        self.seconds = seconds
        self.userAgent = userAgent
        self.refreshOrder = refreshOrder
        self.isOutbound = isOutbound
        self.publicGRUU = publicGRUU
        preference = Self.preference(contact.parameters["q"])
        instance = Self.instance(of: contact)
        regID = contact.parameters["reg-id"]
        contactText = contact.description
        let gruu = publicGRUU.map { ";pub-gruu=\"" + $0 + "\"" } ?? ""
        answerPrefix = Array((contactText + gruu + ";expires=").utf8)
        let hop = IPAddress((path.first?.uri ?? contact.uri).host)
        isDialable = !isOutbound && hop != nil && (hop == source || !path.isEmpty)
    }

    /// Whether a request can be sent to it: a datagram always, a stream over its connection or one that can be opened.
    package var isReachable: Bool { flow.transport == .udp || flow.connection != nil || isDialable }

    /// Whether it may be used for a `sips` URI (RFC 3261 section 26.2, RFC 5630): only with a `sips` Contact.
    package var isSecure: Bool { contact.uri.scheme == .sips }

    /// What survives a restart.
    package var record: BindingRecord {
        BindingRecord(
            contact: contactText, callID: callID, cseq: cseq, expiresAt: expiresAtWall, flow: flow.registrationText,
            path: path.map(\.description).joined(separator: ", "), userAgent: userAgent, isOutbound: isOutbound,
            publicGRUU: publicGRUU)
    }

    /// The Contact of a 200: with its GRUU and the seconds left, rounded up.
    func answer(at now: Instant) -> SIPHeaders.Field { Self.answer(answerPrefix, until: expiresAt, at: now) }

    static func answer(_ prefix: [UInt8], until expiry: Instant, at now: Instant) -> SIPHeaders.Field {
        let seconds = (expiry.nanoseconds - now.nanoseconds + 999_999_999) / 1_000_000_000
        var bytes: [UInt8] = []
        bytes.reserveCapacity(prefix.count + 5)
        bytes += prefix
        bytes += String(seconds).utf8
        return SIPHeaders.Field(.contact, bytes: bytes[...])
    }

    /// Whether both name the same device or flow.
    ///
    /// Flows (RFC 5626 section 6) are the same with equal instance and reg-id, whatever their URI. Otherwise an equal
    /// URI decides, or the same instance, so that a device which comes back on another port has one binding.
    func replaces(_ other: Binding) -> Bool {
        if isOutbound && other.isOutbound { return instance == other.instance && regID == other.regID }
        if contact.uri.isEquivalent(to: other.contact.uri) { return true }
        return instance != nil && instance == other.instance && regID == other.regID
    }

    /// Whether nothing but its time and number has changed since `old`.
    func isRefresh(of old: Binding) -> Bool {
        contactText == old.contactText && flow == old.flow && callID == old.callID && path == old.path
            && publicGRUU == old.publicGRUU && isOutbound == old.isOutbound
    }

    private static func preference(_ q: String?) -> Int {
        guard let q, let value = Double(q), (0...1).contains(value) else { return 1000 }
        return Int((value * 1000).rounded())
    }

    static func instance(of contact: NameAddress) -> String? {
        guard let text = contact.parameters["+sip.instance"], !text.isEmpty else { return nil }
        return text.hasPrefix("<") && text.hasSuffix(">") ? String(text.dropFirst().dropLast()) : text
    }
}

/// The parameters by which a push notification service wakes a device (RFC 8599 section 4.1). They are kept, and
/// nothing is promised: the answer carries no `sip.pns`.
package struct PushParameters: Sendable, Equatable {
    package let provider: String
    package let resourceID: String?
    package let parameter: String?

    /// Nil without `pn-provider`.
    package init?(_ contact: SIPURI) {
        guard let provider = contact.parameters["pn-provider"] else { return nil }
        self.provider = provider
        resourceID = contact.parameters["pn-prid"]
        parameter = contact.parameters["pn-param"]
    }
}
