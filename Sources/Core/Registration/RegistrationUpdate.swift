import Primitives
import SIPMessage
import SIPTransaction

extension Registrar {
    /// What all Contacts of one REGISTER share.
    struct Update {
        let request: SIPRequest
        let callID: String, cseq: UInt32
        let flow: SIPFlow
        let addressOfRecord: String
        let now: Instant, wall: UnixTime
        let listeners: [ListenerAddress]
        /// Of the Expires field; nil without one. A malformed one counts as one hour (RFC 3261 section 20.19).
        let expires: Int?
        let path: [NameAddress]
        let supported: OptionTags
        /// How many Contacts are to be bound, as far as the text says; a memo is kept when as many were.
        let wantedCount: Int
        private let to: NameAddress?
        private let via: Via?
        private let hasProxies: Bool
        /// A Contact names a flow of RFC 5626, and both sides can.
        private let isOutbound: Bool

        /// Throws what Contact or Path say that cannot be read.
        init(
            _ request: SIPRequest, callID: String, cseq: UInt32, flow: SIPFlow, addressOfRecord: String, now: Instant,
            wall: UnixTime, listeners: [ListenerAddress]
        ) throws(SIPParseError) {
            self.listeners = listeners
            self.request = request
            self.callID = callID
            self.cseq = cseq
            self.flow = flow
            self.addressOfRecord = addressOfRecord
            self.now = now
            self.wall = wall
            expires = request.headers.contains(.expires) ? request.expires() ?? 3600 : nil
            path = request.headers.contains(.path) ? try request.paths() : []
            supported = request.supported()
            to = try? request.to()
            via = try? request.topVia()
            hasProxies = ((try? request.vias())?.count ?? 1) > 1
            var contacts: [NameAddress] = []
            if case .list(let list) = try request.contacts() { contacts = list }
            wantedCount = contacts.count
            isOutbound = supported.contains("outbound") && contacts.contains(where: Self.namesFlow)
        }

        /// RFC 3261 section 10.2.1: a `sips` address of record takes `sips` Contacts.
        var needsSecureContacts: Bool { to?.uri.scheme == .sips }

        private static func namesFlow(_ contact: NameAddress) -> Bool {
            contact.parameters.contains("reg-id") && Binding.instance(of: contact) != nil
        }

        /// What the rules of the extensions object to, before any Contact is looked at by itself.
        func refusal(of contacts: [NameAddress], by policy: RegistrarPolicy) -> RegistrationAnswer? {
            if !path.isEmpty, policy.pathSupport == .strict, !supported.contains("path") {
                return RegistrationAnswer(
                    status: 420, reason: "Bad Extension",
                    fields: [.init(.unsupported, "path")] + path.map { .init(.path, $0.description) })
            }
            if isOutbound {
                guard contacts.count == 1 else {
                    return RegistrationAnswer(status: 400, reason: "One Contact Per Flow")
                }
                // The proxy next to the phone must be able to keep the flow (RFC 5626 section 6).
                if hasProxies, path.last?.uri.parameters.contains("ob") != true {
                    return RegistrationAnswer(status: 439, reason: "First Hop Lacks Outbound Support")
                }
            }
            // A GRUU as Contact of its own address of record would lead in a circle (RFC 5627 section 5.1).
            if let to, contacts.contains(where: { $0.uri.isGRUU(of: to.uri) }) {
                return RegistrationAnswer(status: 403, reason: "Contact Is A GRUU Of Ours")
            }
            return nil
        }

        func binding(_ contact: NameAddress, seconds: Int, order: UInt64) -> Binding {
            var contact = contact
            for name in ["expires", "pub-gruu", "temp-gruu"] { contact.parameters.remove(name) }
            var gruu: String?
            if supported.contains("gruu"), let to, let instance = Binding.instance(of: contact) {
                gruu = SIPURI(publicGRUUOf: to.uri, instance: instance)?.description
            }
            return Binding(
                contact: contact, flow: way(to: (path.first ?? contact).uri), path: path,
                callID: callID, cseq: cseq, expiresAt: now + .seconds(seconds), expiresAtWall: wall + .seconds(seconds),
                seconds: seconds, userAgent: request.headers[.userAgent], refreshOrder: order,
                isOutbound: isOutbound && Self.namesFlow(contact), publicGRUU: gruu, source: flow.remote.address)
        }

        /// Back where the REGISTER came from or to where `next` listens; over a TCP connection to be opened when it came
        /// by UDP and `next` asks for TCP (RFC 3261 section 18.1.1).
        private func way(to next: SIPURI) -> SIPFlow {
            guard flow.transport == .udp, next.transport == "tcp", let address = IPAddress(next.host),
                let local = listeners.local(for: .tcp, towards: address)
            else { return flow.reaching(next, sentBy: via) }
            return SIPFlow(
                transport: .tcp, local: local, remote: Endpoint(address: address, port: next.port ?? 5060))
        }

        /// Path, Service-Route, and what RFC 5626 section 6 wants said about flows.
        func answerFields(_ policy: RegistrarPolicy) -> [SIPHeaders.Field] {
            var fields: [SIPHeaders.Field] = []
            if supported.contains("path") { fields += path.map { .init(.path, $0.description) } }
            fields += policy.serviceRoutes.map { .init(.serviceRoute, $0.description) }
            if isOutbound {
                fields.append(.init(.require, "outbound"))
                if flow.transport != .udp, let seconds = policy.flowTimerSeconds {
                    fields.append(.init(.flowTimer, String(seconds)))
                }
            }
            return fields
        }
    }
}
