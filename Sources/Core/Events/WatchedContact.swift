package import Primitives
package import SIPMessage

/// One binding of a user as the registration package tells it (RFC 3680 section 5.4).
package struct WatchedContact: Sendable, Equatable {
    package var uri: SIPURI
    package var displayName: String?
    package var expiresAt: Instant
    /// Preference in thousandths.
    package var preference: Int
    package var callID: String?
    package var cseq: UInt32?
    /// RFC 5628.
    package var publicGRUU: String?

    package init(
        uri: SIPURI, displayName: String? = nil, expiresAt: Instant, preference: Int = 1000, callID: String? = nil,
        cseq: UInt32? = nil, publicGRUU: String? = nil
    ) {
        self.uri = uri
        self.displayName = displayName
        self.expiresAt = expiresAt
        self.preference = preference
        self.callID = callID
        self.cseq = cseq
        self.publicGRUU = publicGRUU
    }
}

/// `application/reginfo+xml` (RFC 3680 section 5), always with every contact.
enum RegistrationDocument {
    private static let namespace = "urn:ietf:params:xml:ns:reginfo"

    /// What was in `previous` and is gone is written once more, as `terminated`.
    static func bytes(
        entity: String, version: UInt32, current: [WatchedContact], previous: [WatchedContact]?, at now: Instant
    ) -> [UInt8] {
        let gone = (previous ?? []).filter { old in !current.contains { $0.uri == old.uri } }
        var xml = XMLWriter()
        xml.begin("reginfo", ["xmlns": namespace, "version": String(version), "state": "full"])
        let state = !current.isEmpty ? "active" : previous == nil ? "init" : "terminated"
        xml.begin("registration", ["aor": entity, "id": identifier(entity), "state": state])
        for contact in current {
            let event = previous?.contains { $0.uri == contact.uri } == true ? "refreshed" : "registered"
            write(contact, state: "active", event: event, at: now, to: &xml)
        }
        for contact in gone {
            let event = contact.expiresAt <= now ? "expired" : "unregistered"
            write(contact, state: "terminated", event: event, at: now, to: &xml)
        }
        return xml.finish()
    }

    private static func write(
        _ contact: WatchedContact, state: String, event: String, at now: Instant, to xml: inout XMLWriter
    ) {
        let seconds = max(0, (contact.expiresAt - now).wholeMilliseconds / 1000)
        let uri = contact.uri.description
        xml.begin(
            "contact",
            [
                "id": identifier(uri), "state": state, "event": event,
                "expires": state == "active" ? String(seconds) : nil, "q": quality(contact.preference),
                "callid": contact.callID, "cseq": contact.cseq.map { String($0) },
            ])
        xml.element("uri", [:], uri)
        if let name = contact.displayName { xml.element("display-name", [:], name) }
        if let gruu = contact.publicGRUU {
            xml.element("gr:pub-gruu", ["xmlns:gr": "urn:ietf:params:xml:ns:gruuinfo", "uri": gruu])
        }
        xml.end()
    }

    private static func quality(_ thousandths: Int) -> String {
        thousandths >= 1000 ? "1" : "0." + padded(max(0, thousandths), 3)
    }

    /// The same for the same text, in whichever document.
    private static func identifier(_ text: String) -> String {
        var hash = StableHash()
        hash.combine(text.utf8)
        return "c" + hash.text
    }
}
