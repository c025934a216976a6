package import Persistence
package import Primitives
package import SIPMessage
package import SIPTransaction

/// One Contact of a registered user and the way to reach it (RFC 3261 section 10).
package struct Binding: Sendable, Equatable {
    /// As the phone wrote it, without its `expires` parameter.
    package var contact: NameAddress
    /// Requests to this binding travel here: the REGISTER's connection, or the socket and the Contact's address.
    package var flow: SIPFlow
    package var callID: String
    package var cseq: UInt32
    /// When the binding ends on the monotonic clock; this one decides.
    package var expiresAt: Instant
    /// The same moment by the wall clock, for the store.
    package var expiresAtWall: UnixTime
    package var userAgent: String?
    /// Grows with every refresh: the smallest is the binding that has been silent longest.
    package var refreshOrder: UInt64

    /// Preference in thousandths, 1000 when the phone named none (RFC 3261 section 20.10).
    package var preference: Int {
        guard let text = contact.parameters["q"], let value = Double(text), (0...1).contains(value) else { return 1000 }
        return Int((value * 1000).rounded())
    }

    /// What survives a restart.
    package var record: BindingRecord {
        BindingRecord(
            contact: contact.description, callID: callID, cseq: cseq, expiresAt: expiresAtWall,
            flow: flow.registrationText)
    }

    /// Whether both name the same device: an equal URI, or the same instance and registration (RFC 5626 section 6).
    func replaces(_ other: Binding) -> Bool {
        if contact.uri.isEquivalent(to: other.contact.uri) { return true }
        guard let instance = contact.parameters["+sip.instance"] else { return false }
        return instance == other.contact.parameters["+sip.instance"]
            && contact.parameters["reg-id"] == other.contact.parameters["reg-id"]
    }
}

extension SIPFlow {
    /// `UDP 192.0.2.1:5060 192.0.2.7:40000`: transport, our address, theirs. A connection's number is left out, it does
    /// not survive a restart.
    package var registrationText: String { "\(transport.rawValue) \(local) \(remote)" }

    /// Reads `registrationText`; nil for anything else.
    package init?(registrationText text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 3, let transport = Transport(rawValue: String(parts[0])), let local = Endpoint(parts[1]),
            let remote = Endpoint(parts[2])
        else { return nil }
        self.init(transport: transport, local: local, remote: remote)
    }
}
