import Primitives
package import SIPMessage

extension SIPFlow {
    /// `sip:100@192.0.2.1:5060;transport=tcp`: ourselves, as reached over this flow. `sips` is for what is to stay secure
    /// all the way (RFC 3261 section 12.1.1).
    package func contact(user: String, scheme: SIPURI.Scheme = .sip) -> SIPURI {
        var uri = SIPURI(scheme: scheme, user: user, host: local.address.sentBy, port: local.port)
        if transport != .udp { uri.transport = transport.rawValue.lowercased() }
        return uri
    }

    /// False when `uri` names another address or port in figures than the flow reaches: an address translator is in
    /// between, and what listens at its side of one socket does so for that socket alone.
    package func leads(to uri: SIPURI) -> Bool {
        guard let address = IPAddress(uri.host) else { return true }
        return Endpoint(address: address, port: uri.port ?? 5060) == remote
    }

    /// The flow on which requests to `contact` travel, when a message of that peer came over this one.
    ///
    /// A connection is kept. Over UDP the Contact's numeric address is followed, except when it equals the Via's
    /// sent-by although the datagram came from elsewhere: then an address translator is in between, and its side is the
    /// one that works (RFC 3581). A host name stays with the source too: nothing here resolves names. Neither does a GRUU
    /// say where its device is: its host is that of the domain that gave it out, ours (RFC 5627 section 3.1).
    package func reaching(_ contact: SIPURI, sentBy via: Via?) -> SIPFlow {
        guard transport == .udp, !contact.parameters.contains("gr"), let address = IPAddress(contact.host) else {
            return self
        }
        let port = contact.port ?? 5060
        guard address != remote.address || port != remote.port, !address.isUnspecified, port != 0 else { return self }
        if let via, IPAddress(via.host) == address, via.port ?? 5060 == port { return self }
        var flow = self
        flow.remote = Endpoint(address: address, port: port)
        return flow
    }
}
