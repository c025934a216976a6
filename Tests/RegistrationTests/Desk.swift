import Persistence
import Primitives
import Registration
import SIPMessage
import SIPTransaction

/// A registrar with one user, spoken to by whole REGISTER requests.
struct Desk {
    var registrar = Registrar(limits: Limits())
    var now = Instant.origin
    let wall = UnixTime(seconds: 1_800_000_000)
    static let flow = SIPFlow(
        transport: .udp, local: Endpoint("10.0.0.1:5060")!, remote: Endpoint("10.0.0.7:40000")!)

    static func stream(_ transport: SIPFlow.Transport, _ connection: UInt64) -> SIPFlow {
        SIPFlow(
            transport: transport, local: Endpoint("10.0.0.1:5060")!, remote: Endpoint("10.0.0.7:40000")!,
            connection: connection)
    }

    mutating func register(
        _ contacts: [String], expires: String? = nil, callID: String = "a", cseq: Int = 1, over flow: SIPFlow = flow,
        via: String = "SIP/2.0/UDP 10.0.0.7:40000;branch=z9hG4bKx", supported: String? = nil, user: String = "100",
        to: String? = nil, more: [SIPHeaders.Field] = []
    ) -> RegistrationAnswer {
        var headers = SIPHeaders([
            .init(.via, "\(via)\(cseq)"), .init(.to, to ?? "<sip:\(user)@pbx.example>"), .init(.callID, callID),
            .init(.cseq, "\(cseq) REGISTER"),
        ])
        for contact in contacts { headers.append(.contact, contact) }
        if let expires { headers.append(.expires, expires) }
        if let supported { headers.append(.supported, supported) }
        for field in more { headers.append(field.name, field.value) }
        return registrar.register(
            SIPRequest(method: .register, uri: SIPURI(host: "pbx.example"), headers: headers), addressOfRecord: user,
            over: flow, at: now, wall: wall + (now - .origin))
    }

    func contacts() -> [String] { registrar.bindings(of: "100", at: now).map(\.contact.uri.description) }

    /// What the store would have of the user after everything was handed out.
    mutating func stored() -> [BindingRecord] {
        registrar.takeAllDirty(at: now).last { $0.addressOfRecord == "100" }?.bindings ?? []
    }
}
